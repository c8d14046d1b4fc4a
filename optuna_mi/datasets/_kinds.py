"""Whether the numbers of a file are real or symbols, and what its symbols are called."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optuna_mi.datasets._reading import FileContents, Reading, rows_of

# from here on a float64 stands for several integers
NO_LONGER_EXACT = 2**53
# values that show whether whole numbers are quantities
_GLANCE = 100_000
# so many texts that all differ are no symbols
_FEW_DISTINCT = 30


def told(contents: FileContents, reading: Reading) -> FileContents:
    """Decide whether numbers are real or symbols, and say so."""
    sequences = _as_integers(contents.sequences)
    if isinstance(sequences, pd.Series) and not pd.api.types.is_numeric_dtype(sequences.dtype):
        _check_texts(sequences)
        n = int(sequences.nunique())
        if n == len(sequences) and n >= _FEW_DISTINCT:
            raise ValueError(
                f"all {n:,} values of column {sequences.name} differ (such as "
                f"{str(sequences.iloc[0])[:40]!r}), so none can be counted: is it a name, a date "
                "or a number with something beside it? Choose another column by --column NAME"
            )
        kind = f", {len(sequences):,} symbols in all ({n:,} different)"
        return dataclasses.replace(contents, sequences=sequences, description=contents.says(kind))
    rows = rows_of(sequences)
    total = sum(map(len, rows))
    numeric = [np.asarray(row) for row in rows if len(row)]
    if not numeric or numeric[0].dtype.kind not in "biuf":
        kind = f", {total:,} symbols in all"
        return dataclasses.replace(contents, description=contents.says(kind))
    real = any(row.dtype.kind == "f" for row in numeric)
    notes = contents.notes
    if not real and reading.symbols is None and _are_quantities(numeric):
        n = len(np.unique(np.concatenate(numeric)))
        sequences, real = _as_reals(sequences), True
        notes += (
            f"whole numbers with {n:,} different values, near each other from one step to the "
            "next, are taken for real; --values symbols counts each as a symbol",
        )
    elif not real and reading.symbols is False:
        sequences, real = _as_reals(sequences), True
    kind = f", {total:,} {'real values' if real else 'symbols'} in all"
    unit = "value" if real else contents.unit
    return dataclasses.replace(
        contents,
        sequences=sequences,
        description=contents.says(kind),
        notes=notes,
        unit=unit,
    )


def _are_quantities(rows: list[NDArray[Any]]) -> bool:
    from optuna_mi.decay.measure.reading._real import are_quantities

    ends = np.cumsum([0] + [len(row) for row in rows])
    some = rows[: int(np.searchsorted(ends, _GLANCE)) + 1]
    return are_quantities(np.concatenate(some), ends[: len(some) + 1].astype(np.int64))


def _check_texts(values: pd.Series[Any]) -> None:
    missing = int(values.isna().sum())
    if missing:
        raise ValueError(
            f"column {values.name} is missing in {missing:,} of {len(values):,} rows: fill or drop "
            "them"
        )
    numbers = pd.to_numeric(values, errors="coerce")
    if 2 * int(numbers.notna().sum()) > len(values):
        at = int(np.flatnonzero(numbers.isna())[0])
        raise ValueError(
            f"column {values.name} holds text among numbers (such as {values.iloc[at]!r} in row "
            f"{at + 1}): remove or fill it. A decimal comma is told by --decimal ,"
        )


def _as_integers(sequences: Any) -> Any:
    """Return whole numbers that a table made reals of as integers again."""
    if isinstance(sequences, list):
        if all(isinstance(s, np.ndarray) and (_is_whole(s) or not len(s)) for s in sequences):
            return [s.astype(np.int64) if s.dtype.kind == "f" else s for s in sequences]
        return sequences
    if isinstance(sequences, pd.DataFrame):
        whole = _as_integers(sequences["y"])
        return sequences if whole is sequences["y"] else sequences.assign(y=whole)
    if isinstance(sequences, pd.Series) and not pd.api.types.is_numeric_dtype(sequences.dtype):
        return sequences
    values = np.asarray(sequences)
    made_real = values.dtype.kind == "f" and _is_whole(values)
    return sequences.astype(np.int64) if made_real else sequences


def _is_whole(values: NDArray[Any]) -> bool:
    if values.dtype.kind in "biu":
        return True
    if values.dtype.kind != "f" or not np.isfinite(values).all() or (values % 1 != 0).any():
        return False
    return bool(np.abs(values).max() < NO_LONGER_EXACT)


def _as_reals(sequences: Any) -> Any:
    if isinstance(sequences, list):
        return [np.asarray(s, dtype=np.float64) for s in sequences]
    if isinstance(sequences, pd.DataFrame):
        return sequences.assign(y=sequences["y"].astype(np.float64))
    return sequences.astype(np.float64)


def numbered(path: Path, contents: FileContents) -> tuple[list[NDArray[np.int64]], tuple[str, ...]]:
    """Return sequences as codes, and the symbols' names."""
    rows = [np.asarray(row) for row in rows_of(contents.sequences)]
    if contents.notes and contents.unit == "value":
        raise ValueError(f"{path.name}: {contents.notes[-1]}")
    kinds = {row.dtype.kind for row in rows if len(row)}
    if kinds <= set("biuf"):
        rows = [_symbols(path, row) for row in rows]
    codes, types = pd.factorize(np.concatenate(rows))
    bounds = np.cumsum([len(row) for row in rows])[:-1]
    return np.split(codes.astype(np.int64), bounds), tuple(map(str, types))


def _symbols(path: Path, values: NDArray[Any]) -> NDArray[np.int64]:
    """Return the values as integers, or say at the door why they are none."""
    if values.dtype.kind == "b":
        return values.astype(np.int64)
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
    if len(values) and values.dtype.kind == "f" and values.max() >= NO_LONGER_EXACT:
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
