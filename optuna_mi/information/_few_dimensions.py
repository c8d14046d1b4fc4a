"""Neighbour counts in few dimensions: sorted values and k-d trees in place of all pairs.

They count what the kernels for all pairs count, ties included, in N log N steps instead of N^2.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from optuna_mi._numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# relative rounding error of a tree's Euclidean distance, which is squared and rooted again
_ROUNDING = 1e-15


def count_near(x: Floats, radius: Floats, *, closed: bool, euclidean: bool = False) -> Ints:
    """Count, for every sample, the others within its own radius.

    Args:
        x: Samples, shape (N, D).
        radius: Shape (N,); within a negative one there is nothing.
        closed: Whether samples at the radius itself count.
        euclidean: Euclidean distance in place of Chebyshev.

    Returns:
        Shape (N,), int64.
    """
    if x.shape[1] == 1:
        order = np.argsort(x[:, 0], kind="stable")
        counts = np.empty(len(x), dtype=np.int64)
        counts[order] = _count_sorted(x[order, 0], radius[order], closed)
        return counts
    if closed:
        reach = radius * (1 + _ROUNDING) if euclidean else radius
    else:
        reach = radius * (1 - _ROUNDING) if euclidean else np.nextafter(radius, 0.0)
    found = cKDTree(x).query_ball_point(x, reach, p=2 if euclidean else np.inf, return_length=True)
    # a tree finds the sample itself too, but not within a negative radius
    counts = np.maximum(np.asarray(found, dtype=np.int64) - 1, 0)
    return counts if closed else np.where(radius > 0, counts, 0)


def nearest_in_class(x: Floats, starts: Ints, k: int, *, euclidean: bool) -> tuple[Floats, Ints]:
    """Return every sample's distance to its k-th neighbour of its class, and how many lie within.

    Args:
        x: Samples sorted by class, shape (N, D).
        starts: First index of every class and N, shape (C + 1,).
        k: Neighbours; a class of N_c <= k members uses N_c - 1.
        euclidean: Euclidean distance in place of Chebyshev.
    """
    radius = np.empty(len(x))
    same = np.empty(len(x), dtype=np.int64)
    for lo, hi in pairwise(starts):
        radius[lo:hi] = kth_distance(x[lo:hi], min(k, int(hi - lo) - 1), euclidean=euclidean)
        same[lo:hi] = count_near(x[lo:hi], radius[lo:hi], closed=True, euclidean=euclidean)
    return radius, same


def nearest_in_joint(x: Floats, y: Floats, k: int) -> tuple[Floats, Floats, Floats, bool]:
    """Return the distances to the k-th neighbour in the joint space, Chebyshev, shape (N,) each.

    Args:
        x: Shape (N, D_x).
        y: Shape (N, D_y).
        k: Neighbours.

    Returns:
        The joint distance, the sides in x and in y of the rectangle that holds the k neighbours,
        and whether a further neighbour lies at the same distance, which the sides leave out.
    """
    joint = np.concatenate([x, y], axis=1)
    distance, which = cKDTree(joint).query(joint, k=range(1, min(k + 2, len(x)) + 1), p=np.inf)
    radius = distance[:, k]
    tied = len(x) > k + 1 and bool((distance[:, k + 1] == radius).any())
    sides = [np.abs(space[which[:, : k + 1]] - space[:, None]).max(axis=(1, 2)) for space in (x, y)]
    return radius, sides[0], sides[1], tied


def kth_distance(x: Floats, k: int, *, euclidean: bool) -> Floats:
    """Return the distance of every sample of x (N, D) to its k-th nearest other one."""
    if x.shape[1] == 1:
        order = np.argsort(x[:, 0], kind="stable")
        radius = np.empty(len(x))
        radius[order] = _kth_sorted(x[order, 0], k)
        return radius
    # the nearest is the sample itself, or one in the same place
    found = cKDTree(x).query(x, k=[k + 1], p=2 if euclidean else np.inf)[0]
    return np.asarray(found[:, 0], dtype=np.float64)


@njit(cache=True, nogil=True)
def _count_sorted(x: Floats, radius: Floats, closed: bool) -> Ints:
    """`count_near` of ascending x (N,).

    Halves by the difference itself and not by x + radius, which would round another way and miss
    the neighbour that lies at the radius.
    """
    n = x.size
    counts = np.empty(n, dtype=np.int64)
    for i in range(n):
        r = radius[i]
        lo, hi = 0, i
        while lo < hi:
            middle = (lo + hi) // 2
            gap = x[i] - x[middle]
            if gap < r or (closed and gap == r):
                hi = middle
            else:
                lo = middle + 1
        below = i - lo
        lo, hi = i + 1, n
        while lo < hi:
            middle = (lo + hi) // 2
            gap = x[middle] - x[i]
            if gap < r or (closed and gap == r):
                lo = middle + 1
            else:
                hi = middle
        counts[i] = below + lo - (i + 1)
    return counts


@njit(cache=True, nogil=True)
def _kth_sorted(x: Floats, k: int) -> Floats:
    """`kth_distance` of ascending x (N,)."""
    n = x.size
    radius = np.empty(n)
    for i in range(n):
        left, right = i - 1, i + 1
        r = 0.0
        for _ in range(k):
            if right >= n or (left >= 0 and x[i] - x[left] <= x[right] - x[i]):
                r = x[i] - x[left]
                left -= 1
            else:
                r = x[right] - x[i]
                right += 1
        radius[i] = r
    return radius
