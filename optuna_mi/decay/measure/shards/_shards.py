"""Corpora in parts, of which one at a time is in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import file_path, instance, listed
from optuna_mi._pandas import is_column
from optuna_mi.decay.measure.reading._read import flatten
from optuna_mi.decay.measure.reading._sequences import NUMBERED_BY_TABLE
from optuna_mi.decay.measure.shards._alphabet import Alphabet

Ints = npt.NDArray[np.int64]
Values = npt.NDArray[Any]

_SUFFIXES = (".npy", ".parquet", ".txt")


class Shards:
    """A corpus in parts that are read one after another, as often as is needed.

    Args:
        parts: The parts, in order: the paths of ``.npy``, ``.parquet`` or ``.txt`` (UTF-8) files;
            functions without arguments that return a part; or what `decay_curve` takes for one
            or more sequences of symbols.
        column: Of parquet files, the column that holds the symbols: numbers or categories (one
            sequence per file), lists of numbers or of tokens (one per row) or text (one sequence of
            characters per row). It may be left out if there is only one column.

    Raises:
        TypeError: If parts are no list, or column is no str.
        ValueError: If there are no parts.
        FileNotFoundError: If a path is that of no file.

    Example:
        >>> shards = Shards([np.arange(50) % 3, lambda: np.arange(70) % 3])
        >>> len(shards)
        2
    """

    def __init__(self, parts: Any, *, column: str | None = None) -> None:
        self.parts = listed("parts", parts, "shards (paths, functions or sequences)")
        if not self.parts:
            raise ValueError("parts is empty: give at least one shard")
        instance("column", column, (str, type(None)), "the name of a column")
        self.column = column
        for part in self.parts:
            if isinstance(part, Path):
                _check_file(part)

    @classmethod
    def from_folder(cls, path: str | os.PathLike[str], *, column: str | None = None) -> Shards:
        """Return the files of a folder, in the order of their names.

        Args:
            path: The folder. All its ``.npy``, ``.parquet`` or ``.txt`` files are taken, which
                must be of one kind.
            column: See `Shards`.

        Raises:
            TypeError: If path is none.
            FileNotFoundError: If there is no such folder.
            ValueError: If it holds no such file, or several kinds of them.
        """
        folder = file_path("path", path)
        if not folder.is_dir():
            raise FileNotFoundError(f"path: there is no folder {folder}; give that of the shards")
        files = sorted(f for f in folder.iterdir() if f.suffix in _SUFFIXES and f.is_file())
        kinds = sorted({f.suffix for f in files})
        if len(kinds) != 1:
            raise ValueError(
                f"path: the folder {folder} must hold shards of one kind, {', '.join(_SUFFIXES)}; "
                f"got {', '.join(kinds) or 'none'}: pass the files yourself, Shards([...])"
            )
        return cls(files, column=column)

    def __len__(self) -> int:
        return len(self.parts)

    def read(self, index: int) -> tuple[Values, Ints]:
        """Return all values of a part, shape (N,), and the offsets of its sequences and N."""
        return read_part(self.parts[index], self.column)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"parts: there is no file {path}; give those of the shards")
    if path.suffix not in _SUFFIXES:
        raise ValueError(
            f"parts: {path.name} must be one of {', '.join(_SUFFIXES)}; or pass a function that "
            "reads it"
        )


def read_part(part: Any, column: str | None = None) -> tuple[Values, Ints]:
    """Return all values of a part, shape (N,), and the offsets of its sequences and N.

    Tokens stay what they are: one shard does not know another's numbers.

    Raises:
        TypeError: If they are real numbers, or nothing that holds symbols.
    """
    if callable(part):
        part = part()
    if isinstance(part, Path) and part.suffix == ".parquet":
        values, offsets = _parquet_column(part, column)
    else:
        if isinstance(part, Path) and part.suffix == ".txt":
            part = part.read_text(encoding="utf-8")
        values, offsets = _tokens(part) or flatten(part)
    if values.dtype.kind == "f":
        raise TypeError(
            f"the symbols of shards must be integers or text, got dtype {values.dtype}: cut real "
            "values into bins yourself, in all shards alike: np.searchsorted(edges, x)"
        )
    return (values.view(np.uint8) if values.dtype.kind == "b" else values), offsets


def _tokens(part: Any) -> tuple[Values, Ints] | None:
    """Return the tokens of a part and its sequences' offsets, or ``None`` if it holds none."""
    if is_column(part) or (isinstance(part, np.ndarray) and part.ndim == 1):
        sequences = [part]
    elif isinstance(part, list | tuple | np.ndarray):
        sequences = [s for s in part if not isinstance(s, str | bytes)]
        if len(sequences) < len(part):
            return None
    else:
        return None
    filled = next((s for s in sequences if np.ndim(s) == 1 and len(s)), None)
    if filled is None or not isinstance(np.asarray(filled, dtype=object)[0], str):
        return None
    arrays = [np.asarray(s, dtype=object) for s in sequences]
    lengths = [a.size for a in arrays]
    if not all(isinstance(token, str) for a in arrays for token in a):
        raise TypeError("all symbols of a shard must be one kind: tokens (str), or integers")
    return np.concatenate(arrays), np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)


