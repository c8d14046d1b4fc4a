"""Curves of aligned sequences, conditional on the position: the mean over t of I(X_t; X_{t+d}).

Every position has its own alphabet, with its most frequent symbol as code 0. Sequences with the
most frequent symbol at t are not visited: their row of the table is the counts at t + d minus all
other rows. On images, where most pixels are background, this saves most of the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._numba import njit
from optuna_mi.decay.measure.reading._sequences import Sequences
from optuna_mi.information._entropy import Estimator, count_terms, entropy_of_terms

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
# The spread of the pointwise information is measured on so many sequences, which know it to 5 %
# (1 / sqrt(2 x 256)).
_PROBES = 256


@dataclass(frozen=True)
class Columns:
    """Aligned sequences by position.

    Attributes:
        codes: Own codes of every position, shape (T, S), uint8, uint16 or uint32.
        sizes: Alphabet of every position, int64, shape (T,).
        counts: Counts of the codes, position behind position, int64.
        count_starts: Where a position's counts start, int64, shape (T + 1,).
        others: Sequences that do not show code 0, position behind position, int32.
        other_starts: Where a position's others start, int64, shape (T + 1,).
        terms: Sum of the estimator's terms of every position's counts, shape (T,).
        table: The estimator's term of every count 0..S.
    """

    codes: npt.NDArray[np.integer[Any]]
    sizes: Ints
    counts: Ints
    count_starts: Ints
    others: npt.NDArray[np.int32]
    other_starts: Ints
    terms: Floats
    table: Floats

    def entropies(self, estimator: Estimator) -> Floats:
        """Return the entropy of every position in nats, shape (T,)."""
        return entropy_of_terms(self.codes.shape[1], self.terms, estimator)


def make_columns(
    sequences: Sequences, steps: int, rng: np.random.Generator, estimator: Estimator
) -> Columns:
    """Recode aligned sequences by position, in an order drawn at random.

    The order makes a rotation of the sequences a pairing of unrelated ones, even when the data
    are sorted by class.
    """
    order = rng.permutation(sequences.n_sequences)
    columns = sequences.codes.reshape(-1, steps)[order].T
    codes = np.empty(columns.shape, dtype=sequences.codes.dtype)
    counts, others = [], []
    for t in range(steps):
        seen = np.bincount(columns[t], minlength=sequences.alphabet)
        rank = np.argsort(-seen, kind="stable")[: int((seen > 0).sum())]
        own = np.zeros(sequences.alphabet, dtype=codes.dtype)
        own[rank] = np.arange(rank.size)
        codes[t] = own[columns[t]]
        counts.append(seen[rank])
        others.append(np.flatnonzero(codes[t]).astype(np.int32))
    table = count_terms(np.arange(sequences.n_sequences + 1), estimator)
    return Columns(
        codes=codes,
        sizes=np.array([c.size for c in counts], dtype=np.int64),
        counts=np.concatenate(counts).astype(np.int64),
        count_starts=_starts(counts),
        others=np.concatenate(others),
        other_starts=_starts(others),
        terms=np.array([table[c].sum() for c in counts]),
        table=table,
    )


def _starts(parts: list[npt.NDArray[np.int64]] | list[npt.NDArray[np.int32]]) -> Ints:
    return np.concatenate(([0], np.cumsum([p.size for p in parts]))).astype(np.int64)


@njit(cache=True, nogil=True)
def _position_mi(
    codes: npt.NDArray[np.integer[Any]],
    sizes: Ints,
    counts: Ints,
    count_starts: Ints,
    others: npt.NDArray[np.int32],
    other_starts: Ints,
    terms: Floats,
    table: Floats,
    logs: Floats,
    constant: float,
    lag: int,
    shift: int,
    out: Floats,
    probes: Floats,
) -> None:
    """Fill out[t] with the MI of positions t and t + lag, the latter rotated by shift sequences.

    probes[s] receives the sum over t of the pointwise information of sequence s.
    """
    n_steps, n = codes.shape
    largest = np.int64(0)
    for t in range(n_steps):
        largest = max(largest, sizes[t])
    space = np.empty(largest * largest, dtype=np.uint32)
    one = np.uint32(1)
    wrap = np.uint64(n)
    turn = np.uint64(shift)
    for t in range(n_steps - lag):
        k_x, k_y = sizes[t], sizes[t + lag]
        if k_x == 1 or k_y == 1:
            # the joint counts are those of the position that varies, if one does
            out[t] = constant - (terms[t] if k_x == 1 else terms[t + lag]) / n
            continue
        joint = space[: k_x * k_y]
        joint[:] = 0
        x, y = codes[t], codes[t + lag]
        stride = np.uint64(k_y)
        for p in range(other_starts[t], other_starts[t + 1]):
            i = np.uint64(others[p])
            j = i + turn
            if j >= wrap:
                j -= wrap
            joint[np.uint64(x[i]) * stride + np.uint64(y[j])] += one
        total = 0.0
        # the row of code 0 holds what the other rows leave of the later position's counts
        first = count_starts[t + lag]
        for b in range(k_y):
            rest = counts[first + b]
            for a in range(1, k_x):
                rest -= joint[a * k_y + b]
            joint[b] = rest
        for cell in range(k_x * k_y):
            total += table[joint[cell]]
        out[t] = constant + (total - terms[t] - terms[t + lag]) / n
        for s in range(probes.size):
            r = s + shift
            if r >= n:
                r -= n
            c_x = counts[count_starts[t] + x[s]]
            c_y = counts[first + y[r]]
            probes[s] += logs[joint[x[s] * k_y + y[r]]] + logs[n] - logs[c_x] - logs[c_y]


@dataclass(frozen=True)
class PositionEstimate:
    """MI at one lag: by position, and the standard error of its mean that sequences cause."""

    by_position: Floats
    sequence_error: float

    @property
    def mi(self) -> float:
        """Mean over positions."""
        return float(self.by_position.mean())


def conditional_lag(
    columns: Columns, lag: int, shift: int, estimator: Estimator, logs: Floats
) -> PositionEstimate:
    """Estimate the MI of all pairs of positions (t, t + lag).

    Args:
        columns: The data.
        lag: Distance.
        shift: Pair a sequence with the one so many places on; 0 pairs it with itself.
        estimator: The estimator that ``columns`` was made for.
        logs: ln n for n = 0 (any value) to the number of sequences.
    """
    n_steps, n = columns.codes.shape
    out = np.empty(n_steps - lag)
    probes = np.zeros(min(_PROBES, n))
    constant = float(entropy_of_terms(n, 0.0, estimator))
    _position_mi(
        columns.codes,
        columns.sizes,
        columns.counts,
        columns.count_starts,
        columns.others,
        columns.other_starts,
        columns.terms,
        columns.table,
        logs,
        constant,
        lag,
        shift,
        out,
        probes,
    )
    spread = float(probes.std(ddof=1)) / out.size if n > 1 else 0.0
    return PositionEstimate(out, spread / float(np.sqrt(n)))
