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
    lag: int,
    times: Ints,
) -> None:
    """Fill times[c] as `_count` does, and nothing else."""
    n = later.size
    alphabet = starts.size - 1
    count = np.zeros(alphabet, dtype=np.uint32)
    largest = np.int64(0)
    for a in range(alphabet):
        largest = max(largest, starts[a + 1] - starts[a])
    seen = np.empty(largest, dtype=later.dtype)
    ragged = end_of.size > 0
    for a in range(alphabet):
        m = 0
        for p in range(starts[a], starts[a + 1]):
            i = np.int64(order[p])
            if i + lag < (end_of[i] if ragged else n):
                y = later[i + lag]
                seen[m] = y
                count[y] += np.uint32(1)
                m += 1
        for j in range(m):
            y = seen[j]
            times[count[y]] += 1
            count[y] = 0


@njit(cache=True, nogil=True)
def _take_ends(codes: Codes, later: Codes, offsets: Ints, lag: int, n_x: Ints, n_y: Ints) -> None:
    """Take from the counts of all symbols those that have no partner at the lag."""
    for s in range(offsets.size - 1):
        start, stop = offsets[s], offsets[s + 1]
        for i in range(max(start, stop - lag), stop):
            n_x[codes[i]] -= 1
        for i in range(start, min(stop, start + lag)):
            n_y[later[i]] -= 1


def sparse_lag(
    sequences: Sequences,
    groups: Groups,
    lag: int,
    estimator: Estimator,
    later: Codes | None = None,
    *,
    with_error: bool = True,
) -> LagEstimate:
    """Estimate MI at one lag; see `dense_lags` for later, `estimate_dense` for the error.

    The standard error takes as long as the rest; without it, it is NaN.
    """
    y = sequences.codes if later is None else later
    n_x = np.diff(groups.starts)
    n_y = n_x.copy() if later is None else np.bincount(y, minlength=n_x.size)
    _take_ends(sequences.codes, y, sequences.offsets, lag, n_x, n_y)
    total = int(n_x.sum())
    largest = int(max(n_x.max(), n_y.max()))
    times = np.zeros(largest + 1, dtype=np.int64)
    sums, sizes = np.zeros(_BLOCKS), np.zeros(_BLOCKS)
    if with_error:
        log_table = np.log(np.maximum(np.arange(largest + 1, dtype=np.float64), 1.0) * total)
        log_x, log_y = (np.log(np.maximum(counts, 1).astype(np.float64)) for counts in (n_x, n_y))
        _count(
            y,
            groups.order,
            groups.starts,
            groups.end_of,
            lag,
            log_x,
            log_y,
            log_table,
            block_edges(sequences.n_total, _BLOCKS),
            sums,
            sizes,
            times,
        )
    else:
        _count_only(y, groups.order, groups.starts, groups.end_of, lag, times)
    parts = (np.bincount(n_x), np.bincount(n_y), times)
    h_x, h_y, h_xy = (_entropy(t, total, estimator) for t in parts)
    plain: tuple[float, ...] = (h_x, h_y, h_xy)
    if estimator != "plugin":
        plain = tuple(_entropy(t, total, "plugin") for t in parts)
    return LagEstimate(
        h_x=h_x,
        h_y=h_y,
        h_xy=h_xy,
        std_error=block_error(sums, sizes) if with_error else float("nan"),
        plugin=plain[0] + plain[1] - plain[2],
        dof=(int((n_x > 0).sum()) - 1) * (int((n_y > 0).sum()) - 1),
    )


def _entropy(times: Ints, total: int, estimator: Estimator) -> float:
    """Entropy when times[c] symbols were seen c times."""
    counts = np.flatnonzero(times[1:]) + 1
    h = np.log(total) - float(np.dot(count_terms(counts, estimator), times[counts])) / total
    return float(h - 0.5 / total if estimator == "miller-madow" else h)
