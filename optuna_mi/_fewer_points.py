"""Fewer points that look the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def thin(
    x: NDArray[np.float64], y: NDArray[np.float64], n: int, *, log: bool = False
) -> NDArray[np.int64]:
    """Choose at most ``n`` points of a curve, keeping its peaks and its troughs.

    The x axis is cut into bins of equal width, and each gives its lowest and its highest point, so
    that neither a period's peaks nor the width of the noise is lost, as they are when every k-th
    point is taken. There are as many bins as ``n`` allows.

    Args:
        x: Increasing positions, shape (L,); positive when ``log``.
        y: Values, shape (L,); a bin without a finite value gives its first point.
        n: How many points to keep, at least 4.
        log: Whether the bins have equal widths on a log axis.

    Returns:
        Increasing indices; the first and the last point are always among them.
    """
    if len(x) <= n:
        return np.arange(len(x))
    position = np.log(x) if log else np.asarray(x, dtype=np.float64)
    low, high = 1, 4 * len(x)
    kept = _extremes(position, y, low)
    while high - low > 1:
        middle = (low + high) // 2
        tried = _extremes(position, y, middle)
        if len(tried) <= n:
            low, kept = middle, tried
        else:
            high = middle
    return kept


def _extremes(
    position: NDArray[np.float64], y: NDArray[np.float64], n_bins: int
) -> NDArray[np.int64]:
    edges = np.linspace(position[0], position[-1], n_bins + 1)[1:-1]
    starts = np.unique(np.searchsorted(position, np.concatenate([[-np.inf], edges])))
    finite = np.isfinite(y)
    lowest = np.where(finite, y, np.inf)
    highest = np.where(finite, y, -np.inf)
    sizes = np.diff(np.append(starts, len(position)))
    kept = [np.array([0, len(position) - 1])]
    for values, ufunc in ((lowest, np.minimum), (highest, np.maximum)):
        extreme = np.repeat(ufunc.reduceat(values, starts), sizes)
        hits = np.flatnonzero(values == extreme)
        # the first hit of every bin
        bins = np.searchsorted(starts, hits, side="right")
        kept.append(hits[np.unique(bins, return_index=True)[1]])
    return np.unique(np.concatenate(kept))
