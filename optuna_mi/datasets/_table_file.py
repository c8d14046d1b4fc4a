"""A user's table or array: .csv, .tsv, .parquet, .jsonl, .npy and .npz."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optuna_mi.datasets._columns import find_column, from_columns, looks_like_time
from optuna_mi.datasets._kinds import NO_LONGER_EXACT
from optuna_mi.datasets._open_file import (
    ending,
    not_in_encoding,
    open_bytes,
    open_text,
    sample,
)
from optuna_mi.datasets._reading import FileContents, Reading, count_of
from optuna_mi.datasets._rows_file import (
    SPACE,
    fields_of,
    is_number,
    numbers,
    separator,
    widths_of,
    without_blanks,
)
from optuna_mi.exceptions import MissingExtraError

LINES = (".csv", ".tsv")

# a table so much longer than wide has series for columns, not for rows
_NARROW, _LONGER = 10, 10
# so many columns of one name and a number are the steps of a row
_STEPS = 10


def read_table_file(path: Path, reading: Reading) -> FileContents:
    """Return what a file of numbers holds.

    Raises:
        ValueError: It cannot be read, an option does not go with it, or a column must be chosen.
        MissingExtraError: It is a .parquet file, and pyarrow is not installed.
    """
    kind = ending(path)
    try:
        if kind in LINES:
            return _from_lines(path, reading)
        if kind in (".npy", ".npz"):
            return _from_array(path, _array(path, reading), reading)
        frame = _frame(path, kind, reading)
    except UnicodeError as error:
        raise not_in_encoding(path, reading.encoding, error) from error
    _check_unit(path, frame, reading)
    return from_columns(path.name, frame, reading)


def _check_unit(path: Path, frame: pd.DataFrame | None, reading: Reading) -> None:
    """Refuse a unit where there is no text."""
    texts = frame is not None and any(not pd.api.types.is_numeric_dtype(t) for t in frame.dtypes)
    if reading.unit is not None and not texts:
        raise ValueError(
            f"unit={reading.unit!r} is for texts: the numbers in {path.name} are symbols as they "
            "are; leave the unit out"
        )


def _frame(path: Path, kind: str, reading: Reading) -> pd.DataFrame:
    if kind == ".parquet":
        try:
            with open_bytes(path) as file:
                return pd.read_parquet(file)
        except ImportError as error:
            raise MissingExtraError("pyarrow", "files") from error
        except (ValueError, OSError) as error:
            raise ValueError(f"{path} cannot be read as .parquet: {error}") from error
    try:
        with open_text(path, reading.encoding) as text:
            return pd.read_json(text, lines=True, dtype=False)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as one JSON object a line: {error}") from error


def _from_lines(path: Path, reading: Reading) -> FileContents:
    start = sample(path, reading.encoding)
    sep = separator(start, ending(path))
    decimal = reading.decimal or _decimal(start, sep)
    widths = list(widths_of(path, reading.encoding, sep))
    if not widths:
        raise ValueError(
            f"{path} holds blank lines only: there is nothing to measure, give another file"
        )
    first, second = _first_two(path, reading, sep)
    header = _has_header(first, second, decimal) or (len(first) == 1 and _is_title(start))
    by_column = reading.given("column", "time_column", "id_column")
    in_one_line = len(widths) - header == 1 and widths[-1] > 1
    if not by_column and (min(widths) != max(widths) or in_one_line):
        _check_unit(path, None, reading)
        rows = fields_of(path, reading.encoding, sep)
        return _from_lists(path, rows, reading, decimal, header)
    frame = _read_frame(path, reading, sep, decimal, header)
    _check_unit(path, frame, reading)
    if max(widths) == 1 and not header and not by_column:
        return _single(path, frame.iloc[:, 0], reading, sep)
    if by_column or not (reading.rows or _has_rows(frame, header)):
        return from_columns(path.name, frame, reading)
    if frame.iloc[:, -1].isna().any():
        # the empty fields at the ends of short rows
        rows = fields_of(path, reading.encoding, sep)
        return _from_lists(path, rows, reading, decimal, header)
    return from_rows(path.name, frame, reading)


def _first_two(path: Path, reading: Reading, sep: str) -> tuple[list[str], list[str]]:
    rows = (row for row in fields_of(path, reading.encoding, sep) if row)
    return next(rows), next(rows, [])


def _has_header(first: list[str], second: list[str], decimal: str) -> bool:
    """Return whether the first line names columns: names where numbers follow, or names only."""
    named = [not is_number(field, decimal) for field in first]
    if any(n and f.strip() and is_number(f, decimal) for n, f in zip(named, second, strict=False)):
        return True
    return (
        len(first) > 1
        and all(n or not f.strip() for n, f in zip(named, first, strict=True))
        and not any(map(looks_like_time, first))
    )


def _is_title(start: str) -> bool:
    """Return whether the first of a text's lines names the others: it comes once, they again."""
    first, *others = start.split("\n")[:-1] or [start]
    known = set(others)
    return first not in known and 2 * len(known) < len(others) and not is_number(first, ".")


