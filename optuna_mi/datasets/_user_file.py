"""A user's own file: text, or integer sequences as .npy or .csv."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optuna_mi.datasets._base import LanguageModeling
from optuna_mi.datasets._text import encode, read_text, split_stream, text_dataset

# symbols below which a curve is nothing but noise
_FEWEST = 10
# from here on a float64 stands for several integers
_NO_LONGER_EXACT = 2**53


def load_file(path: Path, *, unit: str | None = None) -> LanguageModeling:
    """Return a data set of a user's own file.

    ``.npy`` and ``.csv`` hold integers: one sequence (a 1-D array, a single column or a single row)
    or a sequence a row, short rows of a ``.csv`` being short sequences. Everything else is text.

    Args:
        path: The file.
        unit: For text, "char" (the default), "word" or "byte".

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is empty, or holds something else than non-negative integers, or a unit was
            given for numbers.
    """
    numbers = _numbers(path, unit)
    if numbers is not None:
        rows = [row for row in (_symbols(path, values) for values in numbers) if len(row)]
        return _sequences_dataset(path.name, rows)
    return text_dataset(path.name, path.read_bytes(), unit=unit or "char")


def read_sequences(path: Path, *, unit: str | None = None) -> Any:
    """Return all that a file holds, as `optuna_mi.decay_curve` takes it: nothing is split off.

    Args:
        path: As for `load_file`; numbers may be real or negative here.
        unit: For text, "char" (the default), "word" or "byte".

    Returns:
        One array, a (sequences, steps) array, or a list of arrays of different lengths.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be read, holds fewer than ten symbols or one only, or a unit was
            given for numbers.
    """
    numbers = _numbers(path, unit)
    if numbers is None:
        rows = [read_text(path.name, path.read_bytes(), unit=unit or "char")]
    else:
        rows = [_as_integers(values) for values in numbers if len(values)]
    n_symbols = sum(map(len, rows))
    if n_symbols < _FEWEST:
        raise ValueError(
            f"{path.name} holds {n_symbols} symbols: too few to measure a decay; at least "
            f"{_FEWEST} are needed, and thousands to see far"
        )
    if all((row == rows[0][0]).all() for row in rows):
        raise ValueError(
            f"{path.name} consists of one symbol only ({rows[0][0]}): nothing to measure"
        )
    if len(rows) == 1:
        return rows[0]
    return np.stack(rows) if len({len(row) for row in rows}) == 1 else rows


def _as_integers(values: NDArray[Any]) -> NDArray[Any]:
    """Return whole numbers that a table made floats of as integers again."""
    whole = values.dtype.kind == "f" and np.isfinite(values).all() and (values % 1 == 0).all()
    exact = whole and np.abs(values).max() < _NO_LONGER_EXACT
    return values.astype(np.int64) if exact else values


def _numbers(path: Path, unit: str | None) -> list[NDArray[Any]] | None:
    """Return the sequences of a file of numbers, or None for a text."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not a file. Give an existing file, or the name of a data set"
        )
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty: there is nothing to measure")
    if path.suffix not in (".npy", ".csv"):
        return None
    if unit is not None:
        raise ValueError(
            f"unit={unit!r} is for texts: the numbers in {path.name} are symbols as they are; "
            "leave the unit out"
        )
    return _read_npy(path) if path.suffix == ".npy" else _read_csv(path)


def _read_npy(path: Path) -> list[NDArray[Any]]:
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise ValueError(
                f"{path} cannot be read as a .npy array: it was not written by numpy.save; for "
                "text, use another ending"
            )
    try:
        array = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as a .npy array of numbers: {error}") from error
    if array.ndim not in (1, 2):
        raise ValueError(
            f"{path} has shape {array.shape}: give one sequence (1-D) or a sequence a row (2-D)"
        )
    return list(np.atleast_2d(array))


