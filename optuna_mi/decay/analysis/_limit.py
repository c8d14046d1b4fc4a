"""The one place that says how high MI must be to count."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammainccinv, ndtr, ndtri

Floats = npt.NDArray[np.float64]

# the floor is passed by noise as rarely as a normal variable passes three deviations
_FLOOR_TAIL = float(ndtr(-3.0))


def least_mi(floor: Floats, threshold: float) -> Floats:
    """Return below what MI counts as none: the threshold asked for, or the floor if higher."""
    return np.maximum(floor, threshold)


def family_factor(n_lags: int, n_symbols: int | None, chance: float) -> float:
    """Return how much higher than its floor one lag of many must be not to be noise.

    The floor allows for one lag. Among thousands some pass it by chance. The MI of independent
    data is a chi-square variable, whose tail is the longer the fewer symbols there are.

    Args:
        n_lags: Lags that are looked at.
        n_symbols: Different symbols; ``None`` for estimates that are nearly normal.
        chance: Probability that any of them passes although all are noise.
    """
    tail = min(chance / n_lags, _FLOOR_TAIL)
    if n_symbols is None:
        return -float(ndtri(tail)) / 3.0
    dof = float(max(n_symbols - 1, 1)) ** 2
    return float((_chi_square(tail, dof) - dof) / (_chi_square(_FLOOR_TAIL, dof) - dof))


def _chi_square(tail: float, dof: float) -> float:
    """Return the value that a chi-square variable exceeds with a probability."""
    return 2.0 * float(gammainccinv(dof / 2.0, tail))
