"""Neighbour counts of the KSG estimators."""

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

STRICT, CLOSED = 1, 2


@njit(cache=True, nogil=True)
def _fill(a: Floats, i: int, feature_major: bool, euclidean: bool, out: Floats) -> None:
    if feature_major:
        fill_feature_major(a, i, 0, out.size, euclidean, out)
    else:
        for j in range(out.size):
            out[j] = pair_distance(a, i, j, euclidean, np.inf)
    if euclidean:
        for j in range(out.size):
            out[j] = np.sqrt(out[j])


@njit(cache=True, nogil=True)
def _counts(
    x: Floats,
    y: Floats,
    x_feature_major: bool,
    y_feature_major: bool,
    n: int,
    k: int,
    variant: int,
    shrink: float,
    euclidean: bool,
    nx: Ints,
    ny: Ints,
    radius: Floats,
) -> None:
    dx = np.empty(n)
    dy = np.empty(n)
    joint = np.empty(n)
    smallest = np.empty(k)
    for i in range(n):
        _fill(x, i, x_feature_major, euclidean, dx)
        _fill(y, i, y_feature_major, euclidean, dy)
        for j in range(n):
            joint[j] = dx[j] if dx[j] > dy[j] else dy[j]
        joint[i] = np.inf
        smallest[:] = np.inf
        for j in range(n):
            if joint[j] < smallest[k - 1]:
                insert_smallest(smallest, k, joint[j])
        r = smallest[k - 1]
        radius[i] = r
        dx[i] = np.inf
        dy[i] = np.inf
        cx = 0
        cy = 0
        if variant == CLOSED:
            rx = 0.0
            ry = 0.0
            for j in range(n):
                if joint[j] <= r:
                    rx = max(rx, dx[j])
                    ry = max(ry, dy[j])
            for j in range(n):
                cx += dx[j] <= rx
                cy += dy[j] <= ry
        elif shrink > 0.0:
            s = r - shrink
            for j in range(n):
                cx += dx[j] <= s
                cy += dy[j] <= s
        else:
            for j in range(n):
                cx += dx[j] < r
                cy += dy[j] < r
        nx[i] = cx
        ny[i] = cy


def ksg_counts(
    x: Floats, y: Floats, k: int, variant: int, shrink: float, euclidean: bool
) -> tuple[Ints, Ints, Floats]:
    """Count the neighbours of every sample in the two marginal spaces.

    Args:
        x: Samples (N, D_x), finite.
        y: Samples (N, D_y), finite.
        k: Neighbours in the joint space, whose distance is the larger of the two marginal ones.
        variant: 1 counts strictly within the joint radius, 2 within the rectangle's own sides,
            closed.
        shrink: Variant 1 only: count within radius - shrink, closed, instead (NPEET's way).
        euclidean: Euclidean instead of Chebyshev distance in each marginal space.

    Returns:
        The counts in x and in y (the sample itself not counted; int64, shape (N,) each) and the
        joint distance to the k-th neighbour (float64, shape (N,)).
    """
    n = x.shape[0]
    x_major = x.shape[1] < SAMPLE_MAJOR_FROM
    y_major = y.shape[1] < SAMPLE_MAJOR_FROM
    nx = np.empty(n, dtype=np.int64)
    ny = np.empty(n, dtype=np.int64)
    radius = np.empty(n)
    _counts(
        np.ascontiguousarray(x.T) if x_major else x,
        np.ascontiguousarray(y.T) if y_major else y,
        x_major,
        y_major,
        n,
        k,
        variant,
        shrink,
        euclidean,
        nx,
        ny,
        radius,
    )
    return nx, ny, radius
