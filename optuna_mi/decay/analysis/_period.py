"""The period of a curve: how it is found, its kind, and the envelope of its peaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.analysis._tall_peaks import Scaled, heights, peaks_period, scale
from optuna_mi.decay.analysis._weak_peaks import comb_period, share_lost

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Kind = Literal["dominant", "modulating"]

# a peak that returns to this share of MI(1) may make its period dominant
_DOMINANT_SHARE = 0.5
# one period is the span while so many steps of it cover what the peaks live on for
_MOST_STEPS = 32
# peaks that are higher than the last ones by no more than this factor do not fall any more
_STEADY = 1.16
# a first peak that is higher than another's by more than this factor is another peak
_TALLER = 1.25
# so many peaks say whether each can be seen
_NEAR = 12
# differences of rank correlations beyond and below which values are more alike, or as alike
_MORE_ALIKE, _AS_ALIKE = 0.3, 0.1
# a period takes this share of MI away between its peaks, or it is an ornament
_LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Period:
    """A period and the share of MI lost between its peaks.

    Attributes:
        period: Distance between peaks.
        strength: Share of MI lost between them, 0 to 1.
        pooled: Whether single peaks drown in the noise, and only their mean stands out.
    """

    period: int
    strength: float
    pooled: bool = False


def find_period(
    lags: Ints,
    values: Floats,
    sigma: Floats | None,
    floor: Floats,
    correlation: Floats | None = None,
) -> Period | None:
    """Look for a period among the lags that are measured without gaps from 1 on.

    Where periods are nested, as a day in a week, the longest one that shows is meant: shorter ones
    divide it.

    Args:
        lags: Distances.
        values: Corrected MI.
        sigma: Error of single lags; measured from the curve itself if ``None``.
        floor: Noise floor of single lags.
        correlation: Rank correlation of real values: half a cycle has as much MI as a whole one,
            but is its opposite; and a season whose months all differ has the same MI everywhere.

    Returns:
        The period, or ``None``: also where lag 1 is not measured, and so nothing without gaps.
    """
    if lags[0] != 1:
        return None
    curve = scale(lags, values, sigma, floor)
    pooled, single = _pooled(curve), peaks_period(curve)
    start = pooled or single
    if pooled and single and single % pooled == 0:
        # few multiples are no match for many, but they may be much taller
        taller = curve.y[single - 1] > _TALLER * curve.y[pooled - 1]
        start = single if taller else pooled
    if correlation is not None:
        signs = correlation[: curve.y.size]
        start = _whole_cycle(signs, start) if start is not None else _clock(curve, signs)
    if start is None:
        return None
    period = _tallest(curve, start)
    tooth = np.s_[period - 1 : _NEAR * period : period]
    drowned = bool((curve.y[tooth] < curve.floor[tooth]).any())
    return _described(curve, period, pooled=pooled is not None and drowned)


def _whole_cycle(correlation: Floats, period: int) -> int:
    """Return the first multiple of a period at which real values are as alike as they get.

    Half a cycle later they are opposed; a third or a quarter of it later, less alike.
    """
    reach = period // 4
    last = (correlation.size - reach) // period
    alike = correlation[np.arange(1, last + 1) * period - 1]
    if alike.size < 2 or alike.max() < max(alike[0], 0.0) + _MORE_ALIKE:
        return period
    many = 1 + int(np.flatnonzero(alike > alike.max() - _AS_ALIKE)[0])
    # half of an odd period is rounded
    around = many * period + np.arange(-reach, reach + 1)
    return int(around[correlation[around - 1].argmax()])


def _clock(curve: Scaled, correlation: Floats) -> int | None:
    """Return the period of values that tell the phase, and with it MI, at every distance alike."""
    period = comb_period(correlation)
    if period is None or (curve.y[period - 1 :: period] < curve.floor[period - 1 :: period]).any():
        return None
    return period


def _pooled(curve: Scaled) -> int | None:
    period = comb_period(curve.level)
    return None if period is None or share_lost(curve.y, period) < _LEAST_SHARE else period


def _tallest(curve: Scaled, period: int) -> int:
    """Return, of a period and those that show in its peaks' heights, the one that tells most.

    That is the one whose first peak is highest; the longest, if all first peaks are in the shadow
    of short distances.
    """
    nested, factor = [period], _factor(curve.every(period))
    while factor > 1:
        nested.append(nested[-1] * factor)
        factor = _factor(curve.every(nested[-1]))
    peaks = [p for p in nested if float(heights(curve, p)[:1].sum()) > 0]
    return max(peaks, key=lambda p: float(curve.y[p - 1]), default=nested[-1])


def _factor(teeth: Scaled) -> int:
    return _pooled(teeth) or peaks_period(teeth) or 1


def _described(curve: Scaled, period: int, *, pooled: bool) -> Period:
    height = heights(curve, period)
    # on the curve's scale, which is logarithmic where single peaks stand above the noise
    strength = -np.expm1(-max(float(height.mean()), 0.0)) if height.size else 0.0
    if pooled:
        strength = share_lost(curve.y, period)
    return Period(period, float(strength), pooled)


def describe_given(
    lags: Ints, values: Floats, sigma: Floats | None, floor: Floats, period: int
) -> Period:
    """Describe a period the user is sure of; its strength is 0 where the lags do not show it."""
    if lags[0] != 1:
        return Period(period, 0.0)
    curve = scale(lags, values, sigma, floor)
    if curve.y.size < period + (period + 1) // 2:
        return Period(period, 0.0)
    return _described(curve, period, pooled=False)


@dataclass(frozen=True)
class Returns:
    """What becomes of a period's peaks.

    Attributes:
        kind: ``"dominant"`` if they return near MI(1) and one period is the span.
        clock: Whether they do not fall.
        long: Whether they return near MI(1), but one period is not the span.
        n_periods: After how many periods they are gone, or do not fall any more.
    """

    kind: Kind
    clock: bool
    long: bool
    n_periods: int


def judge(lags: Ints, values: Floats, found: Period, crossing: float | None) -> Returns:
    """Tell a period that is the span from one that rides on a longer dependence.

    A connection over one period reaches k periods back in k steps. That does while the steps are
    few, as on images with their 28 rows, or where every period repeats the last one; peaks that
    return near MI(1) but fall over hundreds of periods are a long dependence of their own.

    Args:
        lags: Distances.
        values: Corrected MI.
        found: The period.
        crossing: Where the envelope of the peaks stays below the threshold, if it does.
    """
    period = found.period
    at = np.flatnonzero(lags % period == 0)
    if not at.size:
        # between measured lags the nearest one speaks for the peak
        at = np.array([min(int(np.searchsorted(lags, period)), lags.size - 1)])
    tooth = values[at]
    falling = _falling(tooth)
    clock = crossing is None and not falling and bool(np.median(tooth) > tooth[0] / _STEADY)
    if crossing is not None:
        n_periods = int(crossing // period)
    elif falling:
        n_periods = int(lags[at[falling - 1]] // period)
    else:
        n_periods = 0 if clock else int(lags[-1] // period)
    # peaks that drown say nothing about MI(1)
    returns = not found.pooled and bool(tooth[0] >= _DOMINANT_SHARE * values[0])
    short = n_periods <= _MOST_STEPS
    kind: Kind = "dominant" if returns and short else "modulating"
    return Returns(kind, clock, returns and not short, n_periods)


def _falling(tooth: Floats) -> int:
    """Return after how many peaks they do not fall any more."""
    late = tooth[-max(1, tooth.size // 3) :]
    limit = _STEADY * late.mean() + 3.0 * late.std()
    return int(np.flatnonzero(tooth > limit)[-1]) + 1 if (tooth > limit).any() else 0


def envelope(lags: Ints, values: Floats, period: int) -> Floats:
    """Return the largest value within half a period on either side of every lag."""
    low = np.searchsorted(lags, lags - period // 2)
    high = np.searchsorted(lags, lags + period // 2, side="right")
    return np.array([values[a:b].max() for a, b in zip(low, high, strict=True)])
