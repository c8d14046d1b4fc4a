"""The period of a curve, and how it is found."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.analysis.periods._correlations import (
    MORE_ALIKE,
    clock_of,
    explains,
    is_steady,
    whole_cycle,
)
from optuna_mi.decay.analysis.periods._other_periods import other_periods
from optuna_mi.decay.analysis.periods._swings import season, swing_period
from optuna_mi.decay.analysis.periods._tall_peaks import (
    Scaled,
    heights,
    on_top,
    peaks_period,
    scale,
    stands_out,
)
from optuna_mi.decay.analysis.periods._weak_peaks import comb_period, share_lost

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Twice as many peaks narrow the length down further only if they stand at least this share as high
# as before; peaks that have faded say nothing about it. A choice.
_AS_HIGH = 0.7
# A length that is no whole number must raise the peaks by this share, 1 %: it is free to fit noise,
# and would always win a little (a hum of 133.3 steps is found).
_BETTER = 0.01
# A better length may not have peaks lower by this in ln MI: where half a period has its own peak
# (twelve runs of 5 steps), the true length stands above nothing. A choice.
_LOWER = 0.05
# A first peak this many times as high as another period's is a peak of its own; multiples of one
# period have peaks about as high. A choice.
_TALLER = 1.25
# A period found from its first peaks is right to about this fraction of itself, the distance of
# neighbours that pass the same tests; its multiples say more. A choice.
_WIDTH = 16
# Each peak of a shorter period within a longer one must stand this far above its troughs in ln MI,
# 65 %: a ripple on the way from one peak to the next is no period of its own. A choice.
_SHOWS = 0.5
# Whether single peaks can be seen is asked of the first six; later ones may have faded (images of
# 32 rows, whose peaks are gone after ten: found in 39 of 50 cases when all were asked).
_NEAR = 6
# The mean of the first multiples must exceed so many floors where neighbours depend on each other:
# the bias of pairs that repeat reaches 0.9 of it (values of 8 kinds held for 10 steps). A choice.
_TEETH, _BIAS = 8, 1.25
# Means are told apart by three standard errors, the usual.
_SURE = 3.0
# So many times above the floor a first peak is no noise that a better length would avoid. A choice.
_CLEAR = 3.0
# A period between whose peaks less than this share of MI is lost is an ornament: dilations need not
# meet it. A choice.
_LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Period:
    """A period and the share of MI lost between its peaks.

    Attributes:
        period: Distance between peaks.
        strength: Share of MI lost between them, 0 to 1.
        pooled: Whether only the mean of the peaks can be told from noise, not single ones.
        exact: The same distance, which need not be a whole number: a mains hum at 8,000 Hz.
        nested: All periods that were found, shortest first, each a divisor of the longest.
        beside: Periods whose peaks stand between those, and are no multiples of them.
        steady: Whether values are as alike many periods later as they are after a few.
    """

    period: int
    strength: float
    pooled: bool = False
    exact: float = 0.0
    nested: tuple[int, ...] = ()
    beside: tuple[int, ...] = ()
    steady: bool = False

    def multiples(self, lags: Ints) -> tuple[Ints, Ints]:
        """Return which multiples of the period are among the lags, and their indices."""
        length = self.exact or float(self.period)
        k = np.arange(1, int(lags[-1] / length + 0.5) + 1)
        wanted = np.rint(k * length).astype(np.int64)
        at = np.minimum(np.searchsorted(lags, wanted), lags.size - 1)
        there = lags[at] == wanted
        return k[there], at[there]


def find_period(
    lags: Ints,
    values: Floats,
    sigma: Floats | None,
    floor: Floats,
    correlation: Floats | None = None,
    *,
    memory: int | None = None,
    n_pairs: Ints | None = None,
) -> Period | None:
    """Look for a period among the lags that are measured without gaps from 1 on.

    Where periods are nested, as a day in a week, the longest one that shows is meant: shorter ones
    divide it.

    Args:
        lags: Distances.
        values: Corrected MI.
        sigma: Error of single lags; measured from the curve itself if ``None``.
        floor: Noise floor of single lags.
        correlation: Rank correlation of values: half a cycle has as much MI as a whole one, but is
            its opposite; and a season whose months all differ has the same MI everywhere.
        memory: As `DecayCurve.memory`: 1 where neighbours do not depend on each other.
        n_pairs: Pairs of symbols at each distance.

    Returns:
        The period, or ``None``: also where lag 1 is not measured, and so nothing without gaps.
    """
    if lags[0] != 1:
        return None
    curve = scale(lags, values, sigma, floor)
    pooled, single = _pooled(curve), peaks_period(curve)
    if pooled and (memory or 1) > 1 and _is_bias(curve, pooled):
        pooled = None
    start = pooled or single
    if pooled and single and single % pooled == 0:
        # few multiples score lower than many, but their peaks may be much taller
        start = single if _is_taller(curve, single, pooled) else pooled
    signs = None if correlation is None else correlation[: curve.y.size]
    runs: list[int] = []
    if signs is not None:
        clock = clock_of(curve, signs)
        if start is None:
            start = pooled = clock
            start = start or swing_period(signs)
            if start is None and n_pairs is not None:
                start = pooled = season(signs, n_pairs)
        elif pooled and clock and start % clock == 0 and _is_drowned(curve, start):
            start = clock
        else:
            whole = whole_cycle(signs, start)
            # each multiple of a run tells the symbol: 5 steps of t % 60 // 5
            runs = [start] if whole % start == 0 and signs[start - 1] > MORE_ALIKE else []
            start = whole
    if start is None:
        return None
    period, nested = _tallest(curve, start)
    ordered = signs is not None and explains(signs[period - 1], curve.y[period - 1])
    exact = _exact(signs if signs is not None and ordered else curve.level, period)
    top, beside = curve.y[period - 1], curve.y[round(exact) - 1]
    if beside < 0.5 * top and top > _CLEAR * curve.floor[period - 1]:
        exact = float(period)  # peaks of other periods would hide the difference
    drowned = _is_drowned(curve, period)
    found = _described(curve, round(exact), pooled=pooled is not None and drowned)
    shorter = {p for p in (*nested, *runs, *_within(curve, period)) if p < period}
    if signs is not None and ordered:
        # half a cycle later values are opposed, so half a cycle is no period of its own
        shorter = {p for p in shorter if signs[p - 1] > 0.5 * signs[period - 1]}
    nested = [*sorted(shorter), round(exact)]
    beside = other_periods(curve, tuple(nested)) if exact == round(exact) else ()
    found = replace(found, exact=exact, nested=tuple(nested), beside=beside)
    if signs is None or not ordered:
        return found
    return replace(found, steady=is_steady(signs[found.multiples(lags[: signs.size])[1]]))


def _is_drowned(curve: Scaled, period: int) -> bool:
    tooth = np.s_[period - 1 : _NEAR * period : period]
    return bool((curve.y[tooth] < curve.floor[tooth]).any())


def _is_taller(curve: Scaled, longer: int, shorter: int) -> bool:
    """Return whether peaks of a longer period are taller than those between them, and surely so.

    Single peaks that drown in noise say nothing: the mean of all decides.
    """
    if not _is_drowned(curve, shorter):
        return bool(curve.y[longer - 1] > _TALLER * curve.y[shorter - 1])
    k = np.arange(shorter, curve.y.size + 1, shorter)
    own, rest = curve.y[k[k % longer == 0] - 1], curve.y[k[k % longer > 0] - 1]
    if min(own.size, rest.size) < _TEETH:
        return False
    error = np.hypot(own.std(ddof=1) / np.sqrt(own.size), rest.std(ddof=1) / np.sqrt(rest.size))
    return bool(own.mean() > _TALLER * rest.mean() + _SURE * error)


def _within(curve: Scaled, period: int) -> list[int]:
    """Return the shorter periods that divide one and show between its peaks, as days in a week."""
    out: list[int] = []
    for shorter in range(2, period // 2 + 1):
        if period % shorter == 0:
            height = heights(curve, shorter)[: period // shorter - 1]
            shows = height.size and height.min() > _SHOWS and stands_out(curve, shorter, height)
            if shows and on_top(curve, shorter, height.size).all():
                # twice a period found already is one of its own only if its peaks are taller
                low = [curve.y[p - 1] for p in out if shorter % p == 0]
                if not low or curve.y[shorter - 1] > _TALLER * max(low):
                    out.append(shorter)
    return out


def _exact(level: Floats, period: int) -> float:
    """Return the length near a period at whose multiples the curve stands highest.

    More and more multiples narrow it down, as long as they are about as high as the first ones.
    """
    length, n_peaks, before = float(period), 2, 0.0
    if period < 4:
        return length
    while (n_peaks + 0.5) * (length + 1) < level.size:
        reach = max(length / (_WIDTH * n_peaks / 2), 1.0 / n_peaks)
        near = np.arange(np.floor(length - reach), np.ceil(length + reach) + 1)
        near = near[np.abs(near - length) <= max(reach, 1.0)]
        fine = length + reach * np.linspace(-1.0, 1.0, 17)
        whole, between = _standing(level, near, n_peaks), _standing(level, fine, n_peaks)
        best = float(near[whole.argmax()])
        if between.max() > whole.max() + _BETTER * abs(whole.max()):
            best = float(fine[between.argmax()])
        if max(whole.max(), between.max()) < _AS_HIGH * before:
            break
        if _peaks(level, best, n_peaks) < _peaks(level, length, n_peaks) - _LOWER:
            break
        before = max(float(whole.max()), float(between.max()))
        length, n_peaks = best, 2 * n_peaks
    return length


def _peaks(level: Floats, length: float, n_peaks: int) -> float:
    """Return how high the first multiples of a length are on average."""
    at = length * np.arange(1, n_peaks + 1)
    return float(np.interp(at, np.arange(1, level.size + 1), level).mean())


def _standing(level: Floats, lengths: Floats, n_peaks: int) -> Floats:
    """Return how high multiples of lengths stand above what is half a period before and after."""
    lag = np.arange(1, level.size + 1)
    at, half = lengths[:, None] * np.arange(1, n_peaks + 1), 0.5 * lengths[:, None]
    # on both sides: a slope would make shorter ones better
    beside = 0.5 * (np.interp(at - half, lag, level) + np.interp(at + half, lag, level))
    return np.asarray((np.interp(at, lag, level) - beside).mean(axis=1))


def _pooled(curve: Scaled) -> int | None:
    period = comb_period(curve.level)
    return None if period is None or share_lost(curve.y, period) < _LEAST_SHARE else period


def _is_bias(curve: Scaled, period: int) -> bool:
    """Return whether peaks are no higher than those of an estimate from pairs that repeat.

    Where each value is held for w steps, as in data brought to a higher rate, pairs a multiple of w
    apart repeat w times, others do not: the bias of MI has a period, though nothing depends.
    """
    first = np.s_[period - 1 : _TEETH * period : period]
    return bool(curve.y[first].mean() < _BIAS * curve.floor[first].mean())


def _tallest(curve: Scaled, period: int) -> tuple[int, list[int]]:
    """Return, of a period and those that show in its peaks' heights, the one that tells most; all.

    That is the one whose first peak is highest; the longest, if all first peaks are in the shadow
    of short distances.
    """
    nested, factor = [period], _factor(curve.every(period))
    while factor > 1:
        nested.append(nested[-1] * factor)
        factor = _factor(curve.every(nested[-1]))
    peaks = [p for p in nested if float(heights(curve, p)[:1].sum()) > 0]
    return max(peaks, key=lambda p: float(curve.y[p - 1]), default=nested[-1]), nested


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
