"""Draws around the recommendation."""

from __future__ import annotations

import math

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from scipy.special import ndtr, ndtri


def draw_near(
    distribution: BaseDistribution, centre: int, width: float, rng: np.random.Generator
) -> int:
    """Draw an integer from a normal around ``centre``, truncated to the distribution's range.

    Args:
        distribution: The parameter's range; on a log scale the normal lives on the logarithm.
        centre: The value that the data recommend.
        width: Standard deviation as a fraction of the range, on the parameter's own scale.
        rng: Source of randomness.

    Returns:
        An integer within the range.
    """
    assert isinstance(distribution, IntDistribution)
    scale = math.log if distribution.log else float
    # Half a step beyond either end, so that the ends are as wide as every other integer.
    low, high = scale(distribution.low - 0.5), scale(distribution.high + 0.5)
    sd = width * (high - low)
    a, b = ndtr((low - scale(centre)) / sd), ndtr((high - scale(centre)) / sd)
    position = scale(centre) + sd * float(ndtri(rng.uniform(a, b)))
    value = math.exp(position) if distribution.log else position
    return int(min(max(round(value), distribution.low), distribution.high))


def draw_choice(distribution: BaseDistribution, rng: np.random.Generator) -> object:
    """Draw one of a categorical's choices, all equally likely."""
    assert isinstance(distribution, CategoricalDistribution)
    return distribution.choices[int(rng.integers(len(distribution.choices)))]
