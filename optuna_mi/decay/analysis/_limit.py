"""The one place that says how high MI must be to count."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay._floor import FLOOR_TAIL, noise_quantile

Floats = npt.NDArray[np.float64]


def least_mi(floor: Floats, threshold: float) -> Floats:
    """Return below what MI counts as none: the threshold asked for, or the floor if higher."""
    return np.maximum(floor, threshold)


def family_factor(curve: DecayCurve, chance: float) -> float:
    """Return how much higher than its floor one lag of many must be not to be noise.

    The floor allows for one lag. Among thousands some pass it by chance, the further the more
    skewed their noise is. A curve that does not know its skewness has that of the chi-square law.

    Args:
        curve: The curve.
        chance: Probability that any of its lags passes although all are noise.
    """
    skewness = 0.0
    if curve.floor_skewness is not None:
        skewness = float(curve.floor_skewness.max())
    elif curve.estimator != "ksg" and curve.n_symbols is not None:
        skewness = float(np.sqrt(8.0)) / max(curve.n_symbols - 1, 1)
    tail = min(chance / len(curve), FLOOR_TAIL)
    return float(noise_quantile(tail, skewness) / noise_quantile(FLOOR_TAIL, skewness))
