"""Single distances that stand out of everything around them: echoes, copies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from optuna_mi.decay.analysis._bins import Noise
from optuna_mi.decay.analysis._limit import least_mi
from optuna_mi.decay.analysis.periods._tall_peaks import contiguous

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# A delay must exceed six deviations of the scatter around it, and stand half as high again as what
# surrounds it. Choices: with them one echo in white noise is found in 50 of 50.
_DEVIATIONS, _TOWERS = 6.0, 1.5
# Of the lags from half to twice the distance two, or a tenth, may be as high: other delays, and the
# sums and differences of delays. A choice.
_OTHERS, _OTHERS_SHARE = 2, 0.1
# Two peaks are two if the curve between them falls to half of the lower one, like the half-width
# of a spectral line. A choice.
_APART = 0.5
# A peak may reach this fraction of its distance to either side: delays vary with the distance they
# bridge. A choice.
_WIDTH = 16
# The running median takes so many lags on either side: a peak of eight lags does not raise it.
_NEIGHBOURS = 8
# Single distances are peaks of a period if the first four multiples are among them, and four fifths
# of all are multiples. Three in a row may be an echo and its own echoes. A choice.
_IN_A_ROW, _NEARLY_ALL = 4, 0.8
# More single distances than this are a rough curve, not a list that a network could be given.
# A choice: twice the largest number of layers.
_MOST = 24


@dataclass(frozen=True)
class Delays:
    """Single distances with MI of their own, and the curve without them.

    Attributes:
        at: Their indices among the lags.
        body: The curve with what surrounds them in their place.
    """

    at: Ints
    body: Floats


def find_delays(
    lags: Ints, values: Floats, noise: Noise, factor: float, threshold: float, stride: int = 1
) -> Delays:
    """Look for lags that are much higher than all others from half to twice their distance.

    Args:
        lags: Distances.
        values: Corrected MI.
        noise: Its noise.
        factor: By how much a lag's noise must pass its floor to be none.
        threshold: MI that counts as none.
        stride: Period of the curve, whose peaks are no delays: a lag is compared with those at
            the same place of other periods.
    """
    own = noise.shared + factor * (noise.floor - noise.shared)
    least = np.maximum(least_mi(own, threshold), _DEVIATIONS * noise.scatter)
    near = median_filter(values, size=min(2 * _NEIGHBOURS + 1, values.size), mode="nearest")
    high = values > least
    high &= values - near > least if stride == 1 else _above_other_periods(lags, values, stride)
    found, body = [], values.copy()
    gap = np.gradient(lags.astype(np.float64)) if lags.size > 1 else np.ones(1)
    for i in np.flatnonzero(high):
        if lags[i] == 1 or (stride > 1 and lags[i] % stride == 0):
            continue
        around = _around(lags, int(i), stride)
        beside = _width(lags, int(i))
        if not around.size or _on_a_flank(values, int(i), beside):
            continue
        order = around[np.argsort(-values[around])]
        others = values[order]
        # beyond the gapless lags, some were measured because they are peaks: no fair sample
        share = np.cumsum(gap[order]) / gap[order].sum()
        rank = max(_OTHERS, int(np.searchsorted(share, _OTHERS_SHARE)))
        level = max(float(others[min(rank, others.size - 1)]), 0.0)
        if values[i] - level > least[i] and values[i] > _TOWERS * level:
            found.append(int(i))
            middle = float(np.median(others))
            # lags that exceed their surroundings by a tenth of the peak or more belong to the peak
            peak = beside[values[beside] > level + 0.1 * (values[i] - level)]
            body[peak] = np.minimum(values[peak], middle)
    if not found or (len(found) > _MOST and common_period(lags[found]) is None):
        return Delays(np.zeros(0, dtype=np.int64), values)
    return Delays(np.array(found), body)


def _above_other_periods(lags: Ints, values: Floats, stride: int) -> npt.NDArray[np.bool_]:
    """Return which lags stand above the same place one period before and after."""
    n = contiguous(lags)
    out = np.zeros(values.size, dtype=np.bool_)
    if n <= 2 * stride:
        return out
    inner = values[stride : n - stride]
    higher = np.maximum(values[: n - 2 * stride], values[2 * stride : n])
    out[stride : n - stride] = inner > _TOWERS * higher
    return out


def _around(lags: Ints, i: int, stride: int) -> Ints:
    """Return the other lags from half to twice the distance, at the same place of a period."""
    low, high = np.searchsorted(lags, [lags[i] / 2, 2 * lags[i] + 1])
    index: Ints = np.arange(low, high)
    index = index[index != i]
    if stride > 1:
        index = index[(lags[index] - lags[i]) % stride == 0]
        index = index if index.size > 2 * _OTHERS else index[:0]
    return np.asarray(index)


def _width(lags: Ints, i: int) -> Ints:
    reach = max(1, int(lags[i]) // _WIDTH)
    low, high = np.searchsorted(lags, [lags[i] - reach, lags[i] + reach + 1])
    return np.arange(low, high)


def common_period(distances: Ints) -> int | None:
    """Return the distance of which nearly all others are multiples, four or more in a row."""
    if distances.size < _IN_A_ROW:
        return None
    for period in distances[: max(1, distances.size // _IN_A_ROW)]:
        whole = np.rint(distances / period)
        fits = np.abs(distances - whole * period) <= 1
        if fits.mean() >= _NEARLY_ALL and set(range(1, _IN_A_ROW + 1)) <= set(whole[fits]):
            return int(period)
    return None


def _on_a_flank(values: Floats, i: int, beside: Ints) -> bool:
    """Return whether a higher lag is near, and the curve does not come down on the way to it."""
    higher = beside[values[beside] > values[i]]
    ways = (values[min(i, j) : max(i, j) + 1].min() for j in higher)
    return any(lowest > _APART * values[i] for lowest in ways)


def make_a_period(distances: Ints, period: int) -> bool:
    """Return whether the delays are peaks of that period: its first three, at least."""
    multiples = period * np.arange(1, 4)
    slack = 1 + period // 16
    return all(bool((np.abs(distances - m) <= slack).any()) for m in multiples)
