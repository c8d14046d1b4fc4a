"""Pooled pairs of large alphabets: counts without a table of alphabet**2 cells.

All places are grouped by their symbol once. At a lag, the later symbols of one group are counted
in an array of `alphabet` cells. That is linear in the number of pairs, needs no hashing and no
sorting, and the grouping serves all lags.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._numba import njit
from optuna_mi.decay.measure.counting._counts import Codes, Ints, take_ends
from optuna_mi.decay.measure.counting._dense import LagEstimate, block_edges, block_error
from optuna_mi.decay.measure.reading._sequences import Sequences
from optuna_mi.information._entropy import Estimator, count_terms, entropy_of_terms

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.integer[Any]]

# Blocks whose spread gives the standard error: 32 know it to an eighth (1 / sqrt(2 x 32)).
SPARSE_BLOCKS = 32


@dataclass(frozen=True)
class Groups:
    """Places of every symbol.

    Attributes:
        order: Places sorted by symbol, then by place, uint32 or int64, shape (N,).
        starts: First entry of every symbol in order and N, int64, shape (alphabet + 1,).
        end_of: For every place, the end of its sequence, int64, shape (N,); empty for one
            sequence.
    """

    order: Places
    starts: Ints
    end_of: Ints

    @property
    def arrays(self) -> tuple[Places, Places, Ints, Ints]:
        """What the kernels read: order, the starts in its type, starts and end_of."""
        return self.order, self.starts.astype(self.order.dtype), self.starts, self.end_of


@njit(cache=True, nogil=True)
def _group(codes: Codes, starts: Ints, order: Places) -> None:
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
    order: Places = np.empty(sequences.n_total, dtype=kind)
    _group(sequences.codes, starts, order)
    end_of = np.empty(0, dtype=np.int64)
    if sequences.n_sequences > 1:
        end_of = np.repeat(sequences.offsets[1:], sequences.lengths)
    return Groups(order, starts, end_of)


@njit(cache=True, nogil=True)
def _count(
    later: Codes,
    groups: tuple[Places, Places, Ints, Ints],
    lag: int,
    log_x: Ints,
    log_y: Ints,
    log_table: Ints,
    edges: Ints,
    sums: Ints,
    sizes: Ints,
    reached: Ints,
) -> None:
    """Fill reached as `_count_only` does, for one lag, and the blocks' pointwise sums.

    log_x and log_y are ln of the marginal counts, log_table that of a pair's count times N; all in
    whole numbers (`scaled_logs`).
    """
    order, bases, starts, end_of = groups
    n = later.size
    alphabet = starts.size - 1
    count = np.zeros(alphabet, dtype=order.dtype)
    seen = np.empty(reached.size, dtype=later.dtype)
    block = np.empty(edges.size - 1, dtype=np.int64)
    ragged = end_of.size > 0
    for a in range(alphabet):
        base = bases[a]
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
                before = max(count[y], base)
                count[y] = before + 1
                reached[before - base] += 1
                m += 1
        block[b:] = m
        j = 0
        for b in range(block.size):
            total = 0
            begin = j
            while j < block[b]:
                y = seen[j]
                total += log_table[count[y] - base] - log_y[y]
                j += 1
            sums[b] += total - (j - begin) * log_x[a]
            sizes[b] += j - begin


@njit(cache=True, nogil=True)
def _count_only(
    later: Codes, groups: tuple[Places, Places, Ints, Ints], lags: Ints, reached: Ints
) -> None:
    """Fill reached[l, c] with the number of pairs seen more than c times at lag l.

    A group's counts start at the number of places before it, which no earlier group's can exceed:
    nothing has to be cleared, and no pair looked at twice. Four increasing lags of one sequence
    share a pass: the places are read once, and increments of four arrays do not wait for one
    another as those of one do.
    """
    order, bases, starts, end_of = groups
    n = later.size
    n_lags = lags.size
    count = np.zeros((4, starts.size - 1), dtype=order.dtype)
    ragged = end_of.size > 0
    one = np.uint32(1)
    c0, c1, c2, c3 = count[0], count[1], count[2], count[3]
    for a in range(starts.size - 1):
        base = bases[a]
        begin, end = starts[a], starts[a + 1]
        common = begin
        if n_lags == 4 and not ragged:
            r0, r1, r2, r3 = reached[0], reached[1], reached[2], reached[3]
            d0, d1 = np.uint64(lags[0]), np.uint64(lags[1])
            d2, d3 = np.uint64(lags[2]), np.uint64(lags[3])
            common = end
            while common > begin and np.int64(order[common - 1]) >= n - lags[3]:
                common -= 1
            for p in range(np.uint64(begin), np.uint64(common)):
                i = np.uint64(order[p])
                y0, y1, y2, y3 = later[i + d0], later[i + d1], later[i + d2], later[i + d3]
                b0, b1 = max(c0[y0], base), max(c1[y1], base)
                b2, b3 = max(c2[y2], base), max(c3[y3], base)
                c0[y0] = b0 + one
                c1[y1] = b1 + one
                c2[y2] = b2 + one
                c3[y3] = b3 + one
                r0[b0 - base] += one
                r1[b1 - base] += one
                r2[b2 - base] += one
                r3[b3 - base] += one
        for p in range(common, end):
            at = np.int64(order[p])
            stop = end_of[at] if ragged else n
            for k in range(n_lags):
                if at + lags[k] < stop:
                    y = later[at + lags[k]]
                    before = max(count[k, y], base)
                    count[k, y] = before + 1
                    reached[k, before - base] += 1


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

    The standard error takes as long as the rest and a pass per lag; without it, it is NaN.
    """
    y = sequences.codes if later is None else later
    n_x = np.diff(groups.starts)
    n_y = n_x.copy() if later is None else np.bincount(y, minlength=n_x.size)
    margins = []
    for lag in lags.tolist():
        without = n_x.copy(), n_y.copy()
        take_ends(sequences.codes, y, sequences.offsets, 0, lag, *without)
        margins.append(without)
    reached = np.zeros((lags.size, int(n_x.max())), dtype=np.int64)
    errors = [float("nan")] * lags.size
    if with_error:
        for i, lag in enumerate(lags.tolist()):
            errors[i] = _count_with_error(sequences, groups, lag, y, *margins[i], reached[i])
    else:
        _count_only(y, groups.arrays, lags, reached)
    return [
        estimate_sparse(*margin, _times(of_pairs), error, estimator)
        for margin, of_pairs, error in zip(margins, reached, errors, strict=True)
    ]


