"""Sequences of codes, the form the counting kernels take, and how symbols become codes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.measure.reading._lagged_sums import lagged_sums
from optuna_mi.decay.measure.reading._panel import Panel

Codes = npt.NDArray[np.integer[Any]]

#: From so many sequences of one length on they are windows or images, whose positions mean the
#: same; fewer may be long series that happen to be equally long. A choice.
ALIGNED_FROM = 30
# symbols handled at a time: temporary arrays stay small beside a memory-mapped file
_CHUNK = 1 << 20
#: Symbols below this are numbered by a table of 16 MB, larger ones by sorting
NUMBERED_BY_TABLE = 1 << 24
# so many bytes are not copied only to number them without gaps
_LONG = 1 << 24


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
        return self.steps is not None and self.n_sequences >= ALIGNED_FROM and not self.is_panel

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

    def notes_about_short_ones(self, last_lag: int) -> tuple[str, ...]:
        """Return a remark if sequences are too short for some of the lags."""
        short = int((self.lengths <= last_lag).sum())
        return (short_ones_note(short, self.n_sequences, last_lag),) if short else ()

    def concatenated(self) -> Self:
        """Return the same symbols as one sequence."""
        return replace(self, offsets=np.array([0, self.n_total], dtype=np.int64))

    def numbers(self) -> npt.NDArray[np.float64]:
        """Return codes as numbers, NaN where a step has no symbol."""
        out = self.codes.astype(np.float64)
        if self.has_gaps:
            out[self.codes == self.gap] = np.nan
        return out

    def head(self, n: int) -> Sequences:
        """Return the first n symbols, or all if there are fewer."""
        offsets = np.unique(np.minimum(self.offsets, n))
        return replace(self, codes=self.codes[:n], offsets=offsets)

    def with_codes(self, codes: Codes) -> Self:
        """Return other codes in the same places."""
        return replace(self, codes=codes)


def short_ones_note(n_short: int, n_sequences: int, last_lag: int) -> str:
    """Return the remark on sequences that are not longer than the last lag."""
    return (
        f"{n_short:,} of {n_sequences:,} sequences are not longer than the last lag {last_lag:,} "
        "and drop out at the lags they are too short for"
    )


def encode_panel(values: npt.NDArray[Any], panel: Panel) -> Sequences:
    """Turn a panel's integers, one per row, into codes at the steps of its series' clocks.

    Raises:
        ValueError: As for `encode`.
    """
    found = encode(values, panel.offsets)
    if panel.n_missing:
        codes, offsets = panel.on_the_clock(found.codes.astype(np.int64), -1)
        found = encode_with_gaps(codes, offsets)
    return replace(found, is_panel=True)


def encode_with_gaps(values: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64]) -> Sequences:
    """Turn integers into codes, where negative ones are steps without a symbol.

    Raises:
        ValueError: As for `encode`.
    """
    there = values >= 0
    found = encode(values[there], offsets)
    if there.all():
        return found
    codes = np.full(values.size, found.alphabet, dtype=smallest_type(found.alphabet + 1))
    codes[there] = found.codes
    return Sequences(codes, offsets, found.alphabet + 1, found.n_symbols, has_gaps=True)


def encode(values: npt.NDArray[Any], offsets: npt.NDArray[np.int64]) -> Sequences:
    """Turn integers into codes of the smallest type, without a copy where they are that already.

    Raises:
        ValueError: If there are no symbols, only one kind, or negative ones.
    """
    if values.size == 0:
        raise ValueError("there are no symbols: the input is empty, give at least two")
    if values.dtype.kind == "b":
        values = values.view(np.uint8)
    low, high = _range(values)
    if low < 0:
        raise ValueError(
            f"symbols must not be negative, got {low}; quantities are passed as floats "
            "(x.astype(float)), names numbered by numpy.unique(x, return_inverse=True)"
        )
    if low == high:
        raise ValueError(
            f"all {values.size} symbols are the same ({low}): there is nothing to measure; "
            "at least two different ones are needed"
        )
    if high < NUMBERED_BY_TABLE:
        seen = np.zeros(high + 1, dtype=bool)
        for part in _chunks(values):
            seen[part] = True
        n_symbols = int(seen.sum())
        if keeps_numbers(values.dtype, values.size, n_symbols, high):
            return Sequences(_plain(values), offsets, high + 1, n_symbols)
        rank = np.cumsum(seen) - 1
        codes = np.empty(values.size, dtype=smallest_type(n_symbols))
        for i, part in enumerate(_chunks(values)):
            codes[i * _CHUNK : i * _CHUNK + part.size] = rank[part]
    else:
        symbols, inverse = np.unique(values, return_inverse=True)
        n_symbols = int(symbols.size)
        codes = inverse.astype(smallest_type(n_symbols))
    return Sequences(codes, offsets, n_symbols, n_symbols)


def keeps_numbers(dtype: npt.DTypeLike, n_total: int, n_symbols: int, high: int) -> bool:
    """Return whether symbols are their own codes, so that the user's own array serves."""
    # few unused codes do no harm; of long texts a copy does
    few = 2 * n_symbols > high or (n_total >= _LONG and n_symbols > 16 and high < 128)
    return dtype == np.uint8 and few


def _plain(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(values).view(np.ndarray)


def _chunks(values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    return [values[i : i + _CHUNK] for i in range(0, values.size, _CHUNK)]


def _range(values: npt.NDArray[Any]) -> tuple[int, int]:
    parts = _chunks(values)
    return min(int(p.min()) for p in parts), max(int(p.max()) for p in parts)


def smallest_type(n_symbols: int) -> type[np.unsignedinteger[Any]]:
    for kind in (np.uint8, np.uint16):
        if n_symbols <= np.iinfo(kind).max + 1:
            return kind
    return np.uint32
