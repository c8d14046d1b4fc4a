"""Distances from one sample to a range of others: the innermost loops of the estimators.

Two layouts, because each vectorises where the other does not: feature-major (D, N) runs along the
samples and wins for few features; sample-major (N, D) runs along the features of one pair and can
stop early. Euclidean distances stay squared: only their order matters.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

# measured: below this many features the feature-major layout is faster
SAMPLE_MAJOR_FROM = 64
_BLOCK = 64

Floats = npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def fill_feature_major(xt: Floats, i: int, lo: int, hi: int, euclidean: bool, out: Floats) -> None:
    """Write the distances from sample i to samples lo..hi-1 into out[lo:hi]; xt is (D, N)."""
    n_features = xt.shape[0]
    # two features a pass halve the traffic through `out`
    odd = n_features % 2
    if odd:
        a = xt[0, i]
        if euclidean:
            for j in range(lo, hi):
                out[j] = (a - xt[0, j]) * (a - xt[0, j])
        else:
            for j in range(lo, hi):
                out[j] = abs(a - xt[0, j])
    else:
        for j in range(lo, hi):
            out[j] = 0.0
    for f in range(odd, n_features, 2):
        a = xt[f, i]
        b = xt[f + 1, i]
        row_a = xt[f]
        row_b = xt[f + 1]
        if euclidean:
            for j in range(lo, hi):
                p = a - row_a[j]
                q = b - row_b[j]
                out[j] += p * p + q * q
        else:
            for j in range(lo, hi):
                p = abs(a - row_a[j])
                q = abs(b - row_b[j])
                r = p if p > q else q
                s = out[j]
                out[j] = r if r > s else s


# NaN never comes here (checked at the door), so the reductions over features may be reordered
@njit(cache=True, nogil=True, fastmath={"nnan", "ninf", "nsz", "reassoc", "contract"})
def pair_distance(x: Floats, i: int, j: int, euclidean: bool, bound: float) -> float:
    """Return the distance of two rows of x (N, D), or a value above bound once it is passed."""
    n_features = x.shape[1]
    a = x[i]
    b = x[j]
    total = 0.0
    start = 0
    while start < n_features:
        stop = min(start + _BLOCK, n_features)
        if euclidean:
            part = 0.0
            for f in range(start, stop):
                d = a[f] - b[f]
                part += d * d
            total += part
        else:
            part = 0.0
            for f in range(start, stop):
                part = max(part, abs(a[f] - b[f]))
            total = max(total, part)
        if total > bound:
            return total
        start = stop
    return total


@njit(cache=True, nogil=True)
def insert_smallest(smallest: Floats, k: int, value: float) -> None:
    """Insert value into the ascending smallest[:k], dropping the largest."""
    j = k - 1
    while j > 0 and smallest[j - 1] > value:
        smallest[j] = smallest[j - 1]
        j -= 1
    smallest[j] = value