def _count_with_error(
    sequences: Sequences, groups: Groups, lag: int, y: Codes, n_x: Ints, n_y: Ints, reached: Ints
) -> float:
    """Fill reached and return the standard error of MI."""
    total = int(n_x.sum())
    logs = scaled_logs(np.arange(reached.size + 1), total, total)
    log_x, log_y = scaled_logs(n_x, total), scaled_logs(n_y, total)
    sums, sizes = np.zeros((2, SPARSE_BLOCKS), dtype=np.int64)
    _count(
        y,
        groups.arrays,
        lag,
        log_x,
        log_y,
        logs,
        block_edges(sequences.n_total, SPARSE_BLOCKS),
        sums,
        sizes,
        reached,
    )
    return scaled_error(sums, sizes)


def _scale(n_pairs: int) -> float:
    """Return into how many parts a nat is cut, so that a block's sum stays below 2**62."""
    return float(2 ** min(40, 58 - n_pairs.bit_length()))


def scaled_logs(counts: Ints, n_pairs: int, factor: int = 1) -> Ints:
    """Return ln(counts * factor), of 0 as of 1, in whole numbers.

    Their sums are the same in every order, and so over shards of the data as over the whole.
    """
    logs = np.log(np.maximum(counts, 1).astype(np.float64) * factor)
    return np.rint(_scale(n_pairs) * logs).astype(np.int64)


def scaled_error(sums: Ints, sizes: Ints) -> float:
    """Return the standard error from sums of scaled logarithms over blocks of these sizes."""
    return block_error(sums / _scale(int(sizes.sum())), sizes.astype(np.float64))


def _times(reached: Ints) -> tuple[Ints, Ints]:
    """Return how many pairs were seen c times, from how many were seen more than c times."""
    # it never rises: what is not zero comes first
    seen = reached[: np.count_nonzero(reached)]
    times = seen - np.append(seen[1:], 0)
    counts = np.flatnonzero(times > 0)
    return counts + 1, times[counts]


def estimate_sparse(
    n_x: Ints, n_y: Ints, of_pairs: tuple[Ints, Ints], std_error: float, estimator: Estimator
) -> LagEstimate:
    """Turn marginal counts, and how many pairs were seen how often, into an estimate.

    Args:
        n_x: Counts of the earlier symbols.
        n_y: Counts of the later ones.
        of_pairs: The different counts of pairs, increasing, and how many pairs have each.
        std_error: Of the MI.
        estimator: Which entropy.
    """
    total = int(n_x.sum())
    h_x, plain_x = _entropies(counts_of_counts(n_x), total, estimator)
    h_y, plain_y = _entropies(counts_of_counts(n_y), total, estimator)
    h_xy, plain_xy = _entropies(of_pairs, total, estimator)
    return LagEstimate(
        h_x=h_x,
        h_y=h_y,
        h_xy=h_xy,
        std_error=std_error,
        plugin=plain_x + plain_y - plain_xy,
    )


def counts_of_counts(counts: Ints) -> tuple[Ints, Ints]:
    """Return the different counts above 0, increasing, and how many symbols have each."""
    value, times = np.unique(counts[counts > 0], return_counts=True)
    return value, times


def _entropies(
    of_counts: tuple[Ints, Ints], total: int, estimator: Estimator
) -> tuple[float, float]:
    """Entropy by the estimator and by plug-in of different counts and how often each is there."""
    counts, seen = of_counts

    def entropy(kind: Estimator) -> float:
        return float(entropy_of_terms(total, count_terms(counts, kind) @ seen, kind))

    return entropy(estimator), entropy("plugin")
