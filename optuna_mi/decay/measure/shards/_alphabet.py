"""Which code stands for a symbol, fixed before the data are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import as_array, shown, whole
from optuna_mi.decay.measure.reading._sequences import (
    NUMBERED_BY_TABLE,
    keeps_numbers,
    smallest_type,
)

Ints = npt.NDArray[np.int64]


class Alphabet:
    """The symbols of a corpus and their codes 0..size-1.

    Args:
        size: Number of codes.
        numbers: The integers that they stand for, increasing; 0..size-1 if ``None``.
        tokens: The tokens that they stand for, where symbols are text.
    """

    def __init__(
        self, size: int, numbers: Ints | None = None, tokens: tuple[str, ...] | None = None
    ) -> None:
        self.size = size
        self.numbers = numbers
        self.tokens = tokens

    @classmethod
    def of_user(cls, symbols: Any) -> Alphabet:
        """Read the argument ``symbols``: a number of them, their characters, or a list.

        Raises:
            TypeError: If it is none of these.
            ValueError: If fewer than two are named, or one twice, or one is negative.
        """
        if isinstance(symbols, Alphabet):
            return symbols
        if isinstance(symbols, str):
            numbers = np.unique(np.array([ord(c) for c in symbols], dtype=np.int64))
            return cls(_enough(numbers.size, symbols), numbers)
        if np.ndim(symbols) == 0:
            return cls(whole("symbols", symbols, 2))
        array = as_array("symbols", symbols)
        # numpy makes text of numbers that stand beside text
        entries = list(symbols) if isinstance(symbols, list | tuple) else array.tolist()
        if array.ndim == 1 and array.size and all(isinstance(s, str) for s in entries):
            tokens = tuple(dict.fromkeys(array.tolist()))
            return cls(_enough(len(tokens), symbols), tokens=tokens)
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise TypeError(
                "symbols must be the number of symbols 0..K-1, a str of characters, or a list of "
                f"integers or of tokens, got {shown(symbols)}"
            )
        numbers = np.unique(array).astype(np.int64)
        _enough(numbers.size, symbols)
        if numbers[0] < 0:
            raise ValueError(f"symbols must not be negative, got {numbers[0]}")
        return cls.of_numbers(numbers)

    @classmethod
    def of_numbers(cls, numbers: Ints) -> Alphabet:
        """Number increasing integers from 0 on."""
        plain = numbers[0] == 0 and numbers[-1] == numbers.size - 1
        return cls(int(numbers.size), None if plain else numbers)

    @classmethod
    def of_data(cls, seen: npt.NDArray[Any], dtype: npt.DTypeLike, n_total: int) -> Alphabet:
        """Return the alphabet that one machine gives the same data, from the symbols seen.

        Raises:
            ValueError: If there is no or one symbol, or a negative one.
        """
        if seen.size == 0:
            raise ValueError("there are no symbols: all shards are empty, give at least two")
        if seen.dtype.kind in "OUS":
            return cls(_two(seen, n_total), tokens=tuple(seen.tolist()))
        if seen[0] < 0:
            raise ValueError(
                f"symbols must not be negative, got {seen[0]}; number them from 0 on in all "
                "shards alike"
            )
        _two(seen, n_total)
        high = int(seen[-1])
        if keeps_numbers(dtype, n_total, seen.size, high):
            return cls(high + 1)
        return cls.of_numbers(seen.astype(np.int64))

    def codes(self, values: npt.NDArray[Any]) -> npt.NDArray[np.unsignedinteger[Any]]:
        """Return the codes of symbols, the smallest unsigned type, shape (N,).

        Raises:
            TypeError: If they are of another kind than the alphabet.
            ValueError: If one is not in the alphabet.
        """
        kind = smallest_type(self.size)
        if values.size == 0:
            return np.empty(0, dtype=kind)
        is_text = values.dtype.kind in "OUS"
        if is_text != (self.tokens is not None):
            raise TypeError(
                f"a shard holds {'tokens' if is_text else 'numbers or characters'}, and symbols "
                f"names {'numbers or characters' if is_text else 'tokens'}: give both as one kind"
            )
        if self.tokens is not None:
            import pandas as pd

            at = pd.Index(self.tokens).get_indexer(pd.Index(values))
            if (at < 0).any():
                raise self._unknown(values[int(np.argmax(at < 0))])
            return np.asarray(at.astype(kind))
        low, high = int(values.min()), int(values.max())
        if self.numbers is None:
            if low < 0 or high >= self.size:
                raise self._unknown(low if low < 0 else high)
            return np.asarray(values.astype(kind, copy=False))
        if low < 0 or high > self.numbers[-1]:
            raise self._unknown(low if low < 0 else high)
        if self.numbers[-1] < NUMBERED_BY_TABLE:
            known = np.zeros(int(self.numbers[-1]) + 1, dtype=bool)
            known[self.numbers] = True
            wrong = ~known[values]
            codes = np.asarray((np.cumsum(known) - 1).astype(kind)[values])
        else:
            codes = np.asarray(np.searchsorted(self.numbers, values).astype(kind))
            wrong = self.numbers[codes] != values
        if wrong.any():
            raise self._unknown(values[int(np.argmax(wrong))])
        return codes

    def _unknown(self, symbol: Any) -> ValueError:
        return ValueError(
            f"a shard holds the symbol {symbol!s}, which is not among the {self.size:,} of "
            "symbols: name it there too, or leave symbols out and all shards are looked through "
            "first"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Alphabet):
            return NotImplemented
        same = self.size == other.size and self.tokens == other.tokens
        return same and np.array_equal(self._numbers(), other._numbers())

    __hash__ = None  # type: ignore[assignment]  # holds an array

    def _numbers(self) -> Ints:
        return np.arange(self.size) if self.numbers is None else self.numbers


def _enough(size: int, symbols: Any) -> int:
    if size < 2:
        raise ValueError(f"symbols must name at least two different ones, got {shown(symbols)}")
    return size


def _two(seen: npt.NDArray[Any], n_total: int) -> int:
    if seen.size < 2:
        raise ValueError(
            f"all {n_total:,} symbols are the same ({seen[0]}): there is nothing to measure; at "
            "least two different ones are needed"
        )
    return int(seen.size)
