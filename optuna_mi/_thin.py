"""Fewer points that look the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def thin(
    x: NDArray[np.float64], y: NDArray[np.float64], n: int, *, log: bool = False
) -> NDArray[np.int64]:
    """Choose at most about ``n`` points of a curve, keeping its peaks and its troughs.

    The x axis is cut into ``n / 2`` bins and each gives its lowest and its highest point, so that
    neither a period's peaks nor the width of the noise is lost, as they are when every k-th point
    is taken.

    Args:
        x: Increasing positions, shape (L,); positive when ``log``.
        y: Values, shape (L,); a bin without a finite value gives its first point.
        n: How many points to keep.
        log: Whether the bins have equal widths on a log axis.

    Returns:
        Increasing indices; the first and the last point are always among them.
    """
    if len(x) <= n:
        return np.arange(len(x))
    position = np.log(x) if log else np.asarray(x, dtype=np.float64)
    n_bins = max(n // 2, 1)
    edges = np.linspace(position[0], position[-1], n_bins + 1)[1:-1]
    starts = np.unique(np.searchsorted(position, np.concatenate([[-np.inf], edges])))
    kept = {0, len(x) - 1}
    for start, stop in zip(starts, np.append(starts[1:], len(x)), strict=True):
        if start == stop:
            continue
        part = y[start:stop]
        finite = np.flatnonzero(np.isfinite(part))
        if len(finite) == 0:
            kept.add(int(start))
            continue
        kept.add(int(start + finite[np.argmin(part[finite])]))
        kept.add(int(start + finite[np.argmax(part[finite])]))
    return np.array(sorted(kept), dtype=np.int64)
