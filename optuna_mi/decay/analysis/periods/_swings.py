"""Cycles of real values whose length varies: MI does not show them, signs do."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# The correlation must rise by this much from the trough before its peak, and fall by this much
# behind it. Chance does less: in 4,800 autoregressions and random walks of 300 to 10,000 steps it
# never rose and fell by more than 0.52.
_SWING = 0.75
# Noise makes the correlation cross zero by itself, so its running means over these many lags are
# looked at as well. About factors of four, a choice, so that some width suits any cycle.
_SMOOTHED = (1, 5, 17, 65)

# A season is seen if values are so alike at each multiple of it, and by so many deviations of
# independent pairs; more alike by so much than at any distance between; and at the last multiple
# by this share of the first. Choices: of 9,000 autoregressions and walks of 30 to 600 steps one
# had a season, of short series whose season is 2.5 times their noise most have theirs.
_ALIKE, _SURE, _APART, _LASTING = 0.5, 4.0, 0.25, 0.75


def swing_period(correlation: Floats) -> int | None:
    """Look for a cycle whose length varies, as of sunspots: alike, opposed, alike, opposed.

    Peaks of MI get broad and low, one after the other; the rank correlation changes its sign.

    Args:
        correlation: At lags 1, 2, 3, ...

    Returns:
        The distance of the first peak behind a trough, or ``None``.
    """
    best, period = _SWING, None
    for width in _SMOOTHED:
        smooth = uniform_filter1d(correlation, width)
        found = _first_swing(smooth) if correlation.size >= 8 * width else None
        if found is not None and found[0] >= 4 * width and found[1] > best:
            period, best = found
    return period


def season(correlation: Floats, n_pairs: Ints) -> int | None:
    """Look for a season of a short series: few multiples, each as alike as the last.

    MI needs many pairs to show what a correlation shows with some dozens.

    Args:
        correlation: At lags 1, 2, 3, ...
        n_pairs: Pairs at these lags.
    """
    for period in range(2, correlation.size // 2 + 1):
        at = np.arange(period, correlation.size + 1, period) - 1
        tooth = correlation[at]
        least = max(_ALIKE, _SURE / float(np.sqrt(n_pairs[at[-1]])))
        if tooth.min() < least or tooth[-1] < _LASTING * tooth[0]:
            continue
        near = period // 8
        starts = np.concatenate(([0], at[:-1] + 1 + near))
        highest = np.array(
            [correlation[a : b - near].max() for a, b in zip(starts, at, strict=True)]
        )
        lower = np.minimum(tooth, np.concatenate((tooth[:1], tooth[:-1])))
        if (highest < lower - _APART).all():
            return period
    return None


def _first_swing(correlation: Floats) -> tuple[int, float] | None:
    """Return the first peak behind a trough, and the smaller of the swings on its sides."""
    turns = np.flatnonzero(np.diff(np.signbit(correlation))) + 1
    if correlation[0] <= 0 or turns.size < 3:
        return None
    down, up, end = turns[:3]
    last = turns[3] if turns.size > 3 else correlation.size
    peak = up + int(correlation[up:end].argmax())
    top = correlation[peak]
    swing = min(top - correlation[down:up].min(), top - correlation[end:last].min())
    return peak + 1, float(swing)
