"""Histograms of pairs at a distance: the innermost loops of pooled curves.

Indices are unsigned: numba then leaves out the wrap-around of negative ones, which costs a third
of the time. Counts are uint32 for one block of a sequence, which is shorter than 2**32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._numba import njit

Codes = npt.NDArray[np.integer[Any]]
Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.uint32]


@njit(cache=True, nogil=True)
def _add(x: Codes, y: Codes, start: int, stop: int, lag: int, alphabet: int, out: Counts) -> None:
    one = np.uint32(1)
    k = np.uint64(alphabet)
    d = np.uint64(lag)
    for i in range(np.uint64(start), np.uint64(stop)):
        out[np.uint64(x[i]) * k + np.uint64(y[i + d])] += one


@njit(cache=True, nogil=True)
def count_pairs(
    x: Codes,
    y: Codes,
    offsets: Ints,
    start: int,
    stop: int,
    lag: int,
    alphabet: int,
    out: Counts,
) -> None:
    """Add to out, shape (alphabet**2,), the pairs (x[i], y[i + lag]) with start <= i < stop.

    y is x, or x with its sequences in another order: no pair leaves the offsets' sequences.
    """
    s = np.searchsorted(offsets, start, side="right") - 1
    while s < offsets.size - 1 and offsets[s] < stop:
        end = min(stop, offsets[s + 1] - lag)
        begin = max(start, offsets[s])
        if begin < end:
            _add(x, y, begin, end, lag, alphabet, out)
        s += 1


@njit(cache=True, nogil=True)
def count_four(
    x: Codes,
    y: Codes,
    offsets: Ints,
    start: int,
    stop: int,
    lags: Ints,
    alphabet: int,
    out: Counts,
) -> None:
    """Count four increasing lags in one pass, into out of shape (4, alphabet**2).

    The first symbol is read once, and the four increments hit different tables: none waits for
    the one before it.
    """
    one = np.uint32(1)
    k = np.uint64(alphabet)
    d0, d1 = np.uint64(lags[0]), np.uint64(lags[1])
    d2, d3 = np.uint64(lags[2]), np.uint64(lags[3])
    h0, h1, h2, h3 = out[0], out[1], out[2], out[3]
    s = np.searchsorted(offsets, start, side="right") - 1
    while s < offsets.size - 1 and offsets[s] < stop:
        end = offsets[s + 1]
        begin = max(start, offsets[s])
        common = max(begin, min(stop, end - lags[3]))
        for i in range(np.uint64(begin), np.uint64(common)):
            a = np.uint64(x[i]) * k
            h0[a + np.uint64(y[i + d0])] += one
            h1[a + np.uint64(y[i + d1])] += one
            h2[a + np.uint64(y[i + d2])] += one
            h3[a + np.uint64(y[i + d3])] += one
        for j in range(3):
            last = min(stop, end - lags[j])
            if common < last:
                _add(x, y, common, last, lags[j], alphabet, out[j])
        s += 1
