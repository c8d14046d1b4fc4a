from __future__ import annotations

import dataclasses
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState

from optuna_mi import DilatedRNNObjective, DilationSpace, load_best, load_dataset
from optuna_mi.datasets import LanguageModeling, SequenceClassification
from optuna_mi.pruners import ihyll_series
from optuna_mi.training import InformationProbe, ProbeMeasurement


@pytest.fixture(scope="module")
def digits() -> SequenceClassification:
    dataset = load_dataset("digits")
    assert isinstance(dataset, SequenceClassification)
    return dataset


@pytest.fixture(scope="module")
def text() -> LanguageModeling:
    """Symbols that repeat with period 5 but for one in ten: no model gets below 0.56 bits."""
    rng = np.random.default_rng(0)
    symbols = np.arange(40_000) % 5
    noisy = rng.random(len(symbols)) < 0.1
    symbols[noisy] = rng.integers(0, 5, noisy.sum())
    parts = np.split(symbols.astype(np.int64), [36_000, 38_000])
    return LanguageModeling("own", *parts, sequences=parts[0], vocabulary=tuple("abcde"))


@pytest.fixture(scope="module")
def space(digits: SequenceClassification) -> DilationSpace:
    return DilationSpace.from_sequences(digits.sequences)


def _study(**settings: Any) -> optuna.Study:
    return optuna.create_study(study_name="s", sampler=optuna.samplers.RandomSampler(0), **settings)


def test_a_trial_learns_and_records_what_it_did(
    digits: SequenceClassification, space: DilationSpace
) -> None:
    study = _study(direction="maximize")
    objective = DilatedRNNObjective(digits, space, hidden_size=16, epochs=8)
    study.optimize(objective, n_trials=1)
    trial = study.trials[0]
    assert trial.value == max(trial.intermediate_values.values())
    assert trial.value > 0.7  # chance is 0.1
    assert list(trial.intermediate_values) == list(range(8))
    attributes = trial.user_attrs
    assert attributes["epochs"] == 8
    assert attributes["test"] > 0.6
    assert attributes["dilations"].startswith("1,")
    assert (
        math.log(10) - 0.01 < attributes["ihyll_reference"] <= math.log(10)
    )  # classes are nearly balanced
    series = ihyll_series(trial)
    assert series[7] == pytest.approx(attributes["ihyll_final"], abs=1e-4)  # stored rounded
    assert series[7] > series[0] + 0.3  # nats: learning shows in IHYLL
    rates = attributes["mi:lr"]
    assert rates[0] == 1e-3  # LR_min
    # after one epoch the value alone counts: up by LR_max for what is left of the reference
    left = 1 - series[0] / attributes["ihyll_reference"]
    assert rates[1] == pytest.approx(1e-3 + 1e-2 * left, abs=1e-6)
    assert all(1e-3 <= rate <= 1e-2 for rate in rates)


