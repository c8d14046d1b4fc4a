"""What rank correlations say of a period: whole cycles, clocks, whether they last."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.analysis._bins import COMMON_SHARE
from optuna_mi.decay.analysis.periods._tall_peaks import Scaled
from optuna_mi.decay.analysis.periods._weak_peaks import comb_period

Floats = npt.NDArray[np.float64]

#: Values are more alike at one multiple of a period than at another if their rank correlations
#: differ by more than the first figure, and as alike if they differ by less than the second. Chosen
#: on months of twelve years (the year found in 99 of 100, in 90 without).
MORE_ALIKE, _AS_ALIKE = 0.3, 0.1
# A weak cycle shows in this many multiples that are opposed and alike in turn, each by such a
# correlation at least. Eight in turn happen by chance once in 128. A choice.
_IN_TURN, _LEAST_ALIKE = 8, 0.03
# Means are told apart by three standard errors, of eight multiples or more. Values stay alike if
# late correlations are not lower than earlier ones by 5 %, of fewer multiples if the last is three
# quarters of the first.
# Choices: MI, which goes with the square, then falls by 10 %.
_SURE, _SEVERAL, _FALLS, _STAYS = 3.0, 8, 0.05, 0.75
# A correlation that explains a quarter of MI is no accident of how names are numbered. A choice.
_EXPLAINED = 0.25


def whole_cycle(correlation: Floats, period: int) -> int:
    """Return the first multiple of a period at which real values are as alike as they get.

    Half a cycle later they are opposed; a third or a quarter of it later, less alike.
    """
    reach = period // 4
    last = (correlation.size - reach) // period
    alike = correlation[np.arange(1, last + 1) * period - 1]
    if alike.size < 2:
        return period
    if alike.max() < max(alike[0], 0.0) + MORE_ALIKE:
        opposed, same = alike[::2], alike[1::2]
        # a weak cycle: opposed and alike in turn, again and again
        weak = alike.size >= _IN_TURN and opposed.max() < -_LEAST_ALIKE < _LEAST_ALIKE < same.min()
        return 2 * period if weak else period
    many = 1 + int(np.flatnonzero(alike > alike.max() - _AS_ALIKE)[0])
    # half of an odd period is rounded
    around = many * period + np.arange(-reach, reach + 1)
    return int(around[correlation[around - 1].argmax()])


def clock_of(curve: Scaled, correlation: Floats) -> int | None:
    """Return the period of values that tell the phase, and with it MI, at every distance alike."""
    period = comb_period(correlation)
    if period is None:
        return None
    tooth = np.s_[period - 1 :: period]
    # their mean must be more than noise, though single ones drown
    averaging = max(1.0 / np.sqrt(curve.y[tooth].size), COMMON_SHARE)
    seen = curve.y[tooth].mean() > averaging * curve.floor[tooth].mean()
    return period if seen else None


def is_steady(alike: Floats) -> bool:
    """Return whether values stay as alike; of weak cycles this is surer than the peaks of MI."""
    if alike.size < _SEVERAL:
        return bool(alike.size > 1 and alike[-1] > _STAYS * alike[0] > _STAYS * MORE_ALIKE)
    n = alike.size
    before, late = alike[n // 4 : n // 2], alike[n // 2 :]
    error = np.hypot(*(v.std(ddof=1) / np.sqrt(v.size) for v in (before, late)))
    fall = float(before.mean() - late.mean())
    return bool(late.mean() > _SURE * error and fall < _FALLS * before.mean() + 2.0 * error)


def explains(alike: float, mi: float) -> bool:
    """Return whether order matters: a correlation explains a good part of MI, as of normal values.

    The numbers of names correlate too, by as little as chance will have it.
    """
    told = -0.5 * np.log1p(-min(alike * alike, 1.0 - 1e-12))
    return bool(alike > 0 and told > _EXPLAINED * mi)