def _decimal(start: str, sep: str) -> str:
    """Return the decimal sign: a comma between figures where it separates nothing else."""
    if sep == ",":
        return "."
    # the points of 31.12.2020 separate parts of a date, those of 1.234,5 thousands
    figures = re.sub(r"\d+\.\d+\.\d+", "", start)
    figures = re.sub(r"\d\.(?=\d{3},\d)", "", figures)
    commas, points = (len(re.findall(rf"\d{re.escape(s)}\d", figures)) for s in ",.")
    return "," if commas > points else "."


def _read_frame(path: Path, reading: Reading, sep: str, decimal: str, header: bool) -> pd.DataFrame:
    try:
        with open_text(path, reading.encoding) as text:
            frame = pd.read_csv(
                text,
                sep=r"\s+" if sep == SPACE else sep,
                decimal=decimal,
                header=0 if header else None,
                index_col=False,
                # in a single column a blank line is a missing value, else it is only space
                skip_blank_lines=sep in sample(path, reading.encoding, 1 << 12),
                low_memory=False,
            )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as a table: {error}") from error
    return frame.rename(columns=str)


def _single(path: Path, values: pd.Series[Any], reading: Reading, sep: str) -> FileContents:
    filled = np.flatnonzero(~values.isna().to_numpy())
    values = values.iloc[: filled[-1] + 1] if filled.size else values[:0]
    if values.dtype.kind == "f" and (np.abs(values) >= NO_LONGER_EXACT).any():
        # blank lines made reals of large integers, and merged some
        fields = [row[0] if row else "" for row in fields_of(path, reading.encoding, sep)]
        return FileContents(numbers(without_blanks(fields), "."), "1 sequence")
    if not pd.api.types.is_numeric_dtype(values.dtype):
        return from_columns(path.name, values.rename("0").to_frame(), reading)
    return FileContents(values.to_numpy(), "1 sequence")


def _has_rows(frame: pd.DataFrame, header: bool) -> bool:
    """Return whether each row is a sequence, where nobody has said so."""
    n, width = frame.shape
    if header:
        return _are_steps(list(frame.columns))
    texts = [not pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]
    if sum(texts) > 1 or any(texts[1:-1]):
        return False
    return not (width < _NARROW and n >= _LONGER * width)


def _are_steps(names: list[str]) -> bool:
    """Return whether most names are one word and a number, as in t0, t1, t2."""
    found = [re.fullmatch(r"(\D*)(\d+)", name.strip()) for name in names]
    kinds = Counter(m.group(1) for m in found if m)
    return bool(kinds) and kinds.most_common(1)[0][1] >= max(_STEPS, 0.9 * (len(names) - 2))


def from_rows(name: str, frame: pd.DataFrame, reading: Reading) -> FileContents:
    """Return each row as a sequence, without a column of labels."""
    label = find_column(name, frame, reading.label_column)
    aside = f"column {label} holds labels"
    labels = None if label is None else frame[label].to_numpy()
    if label is None:
        ends = (str(frame.columns[0]), str(frame.columns[-1]))
        label = next((c for c in ends if _are_labels(frame, c)), None)
        aside = f"column {label} looks like labels"
    if label is not None:
        frame = frame.drop(columns=label)
    texts = [c for c in frame if not pd.api.types.is_numeric_dtype(frame[c].dtype)]
    if texts:
        raise ValueError(
            f"{name} holds text in column {texts[0]} (such as {frame[texts[0]].iloc[0]!r}) where "
            "each row is read as a sequence of numbers: choose a column by --column NAME"
        )
    values = frame.to_numpy()
    what = f"{count_of(len(values), 'sequence')} of {values.shape[1]:,}, one per row"
    return FileContents(values, what, aside=aside if label is not None else "", labels=labels)