def test_where_information_stays_far_below_the_reference_the_rate_cools_in_steps(
    digits: SequenceClassification, space: DilationSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = InformationProbe.measure

    def saturated(self: InformationProbe) -> ProbeMeasurement:
        found = flat(self)
        return dataclasses.replace(found, ihyll=dataclasses.replace(found.ihyll, value=1.0))

    monkeypatch.setattr(InformationProbe, "measure", saturated)
    objective = DilatedRNNObjective(
        digits, space, hidden_size=4, epochs=4, steps=1, reference=2.0, lr_max=1e-2
    )
    study = _study(direction="maximize")
    study.optimize(objective, n_trials=1)
    # half of the reference is left: up by 0.5 LR_max once, then down by 0.3 * 0.5 LR_max each time
    assert study.trials[0].user_attrs["mi:lr"] == pytest.approx([1e-3, 6e-3, 4.5e-3, 3e-3])


def test_a_language_model_learns(text: LanguageModeling) -> None:
    space = DilationSpace.from_sequences(text.train, window=32)
    objective = DilatedRNNObjective(
        text, space, hidden_size=16, epochs=3, steps=30, batch_size=16, window=32, lr_max=2e-2
    )
    study = _study(direction="minimize")
    study.optimize(objective, n_trials=1)
    trial = study.trials[0]
    assert trial.value is not None
    right, wrong = 0.92, 0.02
    entropy = -right * math.log2(right) - 4 * wrong * math.log2(wrong)
    assert entropy - 0.05 < trial.value < entropy + 0.3  # log2(5) = 2.32 bits without learning
    assert 0.3 < trial.user_attrs["ihyll_final"] < trial.user_attrs["ihyll_reference"] + 0.1


def test_bits_per_symbol_against_a_plain_loop(text: LanguageModeling) -> None:
    space = DilationSpace.from_sequences(text.train, window=32)
    objective = DilatedRNNObjective(text, space, window=32, valid_symbols=257)
    torch.manual_seed(0)
    model = objective.task.build((1, 2, 4), 8).eval()
    streams = torch.from_numpy(text.valid[:257]).reshape(257)[: 257 // 2 * 2].view(2, -1).T
    with torch.no_grad():
        logits, _ = model(streams[:-1])
    nats = -torch.log_softmax(logits, -1).gather(-1, streams[1:, :, None]).mean()
    assert objective.task.score(model, "valid") == pytest.approx(
        float(nats) / math.log(2), rel=1e-5
    )


def test_the_same_seed_gives_the_same_numbers(
    digits: SequenceClassification, space: DilationSpace
) -> None:
    def values(seed: int) -> dict[int, float]:
        study = _study(direction="maximize")
        objective = DilatedRNNObjective(
            digits, space, hidden_size=8, epochs=2, steps=5, dropout=0.1, seed=seed
        )
        study.optimize(objective, n_trials=1)
        return {**study.trials[0].intermediate_values, 9: study.trials[0].user_attrs["ihyll_final"]}

    before = torch.get_rng_state()
    assert values(1) == values(1)
    assert torch.equal(torch.get_rng_state(), before)
    assert values(1) != values(2)


def test_distributions_become_parameters(
    digits: SequenceClassification, space: DilationSpace
) -> None:
    objective = DilatedRNNObjective(
        digits,
        space,
        cell=CategoricalDistribution(["gru", "rnn"]),
        hidden_size=IntDistribution(4, 8),
        dropout=FloatDistribution(0.0, 0.3),
        lr_max=FloatDistribution(2e-3, 1e-2, log=True),
        optimizer="rmsprop",
        policy="change",
        epochs=1,
        steps=1,
    )
    study = _study(direction="maximize")
    study.optimize(objective, n_trials=2)
    names = set(space.distributions()) | {"cell", "hidden_size", "dropout", "lr_max"}
    assert set(study.trials[0].params) == names
    assert study.trials[0].distributions["hidden_size"] == IntDistribution(4, 8)


class _Killed(BaseException):
    """Stands for a worker that dies: not an Exception, so nothing may swallow it."""


def test_a_retried_trial_goes_on_as_if_nothing_had_happened(
    digits: SequenceClassification,
    space: DilationSpace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def make(folder: Path) -> DilatedRNNObjective:
        return DilatedRNNObjective(
            digits,
            space,
            hidden_size=8,
            epochs=4,
            steps=5,
            dropout=0.2,
            checkpoint_dir=folder,
        )

    whole = _study(direction="maximize")
    whole.enqueue_trial(space.recommended)
    whole.optimize(make(tmp_path / "a"), n_trials=1)

    broken = _study(direction="maximize")
    broken.enqueue_trial(space.recommended)
    objective = make(tmp_path / "b")
    report, seen = optuna.Trial.report, []

    def dying_report(self: optuna.Trial, value: float, step: int) -> None:
        report(self, value, step)
        seen.append(step)
        if seen == [0, 1]:
            raise _Killed

    monkeypatch.setattr(optuna.Trial, "report", dying_report)
    trial = broken.ask()
    with pytest.raises(_Killed):
        objective(trial)
    broken.tell(trial, state=TrialState.FAIL)
    RetryHeartbeatStaleTrialCallback()(broken, broken.trials[0])
    broken.optimize(objective, n_trials=1)
    assert seen == [0, 1, 0, 1, 2, 3]  # the retry reports the first two again, trains the others
    retried, expected = broken.trials[1], whole.trials[0]
    assert retried.intermediate_values == expected.intermediate_values
    for name in ("mi:lr", "ihyll_final", "epochs", "test"):
        assert retried.user_attrs[name] == expected.user_attrs[name]


def test_a_new_trial_never_takes_up_an_old_checkpoint(
    digits: SequenceClassification, space: DilationSpace, tmp_path: Path
) -> None:
    objective = DilatedRNNObjective(
        digits, space, hidden_size=8, epochs=2, steps=2, checkpoint_dir=tmp_path
    )
    for _ in range(2):  # the study was deleted, the folder was not
        study = _study(direction="maximize")
        study.optimize(objective, n_trials=1)
        assert [path.name for path in tmp_path.iterdir()] == ["s-0.pt"]
    state = torch.load(tmp_path / "s-0.pt", weights_only=True)
    assert len(state["history"]["values"]) == 2


def test_a_full_disk_costs_the_checkpoint_not_the_trial(
    digits: SequenceClassification,
    space: DilationSpace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(state: Any, file: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    objective = DilatedRNNObjective(
        digits, space, hidden_size=8, epochs=1, steps=2, checkpoint_dir=tmp_path
    )
    study = _study(direction="maximize")
    study.optimize(objective, n_trials=1)
    assert study.trials[0].state == TrialState.COMPLETE
    assert list(tmp_path.iterdir()) == []


def test_divergence_prunes_with_a_reason(
    digits: SequenceClassification, space: DilationSpace, tmp_path: Path
) -> None:
    spoilt = digits.train.inputs.copy()
    dataset = dataclasses.replace(digits, train=dataclasses.replace(digits.train, inputs=spoilt))
    spoilt[:, 3] = np.nan  # after the data set was made, which refuses NaN
    objective = DilatedRNNObjective(dataset, space, hidden_size=8, epochs=3)
    study = _study(direction="maximize")
    study.optimize(objective, n_trials=1)
    trial = study.trials[0]
    assert trial.state == TrialState.PRUNED
    assert trial.user_attrs["mi:reason"] == "the training loss is not finite in epoch 0"
    assert trial.user_attrs["epochs"] == 0


def test_ctrl_c_leaves_nothing_running(
    digits: SequenceClassification, space: DilationSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(optuna.Trial, "should_prune", interrupt)
    study = _study(direction="maximize")
    objective = DilatedRNNObjective(digits, space, hidden_size=8, epochs=3, steps=1)
    with pytest.raises(KeyboardInterrupt):
        study.optimize(objective, n_trials=2)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL]
    assert study.trials[0].user_attrs["epochs"] == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be an integer of at least 1, got 0"),
        ({"policy": "magic"}, r"policy must be one of .* got 'magic'"),
        ({"device": "cuda:99"}, "device='cuda:99' cannot be used here"),
        ({"device": "gpu"}, "device='gpu': torch knows no such device"),
        ({"clip": -1.0}, r"clip must be a finite number > 0, got -1\.0"),
        ({"clip": 0.0}, "clip must be a finite number > 0"),
        ({"epochs": 2.5}, r"epochs must be an integer .* got 2\.5"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"valid_symbols": 1}, "valid_symbols must be an integer of at least 2, got 1"),
        (
            {"hidden_size": IntDistribution(0, 4)},
            "hidden_size must be an integer of at least 1, got 0",
        ),
        ({"dropout": FloatDistribution(0.0, 1.0)}, r"dropout must be .* < 1, got 1\.0"),
        ({"optimizer": "adamw"}, "optimizer must be one of 'adam', 'rmsprop', 'sgd'"),
        ({"cell": CategoricalDistribution(["gru", "GRU"])}, "cell must be one of 'rnn', 'gru'"),
        ({"init": "foo"}, "init must be one of"),
        ({"reference": "foo"}, "reference must be one of 'entropy', 'ixy'"),
        ({"reference": -1.0}, "reference must be a finite number > 0"),
        ({"lr_max": math.nan}, "lr_max must be a finite number > 0, got nan"),
        ({"lr_min": 0.1, "lr_max": 0.01}, r"lr_min=0\.1, lr_max=0\.01: no lr_min may lie above"),
        ({"lr_max": FloatDistribution(1e-4, 1e-2)}, r"lr_min=0\.001, lr_max=FloatDistribution"),
    ],
)
def test_bad_settings_are_told_at_the_door(
    digits: SequenceClassification, space: DilationSpace, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        DilatedRNNObjective(digits, space, **settings)


def test_bad_settings_of_language_models(text: LanguageModeling) -> None:
    space = DilationSpace.from_sequences(text.train, window=32)
    with pytest.raises(ValueError, match="here the inputs are symbols"):
        DilatedRNNObjective(text, space, reference="ixy")
    with pytest.raises(ValueError, match="fewer than one batch of 300 windows of 200"):
        DilatedRNNObjective(text, space, batch_size=300, window=200)


def test_a_constant_rate_needs_no_lr_min(
    digits: SequenceClassification, space: DilationSpace
) -> None:
    objective = DilatedRNNObjective(
        digits, space, hidden_size=4, epochs=1, steps=1, policy=None, lr_max=5e-4
    )
    study = _study(direction="maximize")
    study.optimize(objective, n_trials=1)
    assert study.trials[0].user_attrs["mi:lr"] == [5e-4]


def test_a_space_that_reaches_beyond_the_window_is_refused(
    digits: SequenceClassification, text: LanguageModeling
) -> None:
    space = DilationSpace.from_sequences(text.train, window=64, ranges="wide")
    with pytest.raises(ValueError, match=r"window=32 steps cannot hold: .*window=32\)"):
        DilatedRNNObjective(text, space, window=32)
    wide = DilationSpace.from_sequences(text.train, window=65, ranges="wide")
    assert wide.max_dilation.high == 64
    with pytest.raises(ValueError, match="sequences of 64 steps cannot hold"):
        DilatedRNNObjective(digits, wide)


def test_a_study_of_the_wrong_direction_is_refused(
    digits: SequenceClassification, space: DilationSpace
) -> None:
    objective = DilatedRNNObjective(digits, space, hidden_size=4, epochs=1, steps=1)
    for settings in ({"direction": "minimize"}, {"directions": ["maximize", "minimize"]}):
        with pytest.raises(ValueError, match=r"create_study\(direction='maximize'\)"):
            _study(**settings).optimize(objective, n_trials=1)


def test_an_unnamed_study_repeats(digits: SequenceClassification, space: DilationSpace) -> None:
    def value() -> float:
        objective = DilatedRNNObjective(digits, space, hidden_size=8, epochs=1, steps=5)
        study = optuna.create_study(
            direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0)
        )
        study.optimize(objective, n_trials=1)
        return float(study.trials[0].user_attrs["ihyll_final"])

    assert value() == value()


def test_trials_in_threads_warn(digits: SequenceClassification, space: DilationSpace) -> None:
    meet = threading.Barrier(2)

    class Meeting(optuna.pruners.NopPruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            meet.wait(timeout=60)
            return False

    objective = DilatedRNNObjective(digits, space, hidden_size=4, epochs=1, steps=1)
    study = _study(direction="maximize", pruner=Meeting())
    with pytest.warns(UserWarning, match="use worker processes instead of n_jobs"):
        study.optimize(objective, n_trials=2, n_jobs=2)


def test_a_trial_resumed_after_its_last_epoch_is_tested_without_dropout(
    digits: SequenceClassification,
    space: DilationSpace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    objective = DilatedRNNObjective(
        digits, space, hidden_size=8, epochs=1, dropout=0.5, checkpoint_dir=tmp_path
    )
    scored, score = [], type(objective.task).score

    def recorded(self: Any, model: torch.nn.Module, split: str) -> float:
        scored.append(model.training)
        return score(self, model, split)

    monkeypatch.setattr(type(objective.task), "score", recorded)
    study = _study(direction="maximize")
    study.enqueue_trial(space.recommended)
    trial = study.ask()
    objective(trial)
    study.tell(trial, state=TrialState.FAIL)  # killed between the last checkpoint and the tell
    RetryHeartbeatStaleTrialCallback()(study, study.trials[0])
    study.optimize(objective, n_trials=1)
    assert scored == [False] * 3  # valid and test, then test again
    assert study.trials[1].user_attrs["test"] == study.trials[0].user_attrs["test"]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_any_default_dtype(
    digits: SequenceClassification,
    text: LanguageModeling,
    space: DilationSpace,
    dtype: torch.dtype,
) -> None:
    torch.set_default_dtype(dtype)
    try:
        for data in (digits, text):
            found = space if data is digits else DilationSpace.from_sequences(text.train, window=32)
            objective = DilatedRNNObjective(
                data, found, hidden_size=4, epochs=1, steps=2, window=32, probe_size=50
            )
            study = _study(direction=data.direction)
            study.optimize(objective, n_trials=1)
            assert math.isfinite(study.best_trial.user_attrs["test"])
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_best_trial_trained_again_is_the_same(
    digits: SequenceClassification, space: DilationSpace, tmp_path: Path
) -> None:
    settings = {"hidden_size": IntDistribution(4, 8), "epochs": 2, "steps": 5}
    objective = DilatedRNNObjective(digits, space, **settings, checkpoint_dir=tmp_path)
    study = _study(direction="maximize", storage=None)
    study.optimize(objective, n_trials=2)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = study.best_trial
    assert objective(again) == study.best_value
    assert again.user_attrs["test"] == study.best_trial.user_attrs["test"]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files
    fixed = optuna.trial.FixedTrial(study.best_params, number=study.best_trial.number)
    assert 0 < objective(fixed) <= 1
    assert fixed.user_attrs["dilations"] == study.best_trial.user_attrs["dilations"]
    with pytest.raises(ValueError, match="'n_layers_0' is not found"):
        objective(optuna.trial.FixedTrial({"max_dilation": space.max_dilation.high}))


def _best_epoch_then_worse(monkeypatch: pytest.MonkeyPatch, objective: Any, best: int) -> None:
    """Let the validation score be best after one epoch."""
    score, epochs = objective.task.score, iter(range(100))

    def scripted(model: Any, split: str) -> float:
        if split == "valid":
            return 0.9 if next(epochs) == best else 0.5
        return float(score(model, split))

    monkeypatch.setattr(objective.task, "score", scripted)


def test_the_test_split_is_scored_with_the_weights_of_the_best_epoch(
    digits: SequenceClassification,
    space: DilationSpace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {"hidden_size": 8, "steps": 10, "policy": None}
    shorter = DilatedRNNObjective(digits, space, **settings, epochs=2)
    longer = DilatedRNNObjective(digits, space, **settings, epochs=4, checkpoint_dir=tmp_path)
    studies = [_study(direction="maximize") for _ in range(2)]
    studies[0].optimize(shorter, n_trials=1)
    _best_epoch_then_worse(monkeypatch, longer, best=1)
    studies[1].optimize(longer, n_trials=1)
    first, second = (study.best_trial for study in studies)
    assert second.value == 0.9
    assert second.user_attrs["best_epoch"] == 1
    assert second.user_attrs["test"] == first.user_attrs["test"]
    monkeypatch.undo()
    model = load_best(studies[1])
    assert not model.training
    assert longer.task.score(model, "test") == second.user_attrs["test"]


def test_the_best_network_comes_back(
    digits: SequenceClassification, text: LanguageModeling, space: DilationSpace, tmp_path: Path
) -> None:
    window = DilationSpace.from_sequences(text.train, window=32)
    for data, found in ((digits, space), (text, window)):
        objective = DilatedRNNObjective(
            data,
            found,
            cell=CategoricalDistribution(["gru", "lstm"]),
            hidden_size=np.int64(4),
            lr_max=np.float64(0.01),
            policy=None,
            epochs=2,
            steps=3,
            window=32,
            probe_size=50,
            checkpoint_dir=tmp_path / "here",
        )
        study = optuna.create_study(study_name=data.name, direction=data.direction)
        study.optimize(objective, n_trials=2)
        for trial in study.trials:
            model = load_best(study, trial=trial)
            assert objective.task.score(model, "test") == trial.user_attrs["test"]
    (tmp_path / "here").rename(tmp_path / "there")
    with pytest.raises(FileNotFoundError, match="pass checkpoint_dir="):
        load_best(study)
    model = load_best(study, checkpoint_dir=tmp_path / "there")
    assert objective.task.score(model, "test") == study.best_trial.user_attrs["test"]
    with pytest.raises(ValueError, match="kept no weights"):
        load_best(study, trial=optuna.trial.create_trial(value=0.0))
    same = optuna.create_study(study_name="own", direction="minimize")
    same.optimize(objective, n_trials=1)
    with pytest.raises(ValueError, match="belongs to another trial"):
        load_best(same, checkpoint_dir=tmp_path / "there")


def test_another_default_device(digits: SequenceClassification, space: DilationSpace) -> None:
    objective = DilatedRNNObjective(digits, space, hidden_size=4, epochs=1, steps=2, probe_size=50)
    values = []
    for device in (None, "meta"):
        torch.set_default_device(device)
        try:
            study = _study(direction="maximize")
            study.optimize(objective, n_trials=1)
        finally:
            torch.set_default_device(None)
        values.append(study.best_value)
    assert values[0] == values[1]
