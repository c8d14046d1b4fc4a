"""Numbers in lines of text: one column, or a sequence a line, read line by line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optuna_mi.datasets._numbers import WRITTEN
from optuna_mi.datasets._open_file import open_text

# any white space between numbers, where nothing else separates them
SPACE = " "
_SEPARATORS = (";", "\t", ",", "|")


def separator(start: str, ending: str) -> str:
    """Return what stands between the fields of a table's lines."""
    if ending == ".tsv":
        return "\t"
    lines = [_without_quotes(line) for line in start.splitlines()[:50] if line.strip()]
    found = max(_SEPARATORS, key=lambda s: sum(s in line for line in lines))
    if any(found in line for line in lines):
        return found
    spaced = [line.split() for line in lines]
    numeric = all(is_number(field, ".") for line in spaced[1:] for field in line)
    return SPACE if numeric and any(len(line) > 1 for line in spaced) else ","


def _without_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def widths_of(path: Path, encoding: str | None, sep: str, skip: int = 0) -> Iterator[int]:
    """Yield how many fields every line has that is not blank."""
    for line in _lines(path, encoding, skip):
        if '"' in line:
            yield len(_fields(line, sep))
        elif line.strip():
            yield len(line.split()) if sep == SPACE else line.count(sep) + 1


def fields_of(path: Path, encoding: str | None, sep: str, skip: int = 0) -> Iterator[list[str]]:
    """Yield the fields of every line, none for a blank one."""
    for line in _lines(path, encoding, skip):
        yield _fields(line, sep)


def _lines(path: Path, encoding: str | None, skip: int) -> Iterator[str]:
    """Yield lines, one that ends within quotes together with the next."""
    with open_text(path, encoding) as file:
        for _ in range(skip):
            file.readline()
        for line in file:
            while line.count('"') % 2 and (more := file.readline()):
                line += more
            yield line


def _fields(line: str, sep: str) -> list[str]:
    # a line without quotes is only split: a single one may hold millions of fields
    if '"' in line:
        return next(csv.reader(io.StringIO(line), delimiter=sep))
    if sep == SPACE:
        return line.split()
    return line.rstrip("\n").split(sep) if line.strip() else []


def numbers(fields: Sequence[str], decimal: str) -> NDArray[Any]:
    """Return fields as integers where all are, else as reals; an empty one is NaN.

    Raises:
        ValueError: One is no number.
    """
    if decimal != ".":
        fields = [field.replace(decimal, ".") for field in fields]
    for kind in (np.int64, np.uint64):
        try:
            return np.array(fields, dtype=kind)
        except (ValueError, OverflowError):
            continue
    return np.array([field if field.strip() else "nan" for field in fields], dtype=np.float64)


def without_blanks(row: Sequence[str]) -> Sequence[str]:
    """Drop the empty fields at the end."""
    last = max((i for i, field in enumerate(row) if field.strip()), default=-1)
    return row[: last + 1]


def is_number(field: str, decimal: str) -> bool:
    """Return whether a field is a number, or empty."""
    if not field.strip() or WRITTEN.fullmatch(field.strip()):
        return True
    try:
        float(field.replace(decimal, "."))
    except ValueError:
        return False
    return True
