"""Neighbour counts of the KSG estimators."""

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
from optuna_mi.information._few_dimensions import count_near, nearest_in_joint

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_CLOSED = 2
# samples compared with a block before the next block is read
_ROWS = 8
# number of samples from which a tree is faster than all pairs, by the dimensions of x and y
_TREE_FROM = {2: 1500, 3: 5000, 4: 20_000}


@njit(cache=True, nogil=True)
def _fill_rows(
    x: Floats, xt: Floats, block: int, first: int, euclidean: Metric, rows: Floats
) -> None:
    """Write the distances of samples first.. to all samples into rows; inf to themselves."""
    n = x.shape[0]
    n_rows = rows.shape[0]
    for start in range(0, n, block):
        stop = min(start + block, n)
        for r in range(n_rows):
            fill_distances(x, xt, first + r, start, stop, euclidean, rows[r, start:])
    for r in range(n_rows):
        if euclidean is not None:
            for j in range(n):
                rows[r, j] = np.sqrt(rows[r, j])
        rows[r, first + r] = np.inf


@njit(cache=True, nogil=True)
def _count_below(distance: Floats, radius: float) -> int:
    count = 0
    for j in range(distance.size):
        count += distance[j] < radius
    return count


@njit(cache=True, nogil=True)
def _count(
    x: Floats,
    y: Floats,
    xt: Floats,
    yt: Floats,
    x_block: int,
    y_block: int,
    k: int,
    variant: int,
    shrink: float,
    euclidean: Metric,
    nx: Ints,
    ny: Ints,
    radius: Floats,
) -> None:
    n = x.shape[0]
    x_rows = np.empty((_ROWS, n))
    y_rows = np.empty((_ROWS, n))
    joint = np.empty(n)
    scratch = np.empty(k)
    for first in range(0, n, _ROWS):
        n_rows = min(_ROWS, n - first)
        _fill_rows(x, xt, x_block, first, euclidean, x_rows[:n_rows])
        _fill_rows(y, yt, y_block, first, euclidean, y_rows[:n_rows])
        for row in range(n_rows):
            i = first + row
            dx = x_rows[row]
            dy = y_rows[row]
            for j in range(n):
                joint[j] = dx[j] if dx[j] > dy[j] else dy[j]
            r = kth_smallest(joint, k, scratch)
            radius[i] = r
            if variant == _CLOSED:
                rx = 0.0
                ry = 0.0
                for j in range(n):
                    if joint[j] <= r:
                        rx = max(rx, dx[j])
                        ry = max(ry, dy[j])
                nx[i] = count_within(dx, rx)
                ny[i] = count_within(dy, ry)
            elif shrink > 0.0:
                nx[i] = count_within(dx, r - shrink)
                ny[i] = count_within(dy, r - shrink)
            else:
                nx[i] = _count_below(dx, r)
                ny[i] = _count_below(dy, r)


def ksg_counts(
    x: Floats, y: Floats, k: int, variant: int, shrink: float, euclidean: Metric
) -> tuple[Ints, Ints, Floats]:
    """Count the neighbours of every sample in the two marginal spaces.

    Args:
        x: Samples (N, D_x), C-contiguous, finite.
        y: Samples (N, D_y), C-contiguous, finite.
        k: Neighbours in the joint space, whose distance is the larger of the two marginal ones.
        variant: 1 counts strictly within the joint radius, 2 within the rectangle's own sides,
            closed.
        shrink: Variant 1 only: count within radius - shrink, closed, instead (NPEET's way).
        euclidean: True for Euclidean, None for Chebyshev distance, in each marginal space.

    Returns:
        The counts in x and in y (the sample itself not counted; int64, shape (N,) each) and the
        joint distance to the k-th neighbour (float64, shape (N,)).
    """
    n = x.shape[0]
    n_features = x.shape[1] + y.shape[1]
    # in one dimension both distances are one; a tree knows no maximum of Euclidean ones
    if n >= _TREE_FROM.get(n_features, n + 1) and (euclidean is None or n_features == 2):
        found = _ksg_counts_by_tree(x, y, k, variant, shrink)
        if found is not None:
            return found
    nx = np.empty(n, dtype=np.int64)
    ny = np.empty(n, dtype=np.int64)
    radius = np.empty(n)
    xt, x_block = feature_major(x)
    yt, y_block = feature_major(y)
    _count(
        x,
        y,
        xt,
        yt,
        x_block,
        y_block,
        k,
        variant,
        shrink,
        euclidean,
        nx,
        ny,
        radius,
    )
    return nx, ny, radius


def _ksg_counts_by_tree(
    x: Floats, y: Floats, k: int, variant: int, shrink: float
) -> tuple[Ints, Ints, Floats] | None:
    """`ksg_counts` for Chebyshev distances, or None where ties need all pairs looked at."""
    radius, x_side, y_side, tied = nearest_in_joint(x, y, k)
    if variant == _CLOSED:
        if tied:
            return None
        return count_near(x, x_side, closed=True), count_near(y, y_side, closed=True), radius
    closed = shrink > 0.0
    within = radius - shrink
    return count_near(x, within, closed=closed), count_near(y, within, closed=closed), radius
