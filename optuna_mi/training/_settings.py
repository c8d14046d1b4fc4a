"""A setting of a trial: a fixed value, or an Optuna distribution to search."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

T = TypeVar("T")


def resolve(trial: optuna.Trial, name: str, value: T | BaseDistribution) -> T:
    """Return the value itself, or what the trial suggests when it is a distribution.

    Args:
        trial: The trial that is asked.
        name: The parameter's name in the study.
        value: A fixed value or an Optuna distribution.
    """
    match value:
        case IntDistribution():
            found: Any = trial.suggest_int(
                name, value.low, value.high, step=value.step, log=value.log
            )
        case FloatDistribution():
            found = trial.suggest_float(name, value.low, value.high, step=value.step, log=value.log)
        case CategoricalDistribution():
            found = trial.suggest_categorical(name, value.choices)
        case _:
            found = value
    return cast(T, found)
