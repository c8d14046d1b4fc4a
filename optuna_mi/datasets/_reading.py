"""What a user says about a file, and what was found in it."""

from __future__ import annotations

import dataclasses
from types import NoneType
from typing import Any

import numpy as np

from optuna_mi._checks import flag, instance, one_of


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
        symbols: Whether whole numbers are symbols: yes, no, or as they look (None).
    """

    unit: str | None = None
    column: str | None = None
    time_column: str | None = None
    id_column: str | None = None
    label_column: str | None = None
    rows: bool = False
    encoding: str | None = None
    decimal: str | None = None
    symbols: bool | None = None

    def __post_init__(self) -> None:
        for name in ("column", "time_column", "id_column", "label_column"):
            wanted = "the name of a column (str), or its number as text such as '0'"
            instance(name, getattr(self, name), (str, NoneType), wanted)
        instance("encoding", self.encoding, (str, NoneType), "a name such as 'latin-1'")
        flag("rows", self.rows)
        one_of("decimal", self.decimal, (".", ",", None))

    def given(self, *names: str) -> list[str]:
        """Return, as options of the command, which of the fields were set."""
        return [f"--{name.replace('_', '-')}" for name in names if getattr(self, name)]


TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".npy", ".npz")
TABLE_ONLY = ("time_column", "id_column", "label_column", "rows", "decimal")


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
        labels: The column of labels that was named, one per sequence, or None.
    """

    sequences: Any
    description: str
    notes: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] | None = None
    unit: str = "symbol"
    aside: str = ""
    labels: Any = None

    def says(self, kind: str) -> str:
        """Return the description with what the values are, before what was left out."""
        return self.description + kind + (f" ({self.aside}: left out)" if self.aside else "")


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
