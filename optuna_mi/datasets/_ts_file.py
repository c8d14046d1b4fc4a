"""Files of the time series archives: ``.ts`` (UCR, UEA, aeon, sktime) and ``.tsf`` (Monash).

Lines that begin with ``@`` say what the others hold, of which each is a sequence: numbers with
commas between them; dimensions, and the label or target behind them, with colons between them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optuna_mi.datasets._features import of_features
from optuna_mi.datasets._open_file import open_text, sample
from optuna_mi.datasets._reading import FileContents, Reading, count_of

_MISSING = ("?", "nan", "")


def is_series_file(path: Path, encoding: str | None) -> bool:
    """Return whether a file begins as those of the archives do: ``.ts`` may be TypeScript."""
    lines = (line.strip() for line in sample(path, encoding).splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return first.startswith("@")


def read_series_file(path: Path, kind: str, reading: Reading) -> FileContents:
    """Return what a file of an archive holds, one sequence a line and dimension.

    Args:
        path: The file.
        kind: ".ts" or ".tsf".
        reading: What the user said of it; ``column`` chooses a dimension.

    Raises:
        ValueError: A value is missing, is no number or has a time of its own; or a line has other
            dimensions than the first.
    """
    refused = reading.given("time_column", "id_column", "label_column", "rows", "decimal", "unit")
    if refused:
        raise ValueError(f"{path.name} says itself what it holds: leave {refused[0]} out")
    header, lines = _header(path, reading.encoding)
    if kind == ".ts" and header.get("timestamps", "").lower() == "true":
        raise ValueError(
            f"{path.name} has @timestamps true, a time for every value: write the values alone, or "
            "a .csv with a column of times"
        )
    # what a line holds beside its values: names and starts before them, or a label behind them
    before = int(header["attributes"]) if kind == ".tsf" else 0
    labelled = kind == ".ts" and "true" in (
        header.get("classlabel", "").lower().split(" ")[0],
        header.get("targetlabel", "").lower().split(" ")[0],
    )
    parts, labels = [], []
    for number, line in lines:
        fields = line.split(":")[before:]
        if labelled:
            *fields, label = fields
            if not fields:
                raise ValueError(
                    f"{path.name} has no label in line {number}: write it behind a last colon, or "
                    "@classLabel false"
                )
            labels.append(label.strip())
        parts.append(_sequence(path, number, fields))
    if not parts:
        raise ValueError(f"{path.name} has no line after @data: give a whole file")
    return _contents(path, parts, labels if labelled else None, header, reading)


def _header(path: Path, encoding: str | None) -> tuple[dict[str, str], Iterator[tuple[int, str]]]:
    """Return what the lines with ``@`` say, and the others with their numbers."""
    header = {"attributes": "0"}
    with open_text(path, encoding) as file:
        numbered = list(enumerate((line.strip() for line in file), start=1))
    for number, line in numbered:
        if not line.startswith("@"):
            continue
        name, _, value = line[1:].partition(" ")
        if name.lower() == "data":
            rest = numbered[number:]
            return header, ((n, s) for n, s in rest if s and not s.startswith("#"))
        if name.lower() == "attribute":
            header["attributes"] = str(int(header["attributes"]) + 1)
        header[name.lower()] = value.strip()
    raise ValueError(f"{path.name} has no line @data: what comes before it is only its header")


def _sequence(path: Path, number: int, fields: list[str]) -> NDArray[np.float64]:
    """Return one line's values, shape (steps, dimensions)."""
    rows = [[value.strip() for value in field.split(",")] for field in fields]
    missing = sum(value.lower() in _MISSING for row in rows for value in row)
    if missing:
        raise ValueError(
            f"{path.name} has {count_of(missing, 'missing value')} in line {number}: fill them, as "
            "by interpolation, or take the sequence out; where they only lengthen a shorter one, "
            "cut them off: lengths may differ"
        )
    if len(set(map(len, rows))) > 1:
        raise ValueError(
            f"{path.name} has dimensions of {', '.join(str(len(row)) for row in rows)} values in "
            f"line {number}: all of a sequence need one length"
        )
    try:
        return np.array(rows, dtype=np.float64).T
    except ValueError as error:
        raise ValueError(f"{path.name} holds no number in line {number}: {error}") from error


def _contents(
    path: Path,
    parts: list[NDArray[np.float64]],
    labels: list[str] | None,
    header: dict[str, str],
    reading: Reading,
) -> FileContents:
    n_dimensions = parts[0].shape[1]
    if any(part.shape[1] != n_dimensions for part in parts):
        other = next(part.shape[1] for part in parts if part.shape[1] != n_dimensions)
        raise ValueError(
            f"{path.name} has sequences of {n_dimensions} and of {other} dimensions: all need the "
            "same"
        )
    contents = of_features(parts, reading, what="dimension")
    targets: Any = labels
    aside = ""
    if labels is not None:
        aside = f"labels of {count_of(len(set(labels)), 'class', 'classes')}"
        if header.get("targetlabel"):
            targets, aside = np.array(labels, dtype=np.float64), "a target each"
    return dataclasses.replace(contents, aside=aside, labels=targets)
