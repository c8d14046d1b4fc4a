"""Pooled pairs of large alphabets: counts without a table of alphabet**2 cells.

All places are grouped by their symbol once. At a lag, the later symbols of one group are counted
in an array of `alphabet` cells, read off and cleared. That is linear in the number of pairs, needs
no hashing and no sorting, and the grouping serves all lags.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from optuna_mi.decay._kernels import Codes, Ints
from optuna_mi.decay._pooled import LagEstimate, block_edges, block_error
from optuna_mi.decay._sequences import Sequences
from optuna_mi.information._entropy import Estimator, count_terms

Floats = npt.NDArray[np.float64]

_BLOCKS = 32


@dataclass(frozen=True)
class Groups:
    """Places of every symbol.

    Attributes:
        order: Places sorted by symbol, then by place, uint32 or int64, shape (N,).
        starts: First entry of every symbol in order and N, int64, shape (alphabet + 1,).
        end_of: For every place, the end of its sequence, int64, shape (N,); empty for one
            sequence.
    """

    order: npt.NDArray[np.integer[Any]]
    starts: Ints
    end_of: Ints


@njit(cache=True, nogil=True)
def _group(codes: Codes, starts: Ints, order: npt.NDArray[np.integer[Any]]) -> None:
    alphabet = starts.size - 1
    for c in codes:
        starts[np.int64(c) + 1] += 1
    for a in range(alphabet):
        starts[a + 1] += starts[a]
    place = starts[:-1].copy()
    for i in range(codes.size):
        c = np.int64(codes[i])
        order[place[c]] = i
        place[c] += 1


def make_groups(sequences: Sequences) -> Groups:
    """Group all places of sequences by their symbol."""
    starts = np.zeros(sequences.alphabet + 1, dtype=np.int64)
    # half the memory traffic for all but the longest data
    kind: type[np.integer[Any]] = np.uint32 if sequences.n_total < 2**32 else np.int64
    order: npt.NDArray[np.integer[Any]] = np.empty(sequences.n_total, dtype=kind)
    _group(sequences.codes, starts, order)
    end_of = np.empty(0, dtype=np.int64)
    if sequences.n_sequences > 1:
        end_of = np.repeat(sequences.offsets[1:], sequences.lengths)
    return Groups(order, starts, end_of)


@njit(cache=True, nogil=True)
def _count(
    later: Codes,
    order: npt.NDArray[np.integer[Any]],
    starts: Ints,
    end_of: Ints,
    lag: int,
    log_x: Floats,
    log_y: Floats,
    log_table: Floats,
    edges: Ints,
    sums: Floats,
    sizes: Floats,
    times: Ints,
) -> None:
    """Fill times[c] with the number of pairs seen c times, and the blocks' pointwise sums.

    log_x and log_y are ln of the marginal counts, log_table that of a pair's count over N.
    """
    n = later.size
    alphabet = starts.size - 1
    count = np.zeros(alphabet, dtype=np.uint32)
    largest = np.int64(0)
    for a in range(alphabet):
        largest = max(largest, starts[a + 1] - starts[a])
    seen = np.empty(largest, dtype=later.dtype)
    block = np.empty(edges.size - 1, dtype=np.int64)
    ragged = end_of.size > 0
    for a in range(alphabet):
        m = 0
        b = 0
        # places ascend within a group, so blocks come one after the other
        for p in range(starts[a], starts[a + 1]):
            i = np.int64(order[p])
            while i >= edges[b + 1]:
                block[b] = m
                b += 1
            if i + lag < (end_of[i] if ragged else n):
                y = later[i + lag]
                seen[m] = y
                count[y] += np.uint32(1)
                m += 1
        block[b:] = m
        j = 0
        for b in range(block.size):
            total = 0.0
            begin = j
            while j < block[b]:
                y = seen[j]
                total += log_table[count[y]] - log_y[y]
                j += 1
            sums[b] += total - (j - begin) * log_x[a]
            sizes[b] += j - begin
        # without a branch: the second visit of a pair finds 0, and times[0] is never read
        for j in range(m):
            y = seen[j]
            times[count[y]] += 1
            count[y] = 0


@njit(cache=True, nogil=True)
def _count_only(
    later: Codes,
    order: npt.NDArray[np.integer[Any]],
    starts: Ints,
    end_of: Ints,
    lags: Ints,
    times: Ints,
) -> None:
    """Fill times[l, c] as `_count` fills times[c], for each of the lags, and nothing else.

    Four increasing lags of one sequence share a pass: the places are read once, and increments of
    four arrays do not wait for one another as those of one do.
    """
    n = later.size
    alphabet = starts.size - 1
    n_lags = lags.size
    count = np.zeros((4, alphabet), dtype=np.uint32)
    largest = np.int64(0)
    for a in range(alphabet):
        largest = max(largest, starts[a + 1] - starts[a])
    seen = np.empty((4, largest), dtype=later.dtype)
    n_seen = np.zeros(4, dtype=np.int64)
    ragged = end_of.size > 0
    one, zero = np.uint32(1), np.uint32(0)
    c0, c1, c2, c3 = count[0], count[1], count[2], count[3]
    s0, s1, s2, s3 = seen[0], seen[1], seen[2], seen[3]
    for a in range(alphabet):
        begin, end = starts[a], starts[a + 1]
        m = np.uint64(0)
        if n_lags == 4 and not ragged:
            d0, d1 = np.uint64(lags[0]), np.uint64(lags[1])
            d2, d3 = np.uint64(lags[2]), np.uint64(lags[3])
            common = end
            while common > begin and np.int64(order[common - 1]) >= n - lags[3]:
                common -= 1
            m = np.uint64(common - begin)
            for j in range(m):
                i = np.uint64(order[np.uint64(begin) + j])
                y0, y1, y2, y3 = later[i + d0], later[i + d1], later[i + d2], later[i + d3]
                s0[j] = y0
                s1[j] = y1
                s2[j] = y2
                s3[j] = y3
                c0[y0] += one
                c1[y1] += one
                c2[y2] += one
                c3[y3] += one
        n_seen[:] = np.int64(m)
        for p in range(begin + np.int64(m), end):
            at = np.int64(order[p])
            stop = end_of[at] if ragged else n
            for k in range(n_lags):
                if at + lags[k] < stop:
                    y = later[at + lags[k]]
                    seen[k, n_seen[k]] = y
                    count[k, y] += one
                    n_seen[k] += 1
        # without a branch: the second visit of a pair finds 0, and times[:, 0] is never read
        for j in range(m):
            y0, y1, y2, y3 = s0[j], s1[j], s2[j], s3[j]
            times[0, c0[y0]] += 1
            times[1, c1[y1]] += 1
            times[2, c2[y2]] += 1
            times[3, c3[y3]] += 1
            c0[y0] = zero
            c1[y1] = zero
            c2[y2] = zero
            c3[y3] = zero
        for k in range(n_lags):
            for q in range(np.int64(m), n_seen[k]):
                y = seen[k, q]
                times[k, count[k, y]] += 1
                count[k, y] = zero


@njit(cache=True, nogil=True)
def _take_ends(codes: Codes, later: Codes, offsets: Ints, lag: int, n_x: Ints, n_y: Ints) -> None:
    """Take from the counts of all symbols those that have no partner at the lag."""
    for s in range(offsets.size - 1):
        start, stop = offsets[s], offsets[s + 1]
        for i in range(max(start, stop - lag), stop):
            n_x[codes[i]] -= 1
        for i in range(start, min(stop, start + lag)):
            n_y[later[i]] -= 1


def sparse_lags(
    sequences: Sequences,
    groups: Groups,
    lags: Ints,
    estimator: Estimator,
    later: Codes | None = None,
    *,
    with_error: bool = True,
) -> list[LagEstimate]:
    """Estimate MI at up to four lags; see `dense_lags` for later, `estimate_dense` for the error.

    The standard error takes as long as the rest and a pass a lag; without it, it is NaN.
    """
    y = sequences.codes if later is None else later
    n_x = np.diff(groups.starts)
    n_y = n_x.copy() if later is None else np.bincount(y, minlength=n_x.size)
    margins = []
    for lag in lags.tolist():
        without = n_x.copy(), n_y.copy()
        _take_ends(sequences.codes, y, sequences.offsets, lag, *without)
        margins.append(without)
    times = np.zeros((lags.size, int(max(n_x.max(), n_y.max())) + 1), dtype=np.int64)
    errors = [float("nan")] * lags.size
    if with_error:
        for i, lag in enumerate(lags.tolist()):
            errors[i] = _count_with_error(sequences, groups, lag, y, *margins[i], times[i])
    else:
        _count_only(y, groups.order, groups.starts, groups.end_of, lags, times)
    return [
        _estimate(*margin, of_pairs, error, estimator)
        for margin, of_pairs, error in zip(margins, times, errors, strict=True)
    ]


def _count_with_error(
    sequences: Sequences, groups: Groups, lag: int, y: Codes, n_x: Ints, n_y: Ints, times: Ints
) -> float:
    """Fill times and return the standard error of MI."""
    total = int(n_x.sum())
    logs = np.log(np.maximum(np.arange(times.size, dtype=np.float64), 1.0) * total)
    log_x, log_y = (np.log(np.maximum(counts, 1).astype(np.float64)) for counts in (n_x, n_y))
    sums, sizes = np.zeros(_BLOCKS), np.zeros(_BLOCKS)
    _count(
        y,
        groups.order,
        groups.starts,
        groups.end_of,
        lag,
        log_x,
        log_y,
        logs,
        block_edges(sequences.n_total, _BLOCKS),
        sums,
        sizes,
        times,
    )
    return block_error(sums, sizes)


def _estimate(
    n_x: Ints, n_y: Ints, times: Ints, std_error: float, estimator: Estimator
) -> LagEstimate:
    total = int(n_x.sum())
    h_x, plain_x = _entropies(np.bincount(n_x), total, estimator)
    h_y, plain_y = _entropies(np.bincount(n_y), total, estimator)
    h_xy, plain_xy = _entropies(times, total, estimator)
    return LagEstimate(
        h_x=h_x,
        h_y=h_y,
        h_xy=h_xy,
        std_error=std_error,
        plugin=plain_x + plain_y - plain_xy,
        dof=(int((n_x > 0).sum()) - 1) * (int((n_y > 0).sum()) - 1),
    )


def _entropies(times: Ints, total: int, estimator: Estimator) -> tuple[float, float]:
    """Entropy when times[c] symbols were seen c times, by the estimator and by plug-in."""
    counts = np.flatnonzero(times[1:]) + 1
    seen = times[counts]

    def entropy(kind: Estimator) -> float:
        return float(np.log(total) - np.dot(count_terms(counts, kind), seen) / total)

    value, plain = entropy(estimator), entropy("plugin")
    return (value - 0.5 / total if estimator == "miller-madow" else value), plain
