"""A user's table in lines of text, ``.csv`` or ``.tsv``: with a header or not, even or ragged."""

from __future__ import annotations

import csv
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optuna_mi.datasets._columns import from_columns
from optuna_mi.datasets._kinds import NO_LONGER_EXACT
from optuna_mi.datasets._open_file import open_text, sample
from optuna_mi.datasets._preamble import Preamble, find_preamble
from optuna_mi.datasets._reading import FileContents, Reading, check_unit, count_of
from optuna_mi.datasets._rows import are_steps, from_rows
from optuna_mi.datasets._rows_file import (
    SPACE,
    fields_of,
    is_number,
    numbers,
    separator,
    widths_of,
    without_blanks,
)
from optuna_mi.datasets._times import looks_like_time

# a table so much longer than wide has series for columns, not for rows
NARROW, LONGER = 10, 10
# so many first fields that count from 0 are names
_COUNTED = 10


def read_lines_file(path: Path, reading: Reading) -> FileContents:
    """Return what a table in lines holds.

    Raises:
        ValueError: It cannot be read, an option does not go with it, or a column must be chosen.
    """
    start = sample(path, reading.encoding)
    if "\0" in start:
        raise ValueError(
            f"{path.name} has NUL bytes: a program was interrupted while it wrote, or it is no "
            "text. Take them out, or name its encoding by --encoding"
        )
    before = find_preamble(path, reading)
    contents = _from_lines(path, reading, "\n".join(start.split("\n")[before.n_lines :]), before)
    return dataclasses.replace(contents, notes=(*before.notes, *contents.notes))


def _from_lines(path: Path, reading: Reading, start: str, before: Preamble) -> FileContents:
    sep = before.separator or separator(start, reading.ending(path))
    decimal = reading.decimal or _decimal(start, sep)
    lines = (path, reading.encoding, sep, before.n_lines)
    widths = list(widths_of(*lines))
    if not widths:
        raise ValueError(
            f"{path} holds blank lines only: there is nothing to measure, give another file"
        )
    first, second = _first_two(fields_of(*lines))
    header = (
        before.names is not None
        or _has_header(first, second, decimal)
        or (len(first) == 1 and _is_title(start))
    )
    skips = header and before.names is None
    by_column = reading.given("column", "time_column", "id_column")
    in_one_line = len(widths) - skips == 1 and widths[-1] > 1
    if not by_column and (min(widths) != max(widths) or in_one_line):
        check_unit(path, reading)
        return _from_lists(path, fields_of(*lines), reading, decimal, skips)
    frame = _read_frame(path, reading, sep, decimal, header, before, start)
    check_unit(path, reading, frame)
    if max(widths) == 1 and not header and not by_column:
        return _single(path, frame.iloc[:, 0], reading, fields_of(*lines))
    if by_column or not (reading.rows or _has_rows(frame, header)):
        return from_columns(path.name, frame, reading)
    if frame.iloc[:, -1].isna().any():
        # the empty fields at the ends of short rows
        return _from_lists(path, fields_of(*lines), reading, decimal, skips)
    return from_rows(path.name, frame, reading)


def _first_two(found: Iterator[list[str]]) -> tuple[list[str], list[str]]:
    rows = (row for row in found if row)
    return next(rows), next(rows, [])


def _has_header(first: list[str], second: list[str], decimal: str) -> bool:
    """Return whether the first line names columns: names where numbers follow, or names only."""
    named = [not is_number(field, decimal) for field in first]
    if any(n and f.strip() and is_number(f, decimal) for n, f in zip(named, second, strict=False)):
        return True
    if _are_counted(first):
        return True
    return (
        len(first) > 1
        and all(n or not f.strip() for n, f in zip(named, first, strict=True))
        and not any(map(looks_like_time, first))
    )


def _are_counted(first: list[str]) -> bool:
    """Return whether columns are named 0, 1, 2, … as pandas does, behind one or two names or none.

    A sequence may begin so too; hardly one that a blank field or so many steps go with.
    """
    names = [field.strip().strip('"') for field in first]
    start = next((i for i, name in enumerate(names) if name == "0"), len(names))
    counted = names[start:]
    if start > 2 or counted != list(map(str, range(len(counted)))):
        return False
    return len(counted) >= (_COUNTED if start == 0 or names[0] else 2)


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


def _read_frame(
    path: Path,
    reading: Reading,
    sep: str,
    decimal: str,
    header: bool,
    before: Preamble,
    start: str,
) -> pd.DataFrame:
    try:
        with open_text(path, reading.encoding) as text:
            for _ in range(before.n_lines):
                text.readline()
            frame = pd.read_csv(
                text,
                sep=r"\s+" if sep == SPACE else sep,
                decimal=decimal,
                header=0 if header and before.names is None else None,
                names=before.names,
                index_col=False,
                # in a single column a blank line is a missing value, else it is only space
                skip_blank_lines=sep in start[: 1 << 12],
                low_memory=False,
            )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
        raise ValueError(
            f"{path} cannot be read as a table: {str(error).strip()}. Every line needs as many "
            "fields as the first; one with a separator in it needs quotes"
        ) from error
    return frame.rename(columns=str)


def _single(
    path: Path, values: pd.Series[Any], reading: Reading, rows: Iterator[list[str]]
) -> FileContents:
    filled = np.flatnonzero(~values.isna().to_numpy())
    values = values.iloc[: filled[-1] + 1] if filled.size else values[:0]
    if values.dtype.kind == "f" and (np.abs(values) >= NO_LONGER_EXACT).any():
        # blank lines made reals of large integers, and merged some
        fields = [row[0] if row else "" for row in rows]
        return FileContents(numbers(without_blanks(fields), "."), "1 sequence")
    if not pd.api.types.is_numeric_dtype(values.dtype):
        return from_columns(path.name, values.rename("0").to_frame(), reading)
    return FileContents(values.to_numpy(), "1 sequence")


def _has_rows(frame: pd.DataFrame, header: bool) -> bool:
    """Return whether each row is a sequence, where nobody has said so."""
    n, width = frame.shape
    if header:
        return are_steps(list(frame.columns))
    texts = [not pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]
    if sum(texts) > 1 or any(texts[1:-1]):
        return False
    return not (width < NARROW and n >= LONGER * width)


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
                f"{reading.ending(path)}"
            ) from error
    labels = None
    if reading.label_column is not None:
        at = int(reading.label_column) if reading.label_column.isdigit() else 0
        labels = [row[at] for row in found]
        found = [np.delete(row, at) for row in found]
    if len(found) == 1:
        return FileContents(found[0], "1 sequence")
    return FileContents(found, f"{count_of(len(found), 'sequence')}, one per row", labels=labels)
