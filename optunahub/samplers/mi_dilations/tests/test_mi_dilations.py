from __future__ import annotations

from pathlib import Path

import numpy as np
import optuna
from optuna_mi.decay import analyze_decay
from optuna_mi.decay import decay_curve
import optunahub
import pytest


module = optunahub.load_local_module(
    package="samplers/mi_dilations", registry_root=str(Path(__file__).parents[3])
)


@pytest.fixture(scope="module")
def space() -> module.DilationSpace:
    rng = np.random.default_rng(0)
    motif = rng.integers(0, 4, 12)
    sequence = np.where(rng.random(6000) < 0.3, rng.integers(0, 4, 6000), np.resize(motif, 6000))
    analysis = analyze_decay(decay_curve(sequence, max_lag=80))
    return module.DilationSpace.from_analysis(analysis, window=64, max_layers=5)


def as_list(trial: optuna.trial.FrozenTrial) -> list[int]:
    return [int(dilation) for dilation in trial.user_attrs["dilations"].split(",")]


def test_the_first_trial_is_what_the_data_recommend(space: module.DilationSpace) -> None:
    study = optuna.create_study(sampler=module.MISampler(space, seed=0))
    study.optimize(lambda trial: float(len(space.suggest(trial))), n_trials=8)
    assert as_list(study.trials[0]) == list(space.dilations(space.recommended))
    assert as_list(study.trials[0])[-1] == 12  # the motif's length
    assert len({trial.user_attrs["dilations"] for trial in study.trials}) > 1


def test_every_list_increases_and_stays_within_the_window(space: module.DilationSpace) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: float(len(space.suggest(trial))), n_trials=20)
    for trial in study.trials:
        dilations = as_list(trial)
        assert dilations == sorted(set(dilations))
        assert dilations[-1] < 64


def test_the_grid_runs_each_cell_once_and_stops(space: module.DilationSpace) -> None:
    study = optuna.create_study(sampler=module.MIGridSampler(space))
    study.optimize(lambda trial: float(sum(space.suggest(trial))))
    run = [t.user_attrs["dilations"] for t in study.trials if t.value is not None]
    assert len(run) == len(set(run)) > 1
