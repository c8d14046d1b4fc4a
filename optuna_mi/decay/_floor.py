"""The floor: how high MI may be measured where there is none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammainccinv, ndtr, pdtrik

Floats = npt.NDArray[np.float64]

#: Probability that noise exceeds the floor: that of three standard deviations of a normal
#: variable, 0.13 %, the usual meaning of "three sigma".
FLOOR_TAIL = float(ndtr(-3.0))
# Skewness 0 would divide by zero below. At this one the quantile is that of a normal variable
# within 0.1 %, so smaller ones are raised to it.
_STRAIGHT = 1e-3


def noise_floor(deviation: Floats, skewness: Floats | float = 0.0) -> Floats:
    """Return the value that noise with mean 0 exceeds as rarely as a normal one three deviations.

    Few symbols or few pairs make noise skewed, and three deviations are not rare.

    Args:
        deviation: Standard deviation, any shape.
        skewness: Third central moment in units of the deviation's cube.
    """
    return np.asarray(deviation * noise_quantile(FLOOR_TAIL, skewness))


def noise_quantile(tail: float, skewness: Floats | float) -> Floats:
    """Return the number of deviations that noise with mean 0 exceeds with a probability.

    The MI of independent data is a chi-square variable where pairs are many, and proportional to
    the number of chance repeats, a Poisson variable, where nearly all pairs differ. The skewness
    settles the parameter of either; the larger of the two values is taken.

    Args:
        tail: The probability.
        skewness: Third central moment in units of the deviation's cube, any shape.
    """
    skewed = np.maximum(skewness, _STRAIGHT)
    shape = 4.0 / skewed**2
    smooth = (gammainccinv(shape, tail) - shape) / np.sqrt(shape)
    rate = 1.0 / skewed**2
    # as many repeats are noise, one more is not
    repeats = (np.ceil(pdtrik(1.0 - tail, rate)) + 0.5 - rate) / np.sqrt(rate)
    return np.asarray(np.maximum(smooth, repeats))
