"""Pooled pairs of large alphabets: counts without a table of alphabet**2 cells.

All places are grouped by their symbol once. At a lag, the later symbols of one group are counted
in an array of `alphabet` cells, read off and cleared. That is linear in the number of pairs, needs
no hashing and no sorting, and the grouping serves all lags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from optuna_mi.decay._kernels import Codes, Ints
from optuna_mi.decay._pooled import LagEstimate, block_edges, block_error
from optuna_mi.decay._sequences import Sequences
from optuna_mi.information._entropy import Estimator, count_terms

_BLOCKS = 32


@dataclass(frozen=True)
class Groups:
    """Places of every symbol.

    Attributes:
        order: Places sorted by symbol, int64, shape (N,).
        starts: First entry of every symbol in order and N, int64, shape (alphabet + 1,).
        end_of: For every place, the end of its sequence, int64, shape (N,); empty for one
            sequence.
    """

    order: Ints
    starts: Ints
    end_of: Ints


@njit(cache=True, nogil=True)
def _group(codes: Codes, alphabet: int) -> tuple[Ints, Ints]:
    starts = np.zeros(alphabet + 1, dtype=np.int64)
    for c in codes:
        starts[np.int64(c) + 1] += 1
    for a in range(alphabet):
        starts[a + 1] += starts[a]
    place = starts[:-1].copy()
    order = np.empty(codes.size, dtype=np.int64)
    for i in range(codes.size):
        c = np.int64(codes[i])
        order[place[c]] = i
        place[c] += 1
    return order, starts


def make_groups(sequences: Sequences) -> Groups:
    """Group all places of sequences by their symbol."""
    order, starts = _group(sequences.codes, sequences.alphabet)
    end_of = np.empty(0, dtype=np.int64)
    if sequences.n_sequences > 1:
        end_of = np.repeat(sequences.offsets[1:], sequences.lengths)
    return Groups(order, starts, end_of)


@njit(cache=True, nogil=True)
def _count(
    later: Codes,
    order: Ints,
    starts: Ints,
    end_of: Ints,
    lag: int,
    n_x: Ints,
    n_y: Ints,
    log_table: npt.NDArray[np.float64],
    edges: Ints,
    sums: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.float64],
    times: Ints,
) -> None:
    """Fill times[c] with the number of pairs seen c times, and the blocks' pointwise sums."""
    n = later.size
    alphabet = starts.size - 1
    count = np.zeros(alphabet, dtype=np.int64)
    width = max(edges[1] - edges[0], 1)  # of sequences shorter than the number of blocks
    last_block = edges.size - 2
    ragged = end_of.size > 0
    log_n = log_table[0]
    for a in range(alphabet):
        lo, hi = starts[a], starts[a + 1]
        for p in range(lo, hi):
            i = order[p]
            if i + lag < (end_of[i] if ragged else n):
                count[later[i + lag]] += 1
        for p in range(lo, hi):
            i = order[p]
            if i + lag < (end_of[i] if ragged else n):
                y = later[i + lag]
                b = min(i // width, last_block)
                sums[b] += log_n + log_table[count[y]] - log_table[n_x[a]] - log_table[n_y[y]]
                sizes[b] += 1.0
        for p in range(lo, hi):
            i = order[p]
            if i + lag < (end_of[i] if ragged else n):
                y = later[i + lag]
                c = count[y]
                if c > 0:
                    times[c] += 1
                    count[y] = 0


@njit(cache=True, nogil=True)
def _marginals(codes: Codes, later: Codes, offsets: Ints, lag: int, n_x: Ints, n_y: Ints) -> None:
    for s in range(offsets.size - 1):
        for i in range(offsets[s], offsets[s + 1] - lag):
            n_x[codes[i]] += 1
            n_y[later[i + lag]] += 1


def sparse_lag(
    sequences: Sequences,
    groups: Groups,
    lag: int,
    estimator: Estimator,
    later: Codes | None = None,
) -> LagEstimate:
    """Estimate MI at one lag; see `dense_lags` for later, `estimate_dense` for the error."""
    k = sequences.alphabet
    n_x = np.zeros(k, dtype=np.int64)
    n_y = np.zeros(k, dtype=np.int64)
    y = sequences.codes if later is None else later
    _marginals(sequences.codes, y, sequences.offsets, lag, n_x, n_y)
    total = int(n_x.sum())
    largest = int(max(n_x.max(), n_y.max()))
    log_table = np.log(np.maximum(np.arange(largest + 1, dtype=np.float64), 1.0))
    # cell 0 is free: no count is 0 where the table is read
    log_table[0] = np.log(total)
    edges = block_edges(sequences.n_total, _BLOCKS)
    sums, sizes = np.zeros(_BLOCKS), np.zeros(_BLOCKS)
    times = np.zeros(largest + 1, dtype=np.int64)
    _count(
        y,
        groups.order,
        groups.starts,
        groups.end_of,
        lag,
        n_x,
        n_y,
        log_table,
        edges,
        sums,
        sizes,
        times,
    )
    h_x, h_y, h_xy = (
        _entropy(t, total, estimator) for t in (np.bincount(n_x), np.bincount(n_y), times)
    )
    return LagEstimate(
        h_x=h_x,
        h_y=h_y,
        h_xy=h_xy,
        std_error=block_error(sums, sizes),
        plugin=float(sums.sum() / sizes.sum()),
        dof=(int((n_x > 0).sum()) - 1) * (int((n_y > 0).sum()) - 1),
    )


def _entropy(times: Ints, total: int, estimator: Estimator) -> float:
    """Entropy when times[c] symbols were seen c times."""
    counts = np.flatnonzero(times[1:]) + 1
    h = np.log(total) - float(np.dot(count_terms(counts, estimator), times[counts])) / total
    return float(h - 0.5 / total if estimator == "miller-madow" else h)
