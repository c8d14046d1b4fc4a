"""Sequences of symbols in the form the counting kernels take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.measure._lagged_sums import lagged_sums

Codes = npt.NDArray[np.integer[Any]]

_ALIGNED_FROM = 30


@dataclass(frozen=True)
class Sequences:
    """Sequences of codes, one behind the other.

    Attributes:
        codes: Codes 0..alphabet-1, shape (N,), the smallest unsigned type that holds them (uint8,
            uint16 or uint32).
        offsets: First index of every sequence and N, int64, shape (n + 1,).
        alphabet: One more than the largest code.
        n_symbols: Different codes that occur.
        is_panel: Whether they are series of a panel: parallel, but each a series of its own.
        has_gaps: Whether the largest code stands for a step without a symbol, which no pair counts.
    """

    codes: Codes
    offsets: npt.NDArray[np.int64]
    alphabet: int
    n_symbols: int
    is_panel: bool = False
    has_gaps: bool = False

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Length of every sequence."""
        return np.diff(self.offsets)

    @property
    def n_sequences(self) -> int:
        """Number of sequences."""
        return int(self.offsets.size - 1)

    @property
    def n_total(self) -> int:
        """Number of steps in all sequences."""
        return int(self.codes.size)

    @property
    def gap(self) -> int:
        """Code of a step without a symbol; -1 where there is none."""
        return self.alphabet - 1 if self.has_gaps else -1

    @property
    def longest(self) -> int:
        """Length of the longest sequence."""
        return int(self.lengths.max())

    @property
    def steps(self) -> int | None:
        """The common length of two or more sequences, or ``None``."""
        lengths = self.lengths
        return int(lengths[0]) if lengths.size > 1 and (lengths == lengths[0]).all() else None

    @property
    def is_aligned(self) -> bool:
        """Whether positions mean the same in all sequences, as far as one can tell.

        A handful of long series of one length are taken for series that happen to be equally long.
        """
        return self.steps is not None and self.n_sequences >= _ALIGNED_FROM and not self.is_panel

    def n_pairs(self, lags: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the number of pairs at every lag."""
        if self.has_gaps:
            return self._pairs_between_gaps[lags]
        lengths = np.sort(self.lengths)
        # sum over sequences longer than d of (length - d)
        tail = np.concatenate(([0], np.cumsum(lengths[::-1])))[::-1]
        first = np.searchsorted(lengths, lags, side="right")
        pairs: npt.NDArray[np.int64] = tail[first] - (lengths.size - first) * lags
        return pairs

    @cached_property
    def _pairs_between_gaps(self) -> npt.NDArray[np.int64]:
        """Pairs of two symbols at every distance from 0 on, shape (longest,)."""
        pairs = np.zeros(self.longest, dtype=np.int64)
        there = (self.codes != self.gap).astype(np.float64)
        for start, stop in pairwise(self.offsets):
            own = there[start:stop]
            pairs[: own.size] += np.rint(lagged_sums(own)).astype(np.int64)
        return pairs

    def concatenated(self) -> Self:
        """Return the same symbols as one sequence."""
        return replace(self, offsets=np.array([0, self.n_total], dtype=np.int64))

    def head(self, n: int) -> Self:
        """Return the first n symbols, or all if there are fewer."""
        offsets = np.unique(np.minimum(self.offsets, n))
        return replace(self, codes=self.codes[:n], offsets=offsets)

    def with_codes(self, codes: Codes) -> Self:
        """Return other codes in the same places."""
        return replace(self, codes=codes)
