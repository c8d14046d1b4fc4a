"""Small valid things that the cases spoil one argument of."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import optuna
import torch
from torch import nn

from optuna_mi.datasets import ClassificationSplit, LanguageModeling, SequenceClassification
from optuna_mi.decay import DecayAnalysis, DecayCurve, analyze_decay
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange

RNG = np.random.default_rng(0)
LAGS = np.arange(1, 60)


@functools.cache
def symbols() -> Any:
    """Return one sequence."""
    return np.random.default_rng(1).integers(0, 3, 400)


@functools.cache
def curve() -> DecayCurve:
    """Return a power law."""
    return DecayCurve(LAGS, 0.3 * LAGS**-1.5)


@functools.cache
def analysis() -> DecayAnalysis:
    """Return what is read off it."""
    return analyze_decay(curve())


@functools.cache
def space() -> DilationSpace:
    """Return a space of one segment."""
    return DilationSpace(
        DecayGeometry("power"), (IntRange(2, 4, 3),), IntRange(4, 7, 5), max_layers=4, window=8
    )


def study(**settings: Any) -> optuna.Study:
    """Return a study in memory."""
    return optuna.create_study(**settings)


def finished() -> optuna.Study:
    """Return a study with one finished trial."""
    one = study()
    one.optimize(lambda trial: float(trial.suggest_int("x", 0, 3)), n_trials=1)
    return one


def split(n: int = 30, steps: int = 8) -> ClassificationSplit:
    """Return labelled sequences."""
    rng = np.random.default_rng(n)
    inputs = rng.normal(size=(n, steps, 1)).astype(np.float32)
    return ClassificationSplit(inputs, np.arange(n) % 3)


def classification(**changed: Any) -> SequenceClassification:
    """Return a data set of sequences with a class each."""
    fields: dict[str, Any] = {
        "name": "toy",
        "train": split(),
        "valid": split(12),
        "test": split(12),
        "sequences": np.zeros((30, 8), dtype=np.int64),
        "n_classes": 3,
    }
    return SequenceClassification(**{**fields, **changed})


def language(**changed: Any) -> LanguageModeling:
    """Return a data set of a stream."""
    stream = np.random.default_rng(2).integers(0, 4, 600)
    fields: dict[str, Any] = {
        "name": "toy",
        "train": stream,
        "valid": stream[:200],
        "test": stream[:200],
        "sequences": stream,
        "vocabulary": ("a", "b", "c", "d"),
    }
    return LanguageModeling(**{**fields, **changed})


def optimizer() -> torch.optim.Optimizer:
    """Return an optimizer with one parameter group."""
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
