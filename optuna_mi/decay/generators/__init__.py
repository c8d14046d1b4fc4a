"""Sequences whose decay of mutual information is known."""

from __future__ import annotations

from optuna_mi.decay.generators._basic import (
    copy_task,
    independent,
    periodic,
    strictly_piecewise,
    themed,
)
from optuna_mi.decay.generators._gaussian import (
    binary_mutual_information,
    broken_power_correlation,
    exponential_correlation,
    gaussian_symbols,
    periodic_correlation,
    power_correlation,
)
from optuna_mi.decay.generators._markov import (
    markov_chain,
    markov_mutual_information,
    sticky_transition,
)

__all__ = [
    "binary_mutual_information",
    "broken_power_correlation",
    "copy_task",
    "exponential_correlation",
    "gaussian_symbols",
    "independent",
    "markov_chain",
    "markov_mutual_information",
    "periodic",
    "periodic_correlation",
    "power_correlation",
    "sticky_transition",
    "strictly_piecewise",
    "themed",
]
