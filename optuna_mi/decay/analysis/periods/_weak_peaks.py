"""Weak periods: many multiples pooled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

Floats = npt.NDArray[np.float64]

# Eight multiples leave six contrasts, few but enough for a scatter of their own. 32 groups tell a
# mean's error to an eighth; more would split neighbours that share what they are compared with.
_FEWEST_TEETH, _MOST_GROUPS = 8, 32
# Contrasts below this are rounding errors of a smooth curve, not scatter.
_ROUNDING = 1e-9
# Phases whose mean lies less than this below the multiples, a thousandth of MI, are as high: where
# there is no noise any difference is certain, also that of two estimates of one value. It is far
# below what noise lets be seen. A choice.
_AS_HIGH = 1e-3
# Chance of a false period over all candidates of a curve: at 1e-3 two of 580 short independent
# sequences had one, at 1e-4 one. And the chance, for each phase, of not being below the multiples
# though it seems so: smaller, as a period has hundreds of phases and multiples to try.
_FALSE, _FALSE_PHASE = 1e-4, 1e-5


def _contrasts(level: Floats, period: int) -> Floats:
    """Return how far each multiple of the period, from the second on, stands above each phase.

    The curve at kp + j, k = 0, 1, ..., is the phase j's own curve. At a multiple, it is its
    interpolation; at a place of the phase, that of the multiples is taken in the same way and
    subtracted with its sign: a slope and a bend, alike in both, cancel.

    Returns:
        Shape (multiples, period - 1).
    """
    # row k holds the lags from k * period on; there is no lag 0, so the first entry is NaN
    rows = np.concatenate(([np.nan], level))[: (level.size + 1) // period * period]
    rows = rows.reshape(-1, period)
    tooth, phase = rows[:, :1], rows[:, 1:]
    share = np.arange(1, period) / period
    before = phase[:-1] - (1.0 - share) * tooth[:-1] - share * tooth[1:]
    # of the phases on either side the nearer one counts more
    beside = share * before[1:-1] + (1.0 - share) * before[2:]
    middle = share * phase[1:-2] + (1.0 - share) * phase[2:-1]
    return np.asarray(tooth[2:-1] - middle - beside)


def _doubts(rows: Floats) -> Floats:
    """Return the probability of so large a mean over rows if the truth is 0, for every column.

    Rows are averaged in groups first: neighbours share what they are compared with.
    """
    n = rows.shape[0]
    edges = np.linspace(0, n, min(n, _MOST_GROUPS) + 1).astype(np.int64)
    groups = np.add.reduceat(rows, edges[:-1], axis=0) / np.diff(edges)[:, None]
    deviation = groups.std(axis=0, ddof=1)
    error = np.maximum(deviation / np.sqrt(len(groups)), _ROUNDING)
    return np.asarray(stdtr(len(groups) - 1, -groups.mean(axis=0) / error))


def comb_period(level: Floats) -> int | None:
    """Look for a period whose multiples stand above all other phases, on the mean over many.

    Each single multiple may be hidden in noise, and the first ones may be lower than their
    neighbours at short distances. A period may fade, so the test is made over all lags, their first
    half, quarter and so on. The scatter of the multiples says how certain their mean is. A multiple
    of the true period fails, as it has another phase as high. A divisor may pass, so the longest
    that passes wins.

    Args:
        level: The curve at lags 1, 2, 3, ... on a scale that is logarithmic above the noise.

    Returns:
        The period, or ``None``.
    """
    tests = []
    for period in range(2, level.size // _FEWEST_TEETH + 1):
        total = _contrasts(level, period).mean(axis=1)
        count = total.size
        while count >= _FEWEST_TEETH - 2:
            tests.append((period, count, float(_doubts(total[:count, None])[0])))
            count //= 2
    passed = [x for x in tests if x[2] * len(tests) < _FALSE]
    for period, count, _ in sorted(passed, key=lambda x: (-x[0], x[2])):
        contrasts = _contrasts(level, period)[:count]
        # the phases next to a broad peak are as high
        near = period // 8
        others = contrasts[:, near : period - 1 - near]
        if _doubts(others).max() < _FALSE_PHASE and others.mean(axis=0).min() > _AS_HIGH:
            return period
    return None


def share_lost(y: Floats, period: int) -> float:
    """Return the share of MI that is lost between multiples of a period, 0 to 1.

    Args:
        y: Corrected MI at lags 1, 2, 3, ...
        period: At most a quarter of the lags.
    """
    # a peak counts above its neighbours, and these below it
    above = 0.5 * float(_contrasts(y, period).mean(axis=1).sum())
    last = (y.size + 1) // period - 2
    top = float(y[2 * period - 1 : last * period : period].sum())
    return float(np.clip(above / top, 0.0, 1.0)) if top > 0 else 0.0