def _parquet_column(path: Path, column: str | None) -> tuple[Values, Ints]:
    """Return what a column of a parquet file holds, and the offsets of its sequences."""
    try:
        from pyarrow import parquet, types
    except ImportError as error:
        raise ImportError("parquet shards need pyarrow: pip install 'optuna-mi[files]'") from error
    names = parquet.read_schema(path).names
    if column is None and len(names) > 1:
        raise ValueError(
            f"column is needed: {path.name} has {', '.join(names)}; pass Shards.from_folder(path, "
            "column=...)"
        )
    if column is not None and column not in names:
        raise ValueError(f"column={column!r} must be one of {', '.join(names)} in {path.name}")
    table = parquet.read_table(path, columns=[column or names[0]])
    found = table.column(0).combine_chunks()
    is_list = types.is_list(found.type) or types.is_large_list(found.type)
    missing = found.null_count + (found.flatten().null_count if is_list else 0)
    if missing:
        raise ValueError(
            f"{missing:,} values of column {table.column_names[0]!r} are missing in {path.name}: "
            "drop them first (pyarrow's Table.drop_null), or fill them"
        )
    if is_list:
        offsets = np.concatenate(([0], np.cumsum(found.value_lengths().to_numpy())))
        return found.flatten().to_numpy(zero_copy_only=False), offsets.astype(np.int64)
    if types.is_string(found.type) or types.is_large_string(found.type):
        return flatten(found.to_pylist())
    if types.is_dictionary(found.type):
        found = found.dictionary_decode()
    values = found.to_numpy(zero_copy_only=False)
    return values, np.array([0, values.size], dtype=np.int64)


@dataclass(frozen=True)
class Survey:
    """What a first look at a shard finds.

    Attributes:
        lengths: Length of every sequence, int64.
        dtype: Type of the symbols.
        seen: The different symbols: integers increasing, tokens in the order they appear.
    """

    lengths: Ints
    dtype: np.dtype[Any]
    seen: Values


def survey_part(values: Values, offsets: Ints, *, symbols: bool = True) -> Survey:
    """Look a shard through: for its lengths, and unless the alphabet is given for its symbols."""
    seen = values[:0]
    if symbols and values.size:
        seen = _seen(values)
    return Survey(np.diff(offsets), values.dtype, seen)


def _seen(values: Values) -> Values:
    if values.dtype.kind in "OUS":
        import pandas as pd

        return np.asarray(pd.unique(pd.Series(values, dtype=object)), dtype=object)
    if values.min() < 0 or values.max() >= NUMBERED_BY_TABLE:
        return np.unique(values)
    flags = np.zeros(int(values.max()) + 1, dtype=bool)
    for first in range(0, values.size, 1 << 20):
        flags[values[first : first + (1 << 20)]] = True
    return np.flatnonzero(flags)


def common_alphabet(surveys: list[Survey]) -> Alphabet:
    """Return the alphabet of all shards.

    Raises:
        TypeError: If some hold tokens and some numbers.
        ValueError: As `Alphabet.of_data`.
    """
    filled = [s for s in surveys if s.seen.size]
    n_total = sum(int(s.lengths.sum()) for s in surveys)
    if not filled:
        return Alphabet.of_data(np.empty(0, dtype=np.int64), np.int64, 0)
    text = {s.dtype.kind in "OUS" for s in filled}
    if len(text) > 1:
        raise TypeError("all shards must hold one kind of symbol: some hold tokens, some numbers")
    joined = np.concatenate([s.seen for s in filled])
    if text == {True}:
        return Alphabet.of_data(_seen(joined), np.dtype(object), n_total)
    dtype = np.result_type(*[s.dtype for s in filled])
    return Alphabet.of_data(np.unique(joined), dtype, n_total)
