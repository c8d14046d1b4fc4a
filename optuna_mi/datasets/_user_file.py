"""A user's own file: what it holds, as the curve is measured on it."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from optuna_mi.datasets._foreign_file import check_known
from optuna_mi.datasets._open_file import check_file
from optuna_mi.datasets._reading import SERIES, TABLES, FileContents, Reading, count_of, rows_of
from optuna_mi.datasets._text_file import read_text_file
from optuna_mi.datasets._ts_file import is_series_file

# symbols below which a curve is nothing but noise
_FEWEST = 10
# symbols that show whether there is a second one
_GLANCE = 100_000


def read_file(path: Path, reading: Reading | None = None) -> FileContents:
    """Return all that a file holds, as `optuna_mi.decay_curve` takes it, and what it was taken for.

    ``.csv``, ``.tsv``, ``.parquet``, ``.jsonl``, ``.npy`` and ``.npz`` hold numbers (or symbols) in
    columns or rows; everything else is text, of which FASTA and PGN are known. Any may be packed by
    gzip.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be read, holds fewer than ten symbols or one only, or an option does
            not go with it.
        MissingExtraError: What reads such a file is not installed.
    """
    contents = read_unchecked(path, reading or Reading())
    rows = [row for row in rows_of(contents.sequences) if len(row)]
    n_symbols = sum(map(len, rows))
    if n_symbols < _FEWEST:
        raise ValueError(
            f"{path.name} holds {count_of(n_symbols, 'symbol')}: too few to measure a decay; at "
            f"least {_FEWEST} are needed, and thousands to see far"
        )
    one = rows[0][0]
    if all(bool(np.all(row[:_GLANCE] == one)) and bool(np.all(row == one)) for row in rows):
        name = contents.vocabulary[one] if contents.vocabulary else one
        raise ValueError(f"{path.name} consists of one symbol only ({name}); give two or more")
    if contents.vocabulary is None and contents.unit != "value":
        contents = replace(contents, sequences=_from_zero(contents.sequences))
    return contents


def _from_zero(sequences: Any) -> Any:
    """Return integers moved up where some are negative: as symbols, -1 is a name like any other."""
    rows = [np.asarray(row) for row in rows_of(sequences) if len(row)]
    least = min((int(row.min()) for row in rows if row.dtype.kind == "i"), default=0)
    if least >= 0:
        return sequences
    if hasattr(sequences, "columns"):
        return sequences.assign(y=sequences["y"] - least)
    return [row - least for row in rows] if isinstance(sequences, list) else sequences - least


def read_unchecked(path: Path, reading: Reading) -> FileContents:
    """Return what a file holds, however little."""
    contents = _read(path, reading)
    if reading.labels is None:
        return contents
    from optuna_mi.datasets._labels_file import with_labels

    return with_labels(contents, reading.labels)


def _read(path: Path, reading: Reading) -> FileContents:
    check_file(path)
    try:
        return _read_kind(path, reading, reading.ending(path))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"{path.name} cannot be unpacked by gzip: {error}. Was it copied whole?"
        ) from error


def _read_kind(path: Path, reading: Reading, kind: str) -> FileContents:
    if reading.unit != "byte":
        check_known(path, kind, is_table=kind in TABLES)
    if kind in SERIES and is_series_file(path, reading.encoding):
        from optuna_mi.datasets._kinds import told
        from optuna_mi.datasets._ts_file import read_series_file

        return told(read_series_file(path, kind, reading), reading)
    if kind in TABLES:
        # pandas is loaded for tables only
        from optuna_mi.datasets._kinds import told
        from optuna_mi.datasets._table_file import read_table_file

        return told(read_table_file(path, reading), reading)
    return read_text_file(path, reading)