def _are_labels(frame: pd.DataFrame, column: str) -> bool:
    """Return whether a column beside the sequences holds classes: text, or few whole numbers."""
    values, others = frame[column], frame.drop(columns=column)
    if re.fullmatch(r"\W*(label|class|target|y)s?\W*", column.lower()):
        return True
    if not pd.api.types.is_numeric_dtype(values.dtype):
        return True
    numbers_only = others.select_dtypes("number").to_numpy(dtype=np.float64)
    if numbers_only.shape[1] < 2 or not (numbers_only % 1 != 0).mean() > 0.5:
        return False
    whole = bool((values % 1 == 0).all())
    return whole and values.nunique() <= max(2, len(values) // 2)


def _from_lists(
    path: Path, rows: Iterator[list[str]], reading: Reading, decimal: str, header: bool
) -> FileContents:
    """Return lines of different lengths, or one line alone; nothing is held beside the numbers."""
    if header:
        next(row for row in rows if row)
    found = []
    for row in rows:
        fields = without_blanks(row)
        try:
            if fields:
                found.append(numbers(fields, decimal))
        except ValueError as error:
            raise ValueError(
                f"{path} holds text among numbers ({error}); for text, use another ending than "
                f"{ending(path)}"
            ) from error
    labels = None
    if reading.label_column is not None:
        at = int(reading.label_column) if reading.label_column.isdigit() else 0
        labels = [row[at] for row in found]
        found = [np.delete(row, at) for row in found]
    if len(found) == 1:
        return FileContents(found[0], "1 sequence")
    return FileContents(found, f"{count_of(len(found), 'sequence')}, one per row", labels=labels)


def _array(path: Path, reading: Reading) -> NDArray[Any]:
    with open_bytes(path) as file:
        magic = file.read(6)
    packed = ending(path) != path.suffix.lower()
    if ending(path) == ".npy" and magic != b"\x93NUMPY":
        raise ValueError(
            f"{path} cannot be read as a .npy array: it was not written by numpy.save; for text, "
            "use another ending"
        )
    try:
        if packed:
            with open_bytes(path) as file:
                loaded = np.load(io.BytesIO(file.read()), allow_pickle=False)
        else:
            # mapped, an array need not fit the memory, nor what a damaged header claims
            loaded = np.load(path, allow_pickle=False, mmap_mode="r")
        if isinstance(loaded, np.ndarray):
            return loaded
        names = list(loaded)
        wanted = reading.column if reading.column is not None else names[0]
        if wanted not in names or (reading.column is None and len(names) > 1):
            raise ValueError(f"it holds the arrays {', '.join(names)}: choose one by --column NAME")
        array: NDArray[Any] = loaded[wanted]
    except (ValueError, OSError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be read as an array of numbers: {error}") from error
    return array


def _from_array(path: Path, array: NDArray[Any], reading: Reading) -> FileContents:
    _check_unit(path, None, reading)
    if array.dtype.names:
        return from_columns(path.name, pd.DataFrame(np.asarray(array)), reading)
    if array.dtype.kind not in "biufUSO":
        raise ValueError(
            f"{path} holds {array.dtype}, which is neither a number nor a symbol: save what is to "
            "be measured, such as abs(x) of complex numbers"
        )
    if array.ndim not in (1, 2) or 0 in array.shape:
        raise ValueError(
            f"{path} has shape {array.shape}: give one sequence (1-D) or a sequence per row (2-D)"
        )
    if array.ndim == 1 or array.shape[0] == 1:
        return FileContents(array.reshape(-1), "1 sequence")
    by_column = reading.given("time_column", "id_column") or (
        reading.column is not None and ending(path) == ".npy"
    )
    n, width = array.shape
    narrow = width < _NARROW and n >= _LONGER * width
    if by_column or (narrow and not reading.rows):
        frame = pd.DataFrame(np.asarray(array)).rename(columns=str)
        return from_columns(path.name, frame, reading)
    if array.dtype.kind == "f" or reading.label_column:
        frame = pd.DataFrame(np.asarray(array)).rename(columns=str)
        return from_rows(path.name, frame, reading)
    return FileContents(array, f"{count_of(n, 'sequence')} of {width:,}, one per row")
