"""What a user's arrays hold: symbols or real values, of one length or of many."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from optuna_mi._logging import get_logger
from optuna_mi.decay.measure.reading._read import flatten_vectors, unpacked
from optuna_mi.decay.measure.reading._real import are_quantities, check_finite

_logger = get_logger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class Values:
    """Sequences as a user gave them.

    Attributes:
        parts: One array per sequence: int64 codes (steps,), or float64 (steps, features).
        vocabulary: The symbols' names; None for real values.
    """

    parts: list[npt.NDArray[Any]]
    vocabulary: tuple[str, ...] | None

    @property
    def n_symbols(self) -> int | None:
        """Size of the alphabet; None for real values."""
        return None if self.vocabulary is None else len(self.vocabulary)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Steps of every sequence."""
        return np.array([len(part) for part in self.parts], dtype=np.int64)


def read_values(x: Any, lengths: Any = None, *, symbols: bool | None = None) -> Values:
    """Read sequences of symbols or of real values.

    Args:
        x: (sequences, steps), (sequences, steps, features), (steps,) for one sequence, or a list of
            sequences; str is read as its characters.
        lengths: Valid steps of each sequence where ``x`` is padded.
        symbols: Whether whole numbers are symbols; by default they are, unless they measure
            something, as `optuna_mi.decay_curve` tells it.

    Raises:
        TypeError: It is a table, or holds neither numbers nor tokens.
        ValueError: It is empty, a value is missing, or the lengths do not fit.
    """
    x = unpacked(x)
    if isinstance(x, pd.DataFrame):
        raise TypeError(
            "X is a DataFrame: give from_frame a long one (a row per step; id_col=, time_col=, "
            "target_col=), or pass its numbers: frame.to_numpy() with one sequence per row"
        )
    if lengths is not None:
        x = _cut(x, lengths)
    flat, offsets = flatten_vectors(x)
    bounds = list(itertools.pairwise(offsets.tolist()))
    if flat.size == 0 or not bounds:
        raise ValueError("X holds no values: there is nothing to learn from, give some")
    short = sum(stop - start < 2 for start, stop in bounds)
    if short:
        raise ValueError(
            f"{short} of {len(bounds)} sequences have fewer than 2 steps: leave them out. Arrays "
            "are (sequences, steps) or (sequences, steps, features): of (cases, channels, steps) "
            "pass X.transpose(0, 2, 1)"
        )
    names = None if flat.ndim == 2 else _names(x, flat)
    if names is None and (flat.ndim == 2 or not _are_symbols(flat, offsets, symbols)):
        values = check_finite(flat).reshape(len(flat), -1)
        _warn_of_channels_first(values.shape[1], bounds)
        return Values([values[start:stop] for start, stop in bounds], None)
    codes, types = pd.factorize(flat, sort=names is None)
    if len(types) < 2:
        raise ValueError(
            f"all {flat.size} symbols are the same ({types[0]}), and at least two are needed"
        )
    vocabulary = tuple(names[t] for t in types) if names else tuple(str(t) for t in types)
    codes = codes.astype(np.int64)
    return Values([codes[start:stop] for start, stop in bounds], vocabulary)


def _cut(x: Any, lengths: Any) -> list[Any]:
    array, steps = np.asarray(x), np.asarray(lengths)
    if array.ndim not in (2, 3) or steps.shape != array.shape[:1] or steps.dtype.kind not in "iu":
        raise ValueError(
            f"lengths must be one integer for each row of a padded array, got shape {steps.shape} "
            f"({steps.dtype}) for X of shape {array.shape}; a list of arrays needs none"
        )
    if steps.min(initial=1) < 1 or steps.max(initial=1) > array.shape[1]:
        raise ValueError(
            f"lengths must lie in 1..{array.shape[1]}, got {steps.min()}..{steps.max()}"
        )
    return [row[:n] for row, n in zip(array, steps.tolist(), strict=True)]


def _names(x: Any, flat: npt.NDArray[Any]) -> dict[Any, str] | None:
    """Return what a code of `flatten_vectors` stands for, where the user gave no numbers."""
    text = (str, bytes, bytearray)
    if isinstance(x, text) or (isinstance(x, list | tuple) and len(x) and isinstance(x[0], text)):
        return {code: chr(int(code)) for code in np.unique(flat)}  # sequences of characters
    first = x[0] if isinstance(x, list | tuple) else x
    kind = np.asarray(first).dtype.kind
    if kind not in "OUS":
        return None
    tokens = pd.unique(np.concatenate([np.ravel(np.asarray(s, dtype=object)) for s in x]))
    return {code: str(token) for code, token in enumerate(tokens)}


def _are_symbols(
    flat: npt.NDArray[Any], offsets: npt.NDArray[np.int64], symbols: bool | None
) -> bool:
    if flat.dtype.kind == "f":
        if symbols:
            raise TypeError(
                f"symbols=True, but X holds {flat.dtype}: round it to integers, or number the "
                "symbols with numpy.unique(X, return_inverse=True)"
            )
        return False
    if symbols is not None:
        return symbols
    real = are_quantities(flat, offsets)
    if real:
        _logger.warning(
            "The whole numbers in X take many values, near each other at small distances: taken "
            "for real values; symbols=True takes them for symbols"
        )
    return not real


def _warn_of_channels_first(n_features: int, bounds: list[tuple[int, int]]) -> None:
    steps = max(stop - start for start, stop in bounds)
    if n_features > steps:
        _logger.warning(
            f"X has {steps} steps of {n_features} features: arrays are (sequences, steps, "
            "features). If yours are (cases, channels, steps), pass X.transpose(0, 2, 1)"
        )


def padded(parts: Sequence[npt.NDArray[Any]], steps: int) -> npt.NDArray[Any]:
    """Return sequences as one array with zeros behind their ends: float32, or int64 of symbols."""
    kind = np.int64 if parts[0].ndim == 1 else np.float32
    out = np.zeros((len(parts), steps, *parts[0].shape[1:]), dtype=kind)
    for row, part in zip(out, parts, strict=True):
        row[: len(part)] = part
    return out
