"""Training on a GPU: probe, policies, checkpoints that change device, memory that runs out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState

from optuna_mi import DilatedRNNObjective, DilationSpace, load_best, load_dataset
from optuna_mi.nn import DilatedRNNClassifier
from optuna_mi.search_space import DecayGeometry, IntRange
from optuna_mi.training import InformationProbe
from optuna_mi.training._optimize_population import optimize_population

pytestmark = pytest.mark.gpu
SPACE = DilationSpace(DecayGeometry("power"), (IntRange(2, 3, 2),), IntRange(8, 8, 8), 4)


def objective_on(device: torch.device | str, **settings: Any) -> DilatedRNNObjective:
    sizes: dict[str, Any] = {"hidden_size": 16, "epochs": 6}
    return DilatedRNNObjective(load_dataset("digits"), SPACE, device=device, **(sizes | settings))


def study_of(name: str = "s") -> optuna.Study:
    sampler = optuna.samplers.RandomSampler(0)
    return optuna.create_study(study_name=name, direction="maximize", sampler=sampler)


@pytest.mark.parametrize("policy", ["reference", "change", None])
def test_a_trial_learns(policy: Any, device: torch.device) -> None:
    study = study_of()
    study.optimize(objective_on(device, policy=policy), n_trials=1)
    trial = study.trials[0]
    assert trial.value > 0.4  # chance is 0.1
    assert trial.user_attrs["test"] > 0.4
    assert 0 < trial.user_attrs["ihyll_final"] <= trial.user_attrs["ihyll_reference"] + 0.1


def test_the_probe_measures_what_it_measures_on_the_cpu(device: torch.device) -> None:
    torch.manual_seed(0)
    model = DilatedRNNClassifier(1, 8, (1, 2), 4)
    x, y = torch.randn(20, 300, 1), torch.randint(4, (300,))
    found = []
    for where in (torch.device("cpu"), device):
        probe = InformationProbe(model.to(where), x.to(where), y.to(where), size=200, batch_dim=1)
        measured = probe.measure()
        found.append(float(measured.ihyll))
    assert found[1] == pytest.approx(found[0], abs=0.02)


@pytest.mark.parametrize("there", [True, False], ids=["to the GPU", "from the GPU"])
def test_a_checkpoint_is_taken_up_on_another_device(
    there: bool, device: torch.device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from optuna_mi.training._loop import Run

    first, second = ("cpu", device) if there else (device, "cpu")
    study = study_of()
    trial = study.ask()
    objective_on(first, epochs=2, checkpoint_dir=tmp_path)(trial)
    study.tell(trial, state=TrialState.FAIL)
    RetryHeartbeatStaleTrialCallback()(study, study.trials[0])
    trained: list[int] = []
    train = Run._train_epoch

    def noted(self: Run, trial: optuna.Trial, epoch: int) -> None:
        trained.append(epoch)
        train(self, trial, epoch)

    monkeypatch.setattr(Run, "_train_epoch", noted)
    study.optimize(objective_on(second, epochs=4, checkpoint_dir=tmp_path), n_trials=1)
    assert trained == [2, 3]
    assert study.trials[1].state == TrialState.COMPLETE
    model = load_best(study)
    assert model(torch.zeros(1, 64, 1)).shape == (1, 10)


def test_a_graph_s_checkpoint_is_taken_up_without_one(device: torch.device, tmp_path: Path) -> None:
    study = study_of()
    trial = study.ask()
    graph = device.type == "cuda"
    objective_on(device, epochs=3, checkpoint_dir=tmp_path, cuda_graph=graph)(trial)
    study.tell(trial, state=TrialState.FAIL)
    RetryHeartbeatStaleTrialCallback()(study, study.trials[0])
    study.optimize(objective_on("cpu", epochs=4, checkpoint_dir=tmp_path), n_trials=1)
    assert list(study.trials[1].intermediate_values) == [0, 1, 2, 3]


def test_a_trial_without_memory_fails_and_the_next_one_has_it_back(device: torch.device) -> None:
    if device.type != "cuda":
        pytest.skip("the CPU's memory is not to be used up")
    free, whole = torch.cuda.mem_get_info(device)
    used = whole - free
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(min(1.0, 2**31 / whole))
    try:
        study = study_of()
        # Outputs of more than a gigabyte a layer and gate:
        # more than the two GiB that this process may have.
        greedy = objective_on(device, hidden_size=4096, batch_size=1400, init="torch")
        study.optimize(greedy, n_trials=1, catch=(torch.OutOfMemoryError,))
        assert study.trials[0].state == TrialState.FAIL
        study.optimize(objective_on(device, epochs=1), n_trials=1)
        assert study.trials[1].state == TrialState.COMPLETE
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(device)
    assert whole - free < used + 2**30


def test_a_population_trains_as_its_trials_alone(device: torch.device) -> None:
    # What differs is rounding, and what rounding grows to in two epochs.
    alone, together = study_of(), study_of()
    alone.optimize(objective_on(device, epochs=2, steps=5), n_trials=4)
    optimize_population(together, objective_on(device, epochs=2, steps=5), n_trials=4, size=3)
    assert len(together.get_trials(states=[TrialState.COMPLETE])) == 4
    for one, other in zip(alone.trials, together.trials, strict=True):
        assert other.value == pytest.approx(one.value, abs=0.1)
