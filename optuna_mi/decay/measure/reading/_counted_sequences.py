"""Sequences that are no longer there: what was counted of them, and their first symbols."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.measure.reading._sequences import Sequences

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class CountedSequences(Sequences):
    """What stands for sequences that were counted in shards.

    Codes and offsets are those of the first symbols, on which the noise that a memory makes is
    measured; the numbers of pairs, and of symbols in pairs, are those of all.

    Attributes:
        margins_at: Counts of the earlier and the later symbols at every lag.
        total: Number of symbols in all sequences.
        number: Number of sequences.
        longest_one: Length of the longest.
    """

    margins_at: dict[int, tuple[Ints, Ints]]
    total: int
    number: int
    longest_one: int

    @property
    def n_total(self) -> int:
        """Number of steps in all sequences."""
        return self.total

    @property
    def n_sequences(self) -> int:
        """Number of sequences."""
        return self.number

    @property
    def longest(self) -> int:
        """Length of the longest sequence."""
        return self.longest_one

    @property
    def steps(self) -> int | None:
        """``None``: what stands at the same position is not known any more."""
        return None

    def n_pairs(self, lags: Ints) -> Ints:
        """Return the number of pairs at every lag."""
        return np.array([self.margins_at[int(lag)][0].sum() for lag in lags], dtype=np.int64)

    def margins(self, lags: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Yield the counts of earlier and later symbols at lags."""
        for lag in lags.tolist():
            yield self.margins_at[lag]

    def head(self, n: int) -> Sequences:
        """Return the first n symbols, or as many of them as were kept."""
        first = Sequences(self.codes, self.offsets, self.alphabet, self.n_symbols)
        return first.head(n)
