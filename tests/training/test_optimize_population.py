"""Trials side by side are the trials that they would be in turn."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState

from optuna_mi import (
    DilatedRNNObjective,
    DilationSpace,
    MIGridSampler,
    MISampler,
    from_arrays,
    load_best,
    load_dataset,
    optimize_population,
)
from optuna_mi._interruption import Interrupted
from optuna_mi.datasets import LanguageModeling
from optuna_mi.nn import DilatedRNNPopulation
from optuna_mi.report import trial_table
from optuna_mi.search_space import DecayGeometry, IntRange
from optuna_mi.training import _population_runs
from optuna_mi.training._loop import Run
from optuna_mi.training._population_runs import PopulationRuns, _Part

SPACE = DilationSpace(DecayGeometry("power"), (IntRange(2, 3, 3),), IntRange(8, 16, 8), 4)
SMALL: dict[str, Any] = {"hidden_size": 4, "epochs": 3, "steps": 3, "probe_size": 50}


def _digits(**settings: Any) -> DilatedRNNObjective:
    return DilatedRNNObjective(load_dataset("digits"), SPACE, **(SMALL | settings))


def _text() -> LanguageModeling:
    rng = np.random.default_rng(0)
    symbols = np.arange(1500) % 5
    symbols[::7] = rng.integers(0, 5, len(symbols[::7]))
    parts = np.split(symbols.astype(np.int64), [1100, 1300])
    return LanguageModeling("own", *parts, sequences=parts[0], vocabulary=tuple("abcde"))


def _of_text(**settings: Any) -> DilatedRNNObjective:
    # 1100 symbols in 4 streams hold 8 windows: an epoch of 3 goes over their end
    sizes = {"window": 32, "batch_size": 4, "valid_symbols": 130, "steps": 3}
    return DilatedRNNObjective(_text(), SPACE, **(SMALL | sizes | settings))


def _of_sequences(**settings: Any) -> DilatedRNNObjective:
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(int(n), 2)) for n in rng.integers(18, 30, 60)]
    targets = np.array([x[-3:].sum() for x in inputs])
    return DilatedRNNObjective(from_arrays(inputs, targets), SPACE, **(SMALL | settings))


def _grid(objective: DilatedRNNObjective, **settings: Any) -> optuna.Study:
    sampler = MIGridSampler(SPACE, extra=settings.pop("extra", None), points=2)
    settings.setdefault("pruner", optuna.pruners.NopPruner())
    return optuna.create_study(
        study_name="s", sampler=sampler, direction=objective.dataset.direction, **settings
    )


def _found(study: optuna.Study) -> dict[str, Any]:
    return {
        f"{trial.number} {trial.params}": (
            trial.state.name,
            [*trial.intermediate_values.values(), trial.value],
            trial.user_attrs["dilations"],
            list(trial.user_attrs["mi:ihyll"].values()),
            trial.user_attrs["mi:lr"],
            [trial.user_attrs.get(name, -1.0) for name in ("test", "best_epoch", "epochs")],
        )
        for trial in study.trials
    }


def _check_equal(study: optuna.Study, other: optuna.Study) -> None:
    ours, theirs = _found(study), _found(other)
    assert ours.keys() == theirs.keys()
    for key, found in ours.items():
        for one, two in zip(found, theirs[key], strict=True):
            assert one == (two if isinstance(one, str) else pytest.approx(two, rel=2e-3, abs=2e-3))


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (_digits, {}),
        (_digits, {"optimizer": "rmsprop", "policy": "change", "dropout": 0.2}),
        (_digits, {"optimizer": "sgd", "policy": None, "lr_max": 0.1, "cell": "lstm"}),
        (_of_text, {}),
        (_of_sequences, {"cell": "rnn", "policy": None}),
    ],
)
def test_every_trial_has_the_numbers_that_it_has_alone(make: Any, settings: Any) -> None:
    objective = make(**settings)
    alone, together = _grid(objective), _grid(objective)
    alone.optimize(objective)
    # places become free at the same time here, since no trial is pruned
    optimize_population(together, objective, size=3)
    assert len(together.trials) == together.sampler.n_cells == 4  # each cell once, and no more
    _check_equal(together, alone)
    assert list(trial_table(together)) == list(trial_table(alone))


def test_pruned_trials_leave_their_places_to_the_next() -> None:
    class Every2nd(optuna.pruners.BasePruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            return trial.number % 2 == 1 and trial.last_step == trial.number % 3

    objective = _digits()
    alone, together = (_grid(objective, pruner=Every2nd(), extra={"lr_max": [0.01, 0.02]})
                       for _ in range(2))  # fmt: skip
    objective = _digits(lr_max=CategoricalDistribution([0.01, 0.02]))
    alone.optimize(objective)
    at_once: list[int] = []
    train = PopulationRuns.train_epoch

    def noted(self: PopulationRuns, runs: Any, *tell: Any) -> Any:
        at_once.append(len(runs))
        return train(self, runs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PopulationRuns, "train_epoch", noted)
        optimize_population(together, objective, size=3)
    _check_equal(together, alone)
    assert {t.state for t in together.trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    assert max(at_once) == 3
    assert at_once[:-3] == [3] * (len(at_once) - 3)  # full until nothing is left


def test_a_network_that_diverges_ends_its_own_trial_alone() -> None:
    objective = _digits(optimizer="sgd", policy=None, lr_max=FloatDistribution(1e-3, 1e30))
    study = optuna.create_study(direction="maximize")
    for rate in (1e-2, 1e30, 1e-2):
        study.enqueue_trial({"n_layers_0": 3, "max_dilation": 8, "lr_max": rate})
    optimize_population(study, objective, n_trials=3, size=3)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "PRUNED", "COMPLETE"]
    assert "not finite in epoch" in study.trials[1].user_attrs["mi:reason"]


def test_an_interrupted_population_goes_on_from_its_checkpoints(tmp_path: Path) -> None:
    objective = _digits(checkpoint_dir=tmp_path)
    fresh = _grid(objective)
    optimize_population(fresh, objective, size=4)
    epochs: list[int] = []
    train = PopulationRuns.train_epoch

    def interrupted(self: PopulationRuns, runs: Any, *tell: Any) -> Any:
        if runs[0].epoch == 2:
            raise Interrupted(15)
        epochs.append(runs[0].epoch)
        return train(self, runs)

    study = _grid(objective)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PopulationRuns, "train_epoch", interrupted)
        with pytest.raises(Interrupted):
            optimize_population(study, objective, size=4)
    assert {t.state for t in study.trials} == {TrialState.RUNNING}  # for the caller to queue again
    for trial in study.trials:
        study.tell(trial.number, state=TrialState.FAIL)
        RetryHeartbeatStaleTrialCallback()(study, study.trials[trial.number])
    sizes = [path.stat().st_size for path in tmp_path.glob("*.pt")]
    assert max(sizes) < 60_000  # of one network, not of four
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PopulationRuns, "train_epoch", lambda self, runs, *tell: (
            epochs.extend(run.epoch for run in runs), train(self, runs))[1])  # fmt: skip
        optimize_population(study, objective, n_trials=3, size=4)
    assert epochs == [0, 1, 2, 2, 2]
    study.optimize(objective, n_trials=1)  # a single trial takes up a population's checkpoint
    ours = {str(t.params): t.value for t in study.trials if t.state == TrialState.COMPLETE}
    assert ours == pytest.approx({str(t.params): t.value for t in fresh.trials})
    model = load_best(study)
    assert objective.task.score(model, "valid") == pytest.approx(study.best_value)


def test_errors_fail_the_trials_at_hand_and_are_raised_unless_caught() -> None:
    objective = _digits()

    def broken(self: PopulationRuns, runs: Any, *tell: Any) -> Any:
        raise torch.OutOfMemoryError("of the accelerator")

    study = optuna.create_study(direction="maximize", sampler=MISampler(SPACE, seed=0))
    ended: list[TrialState] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PopulationRuns, "train_epoch", broken)
        with pytest.raises(torch.OutOfMemoryError):
            optimize_population(study, objective, n_trials=3, size=2)
        optimize_population(
            study,
            objective,
            n_trials=3,
            size=2,
            catch=(torch.OutOfMemoryError,),
            callbacks=[lambda _, trial: ended.append(trial.state)],
        )
    assert [t.state for t in study.trials] == [TrialState.FAIL] * 5
    assert ended == [TrialState.FAIL] * 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_error_while_trials_are_told_leaves_none_running(error: type[BaseException]) -> None:
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "end", lambda self: (_ for _ in ()).throw(error()))
        with pytest.raises(error):
            optimize_population(study, _digits(epochs=1), n_trials=3, size=3)
    assert {t.state for t in study.trials} == {TrialState.FAIL}


def test_a_trial_that_another_worker_took_for_dead_leaves_the_others_alone() -> None:
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(0))
    train = PopulationRuns.train_epoch

    def lost(self: PopulationRuns, runs: Any, *tell: Any) -> Any:
        if runs[0].epoch == 1:
            study._storage.set_trial_state_values(study.trials[0]._trial_id, TrialState.FAIL)
        return train(self, runs, *tell)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PopulationRuns, "train_epoch", lost)
        optimize_population(study, _digits(), n_trials=3, size=3)
    assert [t.state.name for t in study.trials] == ["FAIL", "COMPLETE", "COMPLETE"]


def test_a_callback_may_stop_the_study() -> None:
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(0))
    optimize_population(study, _digits(epochs=1), size=2, callbacks=[lambda study, _: study.stop()])
    assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 2


def test_settings_that_a_population_must_share_are_fixed() -> None:
    objective = _digits(hidden_size=optuna.distributions.IntDistribution(4, 8))
    with pytest.raises(ValueError, match="searches hidden_size"):
        optimize_population(optuna.create_study(direction="maximize"), objective, n_trials=1)
    with pytest.raises(ValueError, match="direction"):
        optimize_population(optuna.create_study(), _digits(), n_trials=1)


def test_state_of_some_networks_begins_anew() -> None:
    objective = _of_text()
    torch.manual_seed(0)
    population = DilatedRNNPopulation([objective.task.build(d, 4) for d in ((1, 2), (1, 3, 4))])
    tokens = torch.randint(5, (9, 2))
    _, state = population(tokens)
    logits, _ = population(tokens, population.forget(state, [1]))
    torch.testing.assert_close(logits[1], population(tokens)[0][1])
    torch.testing.assert_close(logits[0], population(tokens, state)[0][0])


def test_a_graph_gets_all_that_a_step_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    replayed: list[int] = []

    class Replayed:
        """Does every step by what it was told for the first one."""

        def __init__(self, step: Any, device: torch.device, **_: Any) -> None:
            self._step = step

        def __call__(self, *tensors: torch.Tensor) -> torch.Tensor:
            replayed.append(len(tensors))
            result: torch.Tensor = self._step(*tensors)
            return result

    found = []
    for graph in (False, True):
        objective = _digits()
        objective._recipe = dataclasses.replace(objective._recipe, cuda_graph=graph)
        monkeypatch.setattr(_population_runs, "GraphedStep", Replayed)
        study = _grid(objective)
        optimize_population(study, objective, size=3)
        found.append([trial.value for trial in study.trials])
    assert replayed
    assert found[0] == found[1]


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("make", [_digits, _of_text])
def test_on_a_gpu_trials_learn_as_on_the_cpu_and_no_step_waits(make: Any) -> None:
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for cls in (Run, _Part):
            step = cls._step

            def checked(self: Any, losses_of: Any, step: Any = step) -> Any:
                # The first steps compile and check the kernels.
                self.n_steps = getattr(self, "n_steps", 0) + 1
                before = torch.cuda.get_sync_debug_mode()
                torch.cuda.set_sync_debug_mode("error" if self.n_steps > 3 else before)
                try:
                    return step(self, losses_of)
                finally:
                    torch.cuda.set_sync_debug_mode(before)

            patch.setattr(cls, "_step", checked)
        for device, side_by_side in (("cpu", True), ("cuda", False), ("cuda", True)):
            objective = make(device=device, steps=6)
            study = _grid(objective)
            if side_by_side:
                optimize_population(study, objective, size=3)
            else:
                study.optimize(objective)
            found.append([trial.value for trial in study.trials])
    assert found[1] == pytest.approx(found[0], abs=0.05)
    assert found[2] == pytest.approx(found[0], abs=0.05)


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_on_a_gpu_a_population_learns_by_graphs_as_without(optimizer: str) -> None:
    found = []
    for graph in (False, True):
        settings = {"device": "cuda", "steps": 8, "optimizer": optimizer, "batch_size": 16}
        objective = _digits(**settings, cuda_graph=graph)
        study = _grid(objective)
        optimize_population(study, objective, size=3)
        found.append([trial.value for trial in study.trials])
    assert found[1] == pytest.approx(found[0], abs=0.05)
