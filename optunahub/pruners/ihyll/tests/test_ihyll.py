from __future__ import annotations

import math
from pathlib import Path

import optuna
from optuna.pruners import BasePruner
import optunahub
import pytest


module = optunahub.load_local_module(
    package="pruners/ihyll", registry_root=str(Path(__file__).parents[3])
)


class AlwaysPruner(BasePruner):
    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return True


def first_pruned_step(study: optuna.Study, values: list[float]) -> int | None:
    trial = study.ask()
    for step, value in enumerate(values):
        trial.report(value, step)
        module.report_ihyll(trial, step, value)
        if trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return step
    module.flush_ihyll(trial)
    study.tell(trial, values[-1])
    return None


def test_a_rising_trial_is_spared_as_often_as_allowed() -> None:
    pruner = module.IHYLLPruner(AlwaysPruner(), patience=2, max_spared=3)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    # Two steps are held back, three spared: the sixth ends the trial.
    assert first_pruned_step(study, [float(2**step) for step in range(10)]) == 5
    assert study.trials[0].user_attrs["mi:spared"] == [2, 3, 4]


def test_a_flat_trial_is_not_spared() -> None:
    study = optuna.create_study(pruner=module.IHYLLPruner(AlwaysPruner(), patience=2))
    assert first_pruned_step(study, [1.0] * 10) == 2


@pytest.mark.parametrize(("level", "pruned_at"), [(0.5, 3), (2.0, None)])
def test_a_flat_trial_is_pruned_only_below_its_peers(level: float, pruned_at: int | None) -> None:
    study = optuna.create_study(pruner=module.IHYLLPruner(n_min_peers=5))
    for _ in range(5):
        assert first_pruned_step(study, [1.0] * 8) is None
    assert first_pruned_step(study, [level] * 8) == pruned_at


def test_without_ihyll_the_wrapped_pruner_decides() -> None:
    study = optuna.create_study(pruner=module.IHYLLPruner(AlwaysPruner()))
    trial = study.ask()
    trial.report(1.0, 0)
    assert trial.should_prune()


def test_the_series_can_be_read_after_the_study() -> None:
    study = optuna.create_study(pruner=module.IHYLLPruner())
    first_pruned_step(study, [0.5, math.nan, 1.5])
    series = module.ihyll_series(study.trials[0])
    assert series[0] == 0.5
    assert series[2] == 1.5
