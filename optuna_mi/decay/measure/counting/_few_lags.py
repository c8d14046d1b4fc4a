"""A few lags that stand for all the others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def spread_evenly(lags: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """Return at most n of the lags, spread evenly, both ends included."""
    if lags.size <= n:
        return lags
    nearest = np.searchsorted(lags, np.linspace(lags[0], lags[-1], n))
    chosen: npt.NDArray[np.int64] = lags[np.unique(nearest)]
    return chosen


def anchor_lags(lags: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """Return at most n of the lags, spread evenly over their logarithms, both ends included."""
    if lags.size <= n:
        return lags
    targets = np.geomspace(lags[0], lags[-1], n)
    nearest = np.searchsorted(lags, targets).clip(0, lags.size - 1)
    # small lags are less dense than the targets there: fill up from the whole range
    fill = np.linspace(0, lags.size - 1, n).astype(np.int64)
    chosen = np.unique(nearest)
    for i in fill:
        if chosen.size >= n:
            break
        chosen = np.union1d(chosen, [i])
    anchors: npt.NDArray[np.int64] = lags[chosen]
    return anchors