def _read_csv(path: Path) -> list[NDArray[Any]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            width = max(map(len, csv.reader(file)), default=0)
        if width == 0:
            raise ValueError(f"{path} holds blank lines only: there is nothing to measure")
        # In a single column a blank line is a missing value; between rows it is only space.
        frame = pd.read_csv(path, header=None, names=range(width), skip_blank_lines=width > 1)
    except (pd.errors.ParserError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as a .csv table: {error}") from error
    values = frame.to_numpy()
    has_header = values.dtype == object
    if has_header:
        try:  # a header line makes every column text
            values = frame.iloc[1:].to_numpy(dtype=np.float64)
        except ValueError as error:
            raise ValueError(
                f"{path} holds text where integer symbols are expected ({error}); for text, use "
                "another ending than .csv"
            ) from error
    if values.dtype.kind == "f" and (np.abs(values) >= _NO_LONGER_EXACT).any():
        exact = _read_exactly(path, width, has_header=has_header)
        if exact is not None:
            return exact
    if values.shape[1] == 1:
        return [_without_padding(values[:, 0])]
    return [_without_padding(row) for row in values]


def _read_exactly(path: Path, width: int, *, has_header: bool) -> list[NDArray[np.int64]] | None:
    """Return the rows, or the column, of a table of integers, or None if it is none.

    Short rows and a header make floats of a table's integers, and merge large ones.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[has_header:]
    if width == 1:
        rows = [[field for row in rows for field in row or [""]]]
    try:
        numbers = [[int(field) for field in _without_blanks(row)] for row in rows]
        return [np.array(row, dtype=np.int64) for row in numbers if row]
    except (ValueError, OverflowError):
        return None


def _without_blanks(row: list[str]) -> list[str]:
    """Drop the empty fields at the end."""
    last = max((i for i, field in enumerate(row) if field), default=-1)
    return row[: last + 1]


def _without_padding(row: NDArray[Any]) -> NDArray[Any]:
    """Drop the empty fields at the end of a short row or of a column."""
    filled = np.flatnonzero(~pd.isna(row))
    return row[: filled[-1] + 1] if len(filled) else row[:0]


def _symbols(path: Path, values: NDArray[Any]) -> NDArray[np.int64]:
    """Return the values as integers, or say at the door why they are none."""
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{path} holds {values.dtype}, not integers: number the symbols 0, 1, …")
    if values.dtype.kind == "f":
        if np.isnan(values).any():
            raise ValueError(
                f"{path} has a missing value (NaN) at position "
                f"{int(np.flatnonzero(np.isnan(values))[0])}: fill or remove it"
            )
        if np.isinf(values).any():
            raise ValueError(
                f"{path} has an infinite value at position "
                f"{int(np.flatnonzero(np.isinf(values))[0])}: number the symbols 0, 1, …"
            )
        if not (values == np.floor(values)).all():
            odd = values[values != np.floor(values)][0]
            raise ValueError(
                f"{path} holds real values (such as {odd:g}) where integer symbols are expected: "
                "bin them first (optuna_mi.decay_curve bins real values by itself)"
            )
    if len(values) and values.max() >= 2**63:
        raise ValueError(
            f"{path} holds {values.max():g}, too large for a symbol: number the symbols 0, 1, …"
        )
    if len(values) and values.dtype.kind == "f" and values.max() >= _NO_LONGER_EXACT:
        raise ValueError(
            f"{path} holds {values.max():.0f} as a real number, and reals from 2**53 on stand for "
            "several integers each: save integers, or number the symbols 0, 1, …"
        )
    symbols = values.astype(np.int64)
    if len(symbols) and symbols.min() < 0:
        raise ValueError(
            f"{path} holds a negative symbol ({symbols.min()}): number the symbols 0, 1, …"
        )
    return symbols


def _sequences_dataset(name: str, sequences: list[NDArray[np.int64]]) -> LanguageModeling:
    if not sequences:
        raise ValueError(f"{name} holds no values: there is nothing to measure")
    if len(sequences) == 1:
        codes, types = encode(split_stream(name, sequences[0]))
        for_decay: Any = codes[0]
    else:
        encoded, types = encode(sequences)
        n_held_out = max(1, len(encoded) // 20)
        n_train = len(encoded) - 2 * n_held_out
        if n_train < 1:
            raise ValueError(
                f"{name} holds {len(encoded)} sequences: at least 3 are needed (training, "
                "validation, test)"
            )
        for_decay = encoded[:n_train]
        codes = [
            np.concatenate(part)
            for part in (
                encoded[:n_train],
                encoded[n_train : n_train + n_held_out],
                encoded[n_train + n_held_out :],
            )
        ]
        if len({len(sequence) for sequence in for_decay}) == 1:
            for_decay = np.stack(for_decay)
    vocabulary = tuple(str(symbol) for symbol in types)
    if len(vocabulary) < 2:
        raise ValueError(f"{name} consists of one symbol only ({vocabulary[0]}): nothing to learn")
    train, valid, test = codes
    return LanguageModeling(
        name,
        train,
        valid,
        test,
        sequences=for_decay,
        vocabulary=vocabulary,
        unit="symbol",
    )
