"""Neighbour counts of the closed-ball mixed estimator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from optuna_mi.information._distances import (
    SAMPLE_MAJOR_FROM,
    fill_feature_major,
    insert_smallest,
    pair_distance,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def _count_feature_major(
    xt: Floats, starts: Ints, k: int, euclidean: bool, same: Ints, within: Ints
) -> None:
    n = xt.shape[1]
    distance = np.empty(n)
    radius = np.empty(n)
    smallest = np.empty(k)
    for c in range(starts.size - 1):
        lo, hi = starts[c], starts[c + 1]
        k_c = min(k, hi - lo - 1)
        for i in range(lo, hi):
            fill_feature_major(xt, i, lo, hi, euclidean, distance)
            distance[i] = np.inf
            smallest[:] = np.inf
            for j in range(lo, hi):
                if distance[j] < smallest[k_c - 1]:
                    insert_smallest(smallest, k_c, distance[j])
            r = smallest[k_c - 1]
            count = 0
            for j in range(lo, hi):
                count += distance[j] <= r
            radius[i] = r
            same[i] = count
            within[i] = count
    # a pair across classes is visited once and judged by both radii
    for c in range(starts.size - 2):
        hi = starts[c + 1]
        for i in range(starts[c], hi):
            fill_feature_major(xt, i, hi, n, euclidean, distance)
            r = radius[i]
            count = 0
            for j in range(hi, n):
                d = distance[j]
                count += d <= r
                within[j] += d <= radius[j]
            within[i] += count


@njit(cache=True, nogil=True)
def _count_sample_major(
    x: Floats, starts: Ints, k: int, euclidean: bool, same: Ints, within: Ints
) -> None:
    n = x.shape[0]
    distance = np.empty(n)
    radius = np.empty(n)
    smallest = np.empty(k)
    for c in range(starts.size - 1):
        lo, hi = starts[c], starts[c + 1]
        k_c = min(k, hi - lo - 1)
        for i in range(lo, hi):
            smallest[:] = np.inf
            for j in range(lo, hi):
                if j == i:
                    distance[j] = np.inf
                    continue
                d = pair_distance(x, i, j, euclidean, smallest[k_c - 1])
                distance[j] = d
                if d < smallest[k_c - 1]:
                    insert_smallest(smallest, k_c, d)
            r = smallest[k_c - 1]
            count = 0
            for j in range(lo, hi):
                count += distance[j] <= r
            radius[i] = r
            same[i] = count
            within[i] = count
    for c in range(starts.size - 2):
        hi = starts[c + 1]
        for i in range(starts[c], hi):
            r = radius[i]
            count = 0
            for j in range(hi, n):
                d = pair_distance(x, i, j, euclidean, max(r, radius[j]))
                count += d <= r
                within[j] += d <= radius[j]
            within[i] += count


def closed_ball_counts(x: Floats, starts: Ints, k: int, euclidean: bool) -> tuple[Ints, Ints]:
    """Count, for every sample, its neighbours in the closed ball to its k-th same-class neighbour.

    Args:
        x: Samples sorted by class, shape (N, D), finite.
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
    if x.shape[1] < SAMPLE_MAJOR_FROM:
        xt = np.ascontiguousarray(x.T)
        _count_feature_major(xt, starts, k, euclidean, same, within)
    else:
        _count_sample_major(x, starts, k, euclidean, same, within)
    return same, within
