"""Labels in a file of their own: one for each sequence, in order."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from optuna_mi.datasets._open_file import check_file, ending, open_text
from optuna_mi.datasets._reading import FileContents, count_of, rows_of


def with_labels(contents: FileContents, file: str) -> FileContents:
    """Return the contents with labels.

    Args:
        contents: Several sequences.
        file: The path of a ``.npy`` array, or of a text with one label per line; a first line more
            is its heading.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The contents are no sequences that have an order, or the labels are not as many.
    """
    if contents.labels is not None:
        raise ValueError(f"--labels {file}: the sequences have labels in their own file already")
    if hasattr(contents.sequences, "columns"):
        raise ValueError(
            f"--labels {file}: series of a table have no order; put the labels into a column, "
            "and name it by --label-column"
        )
    parts = contents.parts if contents.parts is not None else rows_of(contents.sequences)
    labels = _read(Path(file))
    _check_one_column(file, labels)
    if len(labels) == len(parts) + 1 and ending(Path(file)) != ".npy":
        labels = labels[1:]
    if len(labels) != len(parts) or len(parts) < 2:
        raise ValueError(
            f"--labels {file} holds {count_of(len(labels), 'label')}, and there are "
            f"{count_of(len(parts), 'sequence')}: give one for each (--rows reads each row, or "
            "line, as a sequence)"
        )
    n = len(set(map(str, labels)))
    said = f"; {count_of(n, 'class', 'classes')} in {file}"
    return dataclasses.replace(contents, labels=labels, description=contents.description + said)


def _check_one_column(file: str, labels: Any) -> None:
    """Refuse a table of names and labels: the order of its rows may be another."""
    if ending(Path(file)) == ".npy":
        return
    for sign in "\t;,":
        n_fields = {line.count(sign) + 1 for line in labels}
        if len(n_fields) == 1 and n_fields != {1}:
            raise ValueError(
                f"--labels {file} has {n_fields.pop()} columns (first line: {labels[0]!r}): bring "
                "its rows into the order of the sequences and keep the labels alone, one per line"
            )


def _read(path: Path) -> Any:
    check_file(path)
    if ending(path) == ".npy":
        try:
            found = np.load(path, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise ValueError(f"{path} cannot be read as labels: {error}") from error
        if found.ndim != 1:
            raise ValueError(f"{path} has shape {found.shape}: labels are one per sequence, 1-D")
        return found
    with open_text(path, None) as file:
        try:
            lines = [line.strip().strip('"') for line in file.read().splitlines()]
        except UnicodeError as error:
            raise ValueError(f"{path} cannot be read as UTF-8 labels: {error}") from error
    while lines and not lines[-1]:
        lines.pop()
    blank = [i for i, line in enumerate(lines, start=1) if not line]
    if blank:
        raise ValueError(f"{path} has no label in line {blank[0]}: give every sequence one")
    return lines
