"""Checks of the objects that the search space takes from others."""

from __future__ import annotations

import numbers
from typing import Any

from optuna.study import Study
from optuna.trial import BaseTrial

from optuna_mi._checks import instance, whole


def check_analysis(analysis: Any) -> None:
    """Raise TypeError unless it is a DecayAnalysis."""
    from optuna_mi.decay import DecayAnalysis  # heavy, and loaded already where there is one

    remedy = "make one with analyze_decay(decay_curve(x))"
    instance("analysis", analysis, DecayAnalysis, "a DecayAnalysis", remedy)


def check_trial(trial: Any) -> None:
    """Raise TypeError unless it is an Optuna trial."""
    instance("trial", trial, BaseTrial, "a trial of Optuna", "call this in an objective")


def check_study(study: Any) -> None:
    """Raise TypeError unless it is an Optuna study."""
    instance("study", study, Study, "a study of Optuna", "make one with optuna.create_study")


def setting_value(name: str, value: Any) -> int:
    """Return a parameter's value, a positive integer; tables hold whole floats for one.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it is below 1.
    """
    is_real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return whole(name, int(value) if is_real and value % 1 == 0 else value, 1)
