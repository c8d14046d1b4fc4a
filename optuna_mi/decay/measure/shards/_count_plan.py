"""What all who count shards of one corpus must agree on."""

from __future__ import annotations

from copy import copy
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import flag, wholes
from optuna_mi.decay.measure._lags import choose_lags
from optuna_mi.decay.measure.counting._dense import block_edges, fft_edges, n_blocks_for
from optuna_mi.decay.measure.counting._engine import (
    ERRORS_MEASURED,
    pays_table,
    transform_break_even,
)
from optuna_mi.decay.measure.counting._few_lags import anchor_lags
from optuna_mi.decay.measure.counting._sparse import SPARSE_BLOCKS
from optuna_mi.decay.measure.reading._sequences import Sequences
from optuna_mi.decay.measure.shards._alphabet import Alphabet

Ints = npt.NDArray[np.int64]

# bytes of tables from which on the spread over blocks is kept at some lags only
_MANY_BYTES = 1 << 30
# bytes of counts beyond which lags are counted in several passes over the shards
_PASS_BYTES = 1 << 30
# places in a block that a table's uint32 counts are safe for, with room
_LONGEST_BLOCK = 1 << 31


class CountPlan:
    """The lags, the alphabet and the places of all shards: small, and the same for all workers.

    Args:
        lengths: Number of symbols in every shard, in order.
        symbols: The alphabet: the number K of symbols 0..K-1, a str of all characters, or a list
            of integers or of tokens.
        lags: ``"all"``, ``"log"`` (all below 64, then 16 per octave) or the distances themselves.
        max_lag: Longest distance. Either this or the distances are needed.
        joined: Whether the shards are pieces of ONE sequence, one behind the other, so that pairs
            cross from each into the next; otherwise every shard holds sequences of its own.

    Attributes:
        lags: The distances, int64, shape (L,).
        starts: Symbols before every shard, and all, int64, shape (S + 1,).
        is_dense: Whether a table of K * K counts is kept at a lag; otherwise the pairs that occur.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If there are fewer than two symbols, or no pairs at a lag.

    Example:
        >>> plan = CountPlan([1000, 2000], symbols=4, max_lag=10)
        >>> len(plan.lags), plan.is_dense
        (10, True)
    """

    def __init__(
        self,
        lengths: npt.ArrayLike,
        *,
        symbols: Any,
        lags: Literal["all", "log"] | npt.ArrayLike | None = None,
        max_lag: int | None = None,
        joined: bool = False,
    ) -> None:
        flag("joined", joined)
        if max_lag is None and (lags is None or isinstance(lags, str)):
            raise ValueError("max_lag is needed, or the lags themselves: give one of the two")
        sizes = np.array(wholes("lengths", lengths), dtype=np.int64)
        if not sizes.any():
            raise ValueError("lengths must name at least one shard that holds symbols")
        alphabet = Alphabet.of_user(symbols)
        offsets = np.concatenate(([0], np.cumsum(sizes)))
        shape = shape_of(offsets[[0, -1]] if joined else offsets, alphabet.size)
        wanted = choose_lags(shape, "log" if lags is None else lags, max_lag)
        self._set(offsets, alphabet, wanted, joined=joined, is_one=shape.n_sequences == 1)

    @classmethod
    def of(
        cls, starts: Ints, alphabet: Alphabet, lags: Ints, *, joined: bool, is_one: bool
    ) -> CountPlan:
        """Return the plan for shards of which all is known; is_one of one sequence."""
        plan = cls.__new__(cls)
        plan._set(starts, alphabet, lags, joined=joined, is_one=is_one)
        return plan

    @classmethod
    def open_ended(cls, alphabet: Alphabet, lags: Ints, *, joined: bool) -> CountPlan:
        """Return the plan for shards whose number and lengths will only show."""
        plan = cls.__new__(cls)
        # none is as long as this; so long a corpus is counted in a table if it fits anywhere
        plan._set(np.array([0, 1 << 62]), alphabet, lags, joined=joined, is_one=False)
        plan.is_open = True
        return plan

    def _set(
        self, starts: Ints, alphabet: Alphabet, lags: Ints, *, joined: bool, is_one: bool
    ) -> None:
        self.starts, self.alphabet, self.lags, self.joined = starts, alphabet, lags, joined
        self.is_open = False
        ends = [0, self.n_total] if is_one else [0, 0, self.n_total]
        shape = shape_of(np.array(ends), alphabet.size)
        self.is_dense = pays_table(shape)
        by_transform = self.is_dense and transform_break_even(shape, lags) < lags.size
        edges = fft_edges(shape) if by_transform else block_edges(self.n_total, n_blocks_for(shape))
        if not self.is_dense:
            edges = block_edges(self.n_total, SPARSE_BLOCKS)
        if self.n_total < 1 << 62 and self.n_total // _LONGEST_BLOCK >= edges.size - 1:
            edges = block_edges(self.n_total, self.n_total // _LONGEST_BLOCK + 1)
        self.edges = edges
        table = 4 * alphabet.size**2 * (edges.size - 1)
        n_errors = lags.size
        if not self.is_dense:
            n_errors = ERRORS_MEASURED
        elif table * lags.size > _MANY_BYTES:
            n_errors = int(np.clip(_MANY_BYTES // table, 2, ERRORS_MEASURED))
        self.error_lags = anchor_lags(lags, n_errors)
        self.other_lags = np.setdiff1d(lags, self.error_lags)

    @property
    def n_bytes(self) -> int:
        """What the counts of all shards together take: exactly of tables, at most of pairs."""
        return sum(self._bytes_at(lag) for lag in self.lags.tolist())

    def _bytes_at(self, lag: int) -> int:
        cells, n_blocks = self.alphabet.size**2, self.edges.size - 1
        has_error = lag in self.error_lags
        if self.is_dense:
            return cells * (4 * n_blocks if has_error else 8)
        pair = 8 if self.n_total < 1 << 32 else 12
        return pair * min(cells * (n_blocks if has_error else 1), self.n_total)

    def in_passes(self) -> list[CountPlan]:
        """Return plans for some lags each, whose counts are small enough to hold, or of one lag."""
        lags: list[list[int]] = [[]]
        room = _PASS_BYTES
        for lag in self.lags.tolist():
            size = self._bytes_at(lag)
            if lags[-1] and size > room:
                lags.append([])
                room = _PASS_BYTES
            lags[-1].append(lag)
            room -= size
        return [self._with_lags(np.array(some, dtype=np.int64)) for some in lags]

    def _with_lags(self, lags: Ints) -> CountPlan:
        plan = copy(self)
        plan.lags = lags
        plan.error_lags = np.intersect1d(self.error_lags, lags)
        plan.other_lags = np.intersect1d(self.other_lags, lags)
        return plan

    def with_edges(self, edges: Ints) -> CountPlan:
        """Return the same plan with blocks between these places."""
        plan = copy(self)
        plan.edges = edges
        return plan

    @property
    def n_total(self) -> int:
        """Number of symbols in all shards."""
        return int(self.starts[-1])

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        return int(self.starts.size - 1)

    @property
    def max_lag(self) -> int:
        """Longest distance."""
        return int(self.lags[-1])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CountPlan):
            return NotImplemented
        return (
            np.array_equal(self.starts, other.starts)
            and np.array_equal(self.lags, other.lags)
            and np.array_equal(self.error_lags, other.error_lags)
            and np.array_equal(self.edges, other.edges)
            and self.joined == other.joined
            and self.alphabet == other.alphabet
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    def __repr__(self) -> str:
        how = "tables" if self.is_dense else "the pairs that occur"
        number = "any number of" if self.is_open else f"{self.n_shards:,}"
        return (
            f"CountPlan({number} shards, {self.alphabet.size:,} symbols, {self.lags.size:,} lags "
            f"up to {self.max_lag:,}, {how})"
        )


def shape_of(offsets: Ints, size: int) -> Sequences:
    """Return sequences without symbols, from whose lengths lags and blocks follow."""
    codes = np.broadcast_to(np.uint8(0), int(offsets[-1]))
    return Sequences(codes, offsets.astype(np.int64), size, size)
