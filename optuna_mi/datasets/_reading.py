"""What a user says about a file, and what was found in it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import NoneType
from typing import Any, Literal

import numpy as np

from optuna_mi._checks import flag, instance, one_of
from optuna_mi.datasets._open_file import ending


@dataclasses.dataclass(frozen=True)
class Reading:
    """How to read a file; what is None is found out.

    Attributes:
        unit: What a symbol of a text is: "char" (the default), "word" or "byte".
        column: The column of a table, the field of a .jsonl or the array of a .npz to measure: its
            name, or its number from 0.
        time_column: The column that orders the rows.
        id_column: The column that tells the series of a table apart.
        label_column: A column of labels, which no sequence takes in: what is to be learnt.
        rows: Whether each row of a table or an array is a sequence.
        encoding: Of texts and tables; UTF-8 by default, with or without a byte order mark.
        decimal: The decimal sign of a table.
        labels: The path of a file with one label for each sequence, in order.
        format: The ending to go by where the name has another, or none: "csv", "txt", ….
        symbols: Whether whole numbers are symbols: yes, no, or as they look (None).
        fill: "previous" where a network is to read the last value at steps without one.
    """

    unit: str | None = None
    column: str | None = None
    time_column: str | None = None
    id_column: str | None = None
    label_column: str | None = None
    rows: bool = False
    encoding: str | None = None
    decimal: str | None = None
    labels: str | None = None
    format: str | None = None
    symbols: bool | None = None
    fill: Literal["previous"] | None = None

    def __post_init__(self) -> None:
        for name in ("column", "time_column", "id_column", "label_column"):
            wanted = "the name of a column (str), or its number as text such as '0'"
            instance(name, getattr(self, name), (str, NoneType), wanted)
        instance("encoding", self.encoding, (str, NoneType), "a name such as 'latin-1'")
        flag("rows", self.rows)
        one_of("fill", self.fill, ("previous", None))
        one_of("decimal", self.decimal, (".", ",", None))
        instance("labels", self.labels, (str, NoneType), "the path of a file")
        kinds = [name.removeprefix(".") for name in (*TABLES, *SERIES)]
        one_of("format", self.format, (*kinds, "txt", "fasta", "pgn", None))

    def ending(self, path: Path) -> str:
        """Return the ending that says how a file is read, such as ".csv"."""
        return f".{self.format}" if self.format else ending(path)

    def given(self, *names: str) -> list[str]:
        """Return, as options of the command, which of the fields were set."""
        return [f"--{name.replace('_', '-')}" for name in names if getattr(self, name)]


TABLES = (".csv", ".tsv", ".parquet", ".json", ".jsonl", ".ndjson", ".npy", ".npz", ".arff")
SERIES = (".ts", ".tsf")
TABLE_ONLY = ("time_column", "id_column", "label_column", "decimal")


@dataclasses.dataclass(frozen=True)
class FileContents:
    """What a file was taken for.

    Attributes:
        sequences: As `optuna_mi.decay_curve` takes them.
        description: In one line, what it was taken for.
        notes: What else the user should know before trusting the curve.
        vocabulary: Names of the symbols, where `sequences` hold their codes.
        unit: What a symbol is: "character", "word", "byte" or "symbol"; "value" for real numbers.
        aside: What the description says of columns that were left out.
        labels: Labels, or target numbers, one per sequence; None where there are none.
        parts: Sequences of several dimensions, arrays (steps, dimensions), of which `sequences`
            holds each dimension by itself; None where there is one dimension.
    """

    sequences: Any
    description: str
    notes: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] | None = None
    unit: str = "symbol"
    aside: str = ""
    labels: Any = None
    parts: Any = None

    def says(self, kind: str) -> str:
        """Return the description with what the values are, before what was left out."""
        what = "left out" if self.labels is None else "what search learns"
        return self.description + kind + (f" ({self.aside}: {what})" if self.aside else "")


def check_unit(path: Path, reading: Reading, frame: Any = None) -> None:
    """Raise ValueError for a unit where there is no text."""
    texts = frame is not None and any(kind.kind not in "biufc" for kind in frame.dtypes)
    if reading.unit is not None and not texts:
        raise ValueError(
            f"unit={reading.unit!r} is for texts: the numbers in {path.name} are symbols as they "
            "are; leave the unit out"
        )


def rows_of(sequences: Any) -> list[Any]:
    """Return the sequences, each by itself, of what `optuna_mi.decay_curve` takes."""
    if isinstance(sequences, np.ndarray):
        return [sequences] if sequences.ndim == 1 else list(sequences)
    if isinstance(sequences, list):
        return [np.array(list(s), dtype=object) if isinstance(s, str) else s for s in sequences]
    if hasattr(sequences, "columns"):  # a panel
        return [part.to_numpy() for _, part in sequences.groupby("unique_id", observed=True)["y"]]
    return [sequences.to_numpy()]


def count_of(n: int, what: str, plural: str | None = None) -> str:
    """Return "1 row" or "2,000 rows".

    Example:
        >>> count_of(1, "row"), count_of(2000, "row"), count_of(2, "series", "series")
        ('1 row', '2,000 rows', '2 series')
    """
    return f"{n:,} {what if n == 1 else plural or what + 's'}"
