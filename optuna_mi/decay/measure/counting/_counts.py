"""Counts of symbols and of pairs at a distance: the innermost loops of pooled curves.

Indices are unsigned: numba then leaves out the wrap-around of negative ones, which costs a third
of the time. Counts are uint32 for one block of a sequence, which is shorter than 2**32.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._numba import njit
from optuna_mi.decay.measure.reading._counted_sequences import CountedSequences
from optuna_mi.decay.measure.reading._sequences import Sequences

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


@njit(cache=True, nogil=True)
def count_symbols(codes: Codes, out: Ints) -> None:
    """Add to out, shape (alphabet,), how often each code occurs."""
    for c in codes:
        out[c] += 1


@njit(cache=True, nogil=True)
def take_ends(
    codes: Codes, later: Codes, offsets: Ints, before: int, lag: int, n_x: Ints, n_y: Ints
) -> None:
    """Take from counts of pairs at a smaller lag those that have no partner at this one.

    Args:
        codes: Where the earlier symbols come from.
        later: Where the later ones do.
        offsets: The sequences' first indices and N.
        before: The lag of the counts; 0 for those of all symbols.
        lag: The lag wanted.
        n_x: Counts of the earlier symbols.
        n_y: Counts of the later ones.
    """
    for s in range(offsets.size - 1):
        start, stop = offsets[s], offsets[s + 1]
        for i in range(max(start, stop - lag), max(start, stop - before)):
            n_x[codes[i]] -= 1
        for i in range(min(stop, start + before), min(stop, start + lag)):
            n_y[later[i]] -= 1


@njit(cache=True, nogil=True)
def count_beside_gaps(
    codes: Codes, later: Codes, offsets: Ints, lag: int, gap: int, n_x: Ints, n_y: Ints
) -> None:
    """Add the symbols of the pairs of which neither is a gap.

    Args:
        codes: Where the earlier symbols come from.
        later: Where the later ones do.
        offsets: The sequences' first indices and N.
        lag: Their distance.
        gap: Code of a gap.
        n_x: Counts of the earlier symbols.
        n_y: Counts of the later ones.
    """
    for s in range(offsets.size - 1):
        for i in range(offsets[s], offsets[s + 1] - lag):
            a, b = codes[i], later[i + lag]
            if a != gap and b != gap:
                n_x[a] += 1
                n_y[b] += 1


def marginal_counts(
    sequences: Sequences, lags: Ints, later: Codes | None = None
) -> Iterator[tuple[Ints, Ints]]:
    """Yield the counts of earlier and later symbols at increasing lags, shape (alphabet,) each.

    The arrays are changed from lag to lag.
    """
    if isinstance(sequences, CountedSequences):
        yield from sequences.margins(lags)
        return
    codes = sequences.codes
    n_x = np.zeros(sequences.alphabet, dtype=np.int64)
    if sequences.has_gaps:
        both = (codes, codes if later is None else later, sequences.offsets)
        n_y = n_x.copy()
        for lag in lags.tolist():
            n_x[:], n_y[:] = 0, 0
            count_beside_gaps(*both, lag, sequences.gap, n_x, n_y)
            yield n_x, n_y
        return
    count_symbols(codes, n_x)
    n_y = n_x.copy()
    if later is not None:
        n_y[:] = 0
        count_symbols(later, n_y)
    before = 0
    for lag in lags.tolist():
        take_ends(
            codes, codes if later is None else later, sequences.offsets, before, lag, n_x, n_y
        )
        before = lag
        yield n_x, n_y
