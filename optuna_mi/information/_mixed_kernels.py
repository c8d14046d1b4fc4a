"""Neighbour counts of the closed-ball mixed estimator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optuna_mi._numba import njit
from optuna_mi.information._distances import (
    Metric,
    count_within,
    feature_major,
    fill_distances,
    kth_smallest,
)
from optuna_mi.information._few_dimensions import count_near, nearest_in_class

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# number of samples from which sorting or a tree is faster than all pairs, by dimensions
_TREE_FROM = {1: 0, 2: 20_000}
# a bounding box must stand for so many samples to be worth testing
_GROUP_MEMBERS = 64


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


# Two kernels rather than one: LLVM optimises the two phases better apart (1.4 -> 1.1 ms).
@njit(cache=True, nogil=True)
def _count_same(
    x: Floats, xt: Floats, starts: Ints, k: int, euclidean: Metric, radius: Floats, same: Ints
) -> None:
    """Find every sample's radius and count its class within."""
    distance = np.empty(x.shape[0])
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


@njit(cache=True, nogil=True)
def _near_groups(x: Floats, edges: Ints, radius: Floats, euclidean: Metric) -> Flags:
    """Return (N, G): whether a sample and one of a later group can be within either's radius.

    The distance to the group's bounding box bounds the distances to its members from below. In a
    trained network, whose classes lie apart, most groups drop out here.
    """
    n, n_features = x.shape
    n_groups = edges.size - 1
    low = np.empty((n_groups, n_features))
    high = np.empty((n_groups, n_features))
    largest = np.empty(n_groups)
    for g in range(n_groups):
        low[g] = x[edges[g]]
        high[g] = x[edges[g]]
        largest[g] = radius[edges[g]]
        for i in range(edges[g], edges[g + 1]):
            largest[g] = max(largest[g], radius[i])
            for f in range(n_features):
                low[g, f] = min(low[g, f], x[i, f])
                high[g, f] = max(high[g, f], x[i, f])
    near = np.ones((n, n_groups), dtype=np.bool_)
    for g in range(n_groups):
        for i in range(edges[g], edges[g + 1]):
            for other in range(g + 1, n_groups):
                # sums of squares round differently: the margin keeps the bound one from below
                bound = max(radius[i], largest[other]) * (1 + 1e-9)
                distance = 0.0
                for f in range(n_features):
                    gap = max(low[other, f] - x[i, f], x[i, f] - high[other, f])
                    if gap > 0.0:
                        if euclidean is not None:
                            distance += gap * gap
                        else:
                            distance = max(distance, gap)
                        if distance > bound:
                            near[i, other] = False
                            break
    return near


@njit(cache=True, nogil=True)
def _count_others(
    x: Floats,
    xt: Floats,
    block: int,
    class_end: Ints,
    edges: Ints,
    near: Flags,
    euclidean: Metric,
    radius: Floats,
    within: Ints,
) -> None:
    """Add the other classes' samples within; a pair across classes is visited once."""
    n = x.shape[0]
    n_groups = edges.size - 1
    distance = np.empty(n)
    first = 0
    for start in range(0, n, block):
        stop = min(start + block, n)
        while edges[first + 1] <= start:
            first += 1
        for i in range(stop):
            begin = max(start, class_end[i])
            lo = hi = -1  # a run of near groups is taken at once
            for g in range(first, n_groups):
                if edges[g] >= stop or begin >= stop:
                    break
                if edges[g + 1] <= begin:
                    continue
                if near[i, g]:
                    lo = max(begin, edges[g]) if lo < 0 else lo
                    hi = min(stop, edges[g + 1])
                elif lo >= 0:
                    fill_distances(x, xt, i, lo, hi, euclidean, distance)
                    _count_both(distance, radius[i], radius, within, i, lo, hi)
                    lo = -1
            if lo >= 0:
                fill_distances(x, xt, i, lo, hi, euclidean, distance)
                _count_both(distance, radius[i], radius, within, i, lo, hi)


def _group_edges(starts: Ints) -> Ints:
    """Join neighbouring small classes: a box must stand for enough samples to be worth testing."""
    edges = [0]
    for stop in starts[1:]:
        if stop - edges[-1] >= _GROUP_MEMBERS:
            edges.append(int(stop))
    if edges[-1] != starts[-1]:
        edges.append(int(starts[-1]))
    return np.array(edges, dtype=np.int64)


def closed_ball_counts(x: Floats, starts: Ints, k: int, euclidean: Metric) -> tuple[Ints, Ints]:
    """Count, for every sample, its neighbours in the closed ball to its k-th same-class neighbour.

    Args:
        x: Samples sorted by class, shape (N, D), C-contiguous, finite.
        starts: First index of every class and N, shape (C + 1,); every class has two members or
            more.
        k: Neighbours; a class of N_c <= k members uses N_c - 1.
        euclidean: True for Euclidean, None for Chebyshev distance.

    Returns:
        Same-class neighbours and all neighbours within the ball, the sample itself not counted,
        ties at the radius counted; int64, shape (N,) each.
    """
    n = x.shape[0]
    if n >= _TREE_FROM.get(x.shape[1], n + 1):
        by_square = euclidean is not None
        radius, same = nearest_in_class(x, starts, k, euclidean=by_square)
        return same, count_near(x, radius, closed=True, euclidean=by_square)
    same = np.empty(n, dtype=np.int64)
    radius = np.empty(n)
    xt, block = feature_major(x)
    _count_same(x, xt, starts, k, euclidean, radius, same)
    edges = _group_edges(starts)
    near = _near_groups(x, edges, radius, euclidean)
    within = same.copy()
    class_end = np.repeat(starts[1:], np.diff(starts))
    _count_others(x, xt, block, class_end, edges, near, euclidean, radius, within)
    return same, within
