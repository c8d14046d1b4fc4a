"""A trial asked for a value of a distribution, whichever kind it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


def suggest_value(trial: BaseTrial, name: str, distribution: BaseDistribution) -> Any:
    """Return what a trial suggests.

    Args:
        trial: The trial that is asked.
        name: The parameter's name in the study.
        distribution: One of Optuna's three.
    """
    d: Any = distribution
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(name, d.low, d.high, step=d.step, log=d.log)
    if isinstance(distribution, FloatDistribution):
        return trial.suggest_float(name, d.low, d.high, step=d.step, log=d.log)
    return trial.suggest_categorical(name, d.choices)
