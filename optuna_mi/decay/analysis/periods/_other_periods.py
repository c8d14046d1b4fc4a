"""Periods beside the one that counts, not its multiples or divisors: 5 and 12 beside 30."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.analysis.periods._tall_peaks import Scaled, peaks_period, scale

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Peaks are single lags if next to them MI is at most this share of theirs. Broad ones leave
# shoulders where they are taken out, which look like periods. A choice.
_SINGLE = 0.5
# Multiples that must all stand there, at least so many times above the floor, the lowest of them
# at least so high as a share of the highest. Choices: sequences of periods 5, 12 and 30 stand 17
# floors high.
_PEAKS, _FLOORS, _AS_HIGH = 3, 3.0, 0.5
# No more periods than this are looked for.
_MOST = 4


def other_periods(curve: Scaled, found: tuple[int, ...]) -> tuple[int, ...]:
    """Return periods that show when the peaks of those found are taken out, one after the other.

    Args:
        curve: The curve's start without gaps.
        found: Periods that are known.
    """
    others: list[int] = []
    while len(others) < _MOST:
        known = [*found, *others]
        taken = _multiples(curve.y.size, known)
        if taken.all() or not all(_are_single(curve.y, taken, p) for p in known):
            break
        rest = _without(curve, taken)
        period = peaks_period(rest)
        if period is None or not _stands(rest, taken, period):
            break
        others.append(period)
    return tuple(others)


def _multiples(n: int, periods: list[int]) -> npt.NDArray[np.bool_]:
    lags = np.arange(1, n + 1)
    return np.asarray(np.any([lags % p == 0 for p in periods], axis=0))


def _without(curve: Scaled, taken: npt.NDArray[np.bool_]) -> Scaled:
    """Return the curve with straight lines across the lags that are taken out."""
    lags = np.arange(1, curve.y.size + 1)
    y = np.interp(lags, lags[~taken], curve.y[~taken])
    return scale(lags, y, curve.sigma, curve.floor)


def _are_single(y: Floats, taken: npt.NDArray[np.bool_], period: int) -> bool:
    """Return whether most of the first peaks stand on single lags; another's may be next to one."""
    at = np.arange(period - 1, y.size - 1, period)[: 2 * _PEAKS]
    beside = np.stack([np.where(taken[at + s], -np.inf, y[at + s]) for s in (-1, 1)]).max(axis=0)
    return bool(np.median(beside - _SINGLE * y[at]) < 0)


def _stands(rest: Scaled, taken: npt.NDArray[np.bool_], period: int) -> bool:
    at = np.arange(period - 1, rest.y.size, period)
    at = at[~taken[at]]
    first, floor = rest.y[at][: 2 * _PEAKS], rest.floor[at][: 2 * _PEAKS]
    return bool(
        at.size >= _PEAKS
        and (first > _FLOORS * floor).all()
        and first.min() >= _AS_HIGH * first.max()
        and _are_single(rest.y, taken, period)
    )
