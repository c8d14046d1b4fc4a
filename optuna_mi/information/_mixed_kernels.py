"""Neighbour counts of the closed-ball mixed estimator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from optuna_mi.information._distances import (
    count_within,
    feature_major,
    fill_distances,
    kth_smallest,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def _count_both(
    distance: Floats, own: float, radius: Floats, within: Ints, i: int, lo: int, hi: int
) -> None:
    """Judge the pairs (i, lo..hi-1) by both radii."""
    others = within[lo:hi]
    theirs = radius[lo:hi]
    count = 0
    for j in range(others.size):
        d = distance[j]
        count += d <= own
        others[j] += d <= theirs[j]
    within[i] += count


@njit(cache=True, nogil=True)
def _count(
    x: Floats,
    xt: Floats,
    block: int,
    starts: Ints,
    k: int,
    euclidean: bool,
    same: Ints,
    within: Ints,
) -> None:
    n = x.shape[0]
    distance = np.empty(n)
    radius = np.empty(n)
    scratch = np.empty(k)
    for c in range(starts.size - 1):
        lo, hi = starts[c], starts[c + 1]
        k_c = min(k, hi - lo - 1)
        row = distance[: hi - lo]
        for i in range(lo, hi):
            fill_distances(x, xt, i, lo, hi, euclidean, row)
            row[i - lo] = np.inf
            radius[i] = kth_smallest(row, k_c, scratch)
            same[i] = count_within(row, radius[i])
            within[i] = same[i]
    # a pair across classes is visited once
    for start in range(0, n, block):
        stop = min(start + block, n)
        for c in range(starts.size - 2):
            lo = max(start, starts[c + 1])
            if lo >= stop:
                break
            for i in range(starts[c], starts[c + 1]):
                fill_distances(x, xt, i, lo, stop, euclidean, distance)
                _count_both(distance, radius[i], radius, within, i, lo, stop)


def closed_ball_counts(x: Floats, starts: Ints, k: int, euclidean: bool) -> tuple[Ints, Ints]:
    """Count, for every sample, its neighbours in the closed ball to its k-th same-class neighbour.

    Args:
        x: Samples sorted by class, shape (N, D), C-contiguous, finite.
        starts: First index of every class and N, shape (C + 1,); every class has two members or
            more.
        k: Neighbours; a class of N_c <= k members uses N_c - 1.
        euclidean: Euclidean instead of Chebyshev distance.

    Returns:
        Same-class neighbours and all neighbours within the ball, the sample itself not counted,
        ties at the radius counted; int64, shape (N,) each.
    """
    same = np.empty(x.shape[0], dtype=np.int64)
    within = np.empty(x.shape[0], dtype=np.int64)
    xt, block = feature_major(x)
    _count(x, xt, block, starts, k, euclidean, same, within)
    return same, within
