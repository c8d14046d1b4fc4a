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
    """Raise TypeError unless it is an Optuna trial, or hands on to one as Ray Tune's does."""
    methods = ("suggest_int", "suggest_categorical", "set_user_attr")
    if not isinstance(trial, type) and all(callable(getattr(trial, m, None)) for m in methods):
        return
    instance("trial", trial, BaseTrial, "a trial of Optuna", "call this in an objective")


def check_study(study: Any) -> None:
    """Raise TypeError unless it is an Optuna study."""
    instance("study", study, Study, "a study of Optuna", "make one with optuna.create_study")


def plain_whole(value: Any) -> Any:
    """Return a whole number of any type as Python's integer, anything else as it came.

    Columns of tables hold numpy's integers, or floats.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return int(float(value)) if float(value).is_integer() else value


def setting_value(name: str, value: Any) -> int:
    """Return a parameter's value, a positive integer; tables hold whole floats for one.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it is below 1.
    """
    return whole(name, plain_whole(value), 1)
