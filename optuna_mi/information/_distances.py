"""Distances from one sample to many: the innermost loops of the nearest-neighbour estimators.

Two layouts, because each vectorises where the other does not. Few features: feature-major (D, N),
the loop runs along the samples. Many features: sample-major (N, D), the loop runs along the
features of one pair, and blocks of samples stay in cache while many are compared with them.
Euclidean distances stay squared: only their order matters.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

from optuna_mi._numba import njit

Floats = npt.NDArray[np.float64]
# True for Euclidean, None for Chebyshev: numba compiles a version for each type, without branches
# in the inner loops, which a boolean would leave there (0.49 -> 0.34 ms for the pairs in classes).
Metric = Literal[True] | None

# measured at N = 1000: the layouts take the same time at about 50 features
_SAMPLE_MAJOR_FROM = 48
# 16 samples of 784 features are 98 KiB, within any second-level cache
_BLOCK = 16

# NaN never comes here (checked at the door), so maxima and sums may be reordered
_FAST = {"nnan", "nsz", "reassoc", "contract"}


def _larger_code(_typing: Any, _a: Any, _b: Any) -> Any:
    """Generate the larger of two floats that are not NaN.

    Python's ``max`` compiles to a select without fast-math flags, and LLVM then refuses to
    vectorise a maximum over features (4 times slower at 784 features).
    """

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        above = builder.fcmp_ordered(">", args[0], args[1], flags=("nnan", "nsz"))
        return builder.select(above, args[0], args[1], flags=("nnan", "nsz"))

    return types.float64(types.float64, types.float64), codegen


_larger: Any = intrinsic(_larger_code)


def feature_major(x: Floats) -> tuple[Floats, int]:
    """Return the layout for `fill_distances`: x transposed or empty, and the block of samples."""
    if x.shape[1] < _SAMPLE_MAJOR_FROM:
        return np.ascontiguousarray(x.T), x.shape[0]
    return np.empty((0, 0)), _BLOCK


@njit(cache=True, nogil=True)
def fill_distances(
    x: Floats, xt: Floats, i: int, lo: int, hi: int, euclidean: Metric, row: Floats
) -> None:
    """Write the distances from sample i to samples lo..hi-1 into row (hi - lo,).

    x is (N, D), xt is (D, N) or empty (see `feature_major`).
    """
    if xt.size > 0:
        _along_samples(xt, i, lo, hi, euclidean, row)
    elif euclidean is not None:
        for j in range(lo, hi):
            row[j - lo] = _squared(x[i], x[j])
    else:
        for j in range(lo, hi):
            row[j - lo] = _largest(x[i], x[j])


@njit(cache=True, nogil=True, fastmath=_FAST)
def _squared(a: Floats, b: Floats) -> float:
    total = 0.0
    for f in range(a.size):
        total += (a[f] - b[f]) * (a[f] - b[f])
    return total


@njit(cache=True, nogil=True, fastmath=_FAST)
def _largest(a: Floats, b: Floats) -> float:
    largest = 0.0
    for f in range(a.size):
        largest = _larger(largest, abs(a[f] - b[f]))
    return largest


@njit(cache=True, nogil=True, fastmath=_FAST)
def _along_samples(xt: Floats, i: int, lo: int, hi: int, euclidean: Metric, row: Floats) -> None:
    """`fill_distances` for the feature-major layout.

    Loops run over slices from zero: with an offset, numba must allow for negative indices and
    nothing vectorises (5 times slower). Four features per pass save traffic through ``row``.
    """
    n_features = xt.shape[0]
    out = row[: hi - lo]
    out[:] = 0.0
    f = 0
    while f + 4 <= n_features:
        a0, a1, a2, a3 = xt[f, i], xt[f + 1, i], xt[f + 2, i], xt[f + 3, i]
        x0, x1 = xt[f, lo:hi], xt[f + 1, lo:hi]
        x2, x3 = xt[f + 2, lo:hi], xt[f + 3, lo:hi]
        if euclidean is not None:
            for j in range(out.size):
                d0, d1, d2, d3 = a0 - x0[j], a1 - x1[j], a2 - x2[j], a3 - x3[j]
                out[j] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)
        else:
            for j in range(out.size):
                p = max(abs(a0 - x0[j]), abs(a1 - x1[j]))
                q = max(abs(a2 - x2[j]), abs(a3 - x3[j]))
                out[j] = max(out[j], max(p, q))
        f += 4
    if f + 2 <= n_features:
        a0, a1 = xt[f, i], xt[f + 1, i]
        x0, x1 = xt[f, lo:hi], xt[f + 1, lo:hi]
        if euclidean is not None:
            for j in range(out.size):
                d0, d1 = a0 - x0[j], a1 - x1[j]
                out[j] += d0 * d0 + d1 * d1
        else:
            for j in range(out.size):
                out[j] = max(out[j], max(abs(a0 - x0[j]), abs(a1 - x1[j])))
        f += 2
    if f < n_features:
        a0 = xt[f, i]
        x0 = xt[f, lo:hi]
        if euclidean is not None:
            for j in range(out.size):
                out[j] += (a0 - x0[j]) * (a0 - x0[j])
        else:
            for j in range(out.size):
                out[j] = max(out[j], abs(a0 - x0[j]))


@njit(cache=True, nogil=True)
def count_within(distance: Floats, radius: float) -> int:
    """Return how many distances are at most the radius."""
    count = 0
    for j in range(distance.size):
        count += distance[j] <= radius
    return count


@njit(cache=True, nogil=True)
def kth_smallest(values: Floats, k: int, scratch: Floats) -> float:
    """Return the k-th smallest value; scratch holds k values or more and is overwritten.

    One pass with insertion: for the small k of nearest-neighbour estimators almost every value
    fails the first comparison.
    """
    scratch[:k] = np.inf
    last = np.inf
    for j in range(values.size):
        value = values[j]
        if value < last:
            at = k - 1
            while at > 0 and scratch[at - 1] > value:
                scratch[at] = scratch[at - 1]
                at -= 1
            scratch[at] = value
            last = scratch[k - 1]
    return last
