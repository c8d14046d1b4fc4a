"""UCR and UEA archives as they ship in aeon's wheel: searched where that is installed."""

from __future__ import annotations

import importlib.util
import math
import warnings
from pathlib import Path

import optuna
import pytest

from optuna_mi import DilatedRNNObjective, DilationSpace, from_arrays
from optuna_mi.datasets._reading import rows_of
from optuna_mi.datasets._user_file import read_file

_SPEC = importlib.util.find_spec("aeon")  # its data are read without importing it
pytestmark = pytest.mark.skipif(
    _SPEC is None, reason="UCR sets lie in aeon's wheel: make test-integrations"
)


def _read(name, split):
    assert _SPEC is not None
    folder = Path(_SPEC.origin).parent / "datasets" / "data" / name
    contents = read_file(folder / f"{name}_{split}.ts")
    sequences = contents.parts if contents.parts is not None else rows_of(contents.sequences)
    return list(sequences), list(contents.labels)


@pytest.mark.parametrize(
    ("name", "steps", "features", "classes"),
    [
        ("GunPoint", 150, 1, 2),
        ("ItalyPowerDemand", 24, 1, 2),
        ("BasicMotions", 100, 6, 4),
        ("JapaneseVowels", 29, 12, 9),  # of different lengths
        ("Covid3Month", 84, 1, 0),  # a number a sequence
    ],
)
def test_a_set_is_searched(name, steps, features, classes):
    x, y = _read(name, "TRAIN")
    test = _read(name, "TEST")
    dataset = from_arrays(x, y, test=test, valid=0.25)
    assert dataset.train.inputs.shape[1:] == (steps, features)
    assert len(dataset.test) == len(test[1])
    if classes:
        assert dataset.n_classes == classes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of these series wander
        space = DilationSpace.from_sequences(dataset.sequences, window=dataset.length, max_layers=4)
    objective = DilatedRNNObjective(dataset, space, hidden_size=8, epochs=1, policy=None)
    study = optuna.create_study(direction=dataset.direction)
    study.optimize(objective, n_trials=1)
    assert math.isfinite(study.best_trial.user_attrs["test"])
