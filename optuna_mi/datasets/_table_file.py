"""A user's table or array: who reads which."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from optuna_mi.datasets._arff_file import read_arff_file
from optuna_mi.datasets._array_file import read_array_file
from optuna_mi.datasets._columns import from_columns
from optuna_mi.datasets._json_file import read_json_file, read_json_lines
from optuna_mi.datasets._lines_file import read_lines_file
from optuna_mi.datasets._open_file import not_in_encoding, open_bytes
from optuna_mi.datasets._reading import FileContents, Reading, check_unit
from optuna_mi.datasets._rows import are_steps, from_rows
from optuna_mi.exceptions import MissingExtraError


def read_table_file(path: Path, reading: Reading) -> FileContents:
    """Return what a file of numbers holds.

    Raises:
        ValueError: It cannot be read, an option does not go with it, or a column must be chosen.
        MissingExtraError: It is a .parquet file, and pyarrow is not installed.
    """
    kind = reading.ending(path)
    try:
        match kind:
            case ".csv" | ".tsv":
                return read_lines_file(path, reading)
            case ".npy" | ".npz":
                return read_array_file(path, reading)
            case ".json":
                return read_json_file(path, reading)
            case ".jsonl" | ".ndjson":
                return read_json_lines(path, reading)
            case ".arff":
                return _read_arff(path, reading)
            case _:
                return _read_parquet(path, reading)
    except UnicodeError as error:
        raise not_in_encoding(path, reading.encoding, error) from error


def _read_parquet(path: Path, reading: Reading) -> FileContents:
    try:
        with open_bytes(path) as file:
            frame = pd.read_parquet(file)
    except ImportError as error:
        raise MissingExtraError("pyarrow", "files") from error
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} cannot be read as .parquet: {error}") from error
    check_unit(path, reading, frame)
    return from_columns(path.name, frame, reading)


def _read_arff(path: Path, reading: Reading) -> FileContents:
    found = read_arff_file(path, reading)
    if isinstance(found, FileContents):
        check_unit(path, reading)
        return found
    check_unit(path, reading, found)
    by_column = reading.given("column", "time_column", "id_column")
    if not by_column and (reading.rows or are_steps(list(found.columns))):
        return from_rows(path.name, found, reading)
    return from_columns(path.name, found, reading)
