"""A user's array: ``.npy`` and ``.npz``."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optuna_mi.datasets._columns import from_columns
from optuna_mi.datasets._features import of_features
from optuna_mi.datasets._lines_file import LONGER, NARROW
from optuna_mi.datasets._open_file import GZIP, open_bytes
from optuna_mi.datasets._reading import FileContents, Reading, check_unit, count_of, rows_of
from optuna_mi.datasets._rows import from_rows


def read_array_file(path: Path, reading: Reading) -> FileContents:
    """Return what a .npy or .npz file holds.

    Raises:
        ValueError: It is no array of numbers or symbols, or one must be chosen.
    """
    check_unit(path, reading)
    array, labels = _arrays(path, reading)
    if labels is None:
        return _contents(path, array, reading)
    contents = _contents(path, array, dataclasses.replace(reading, rows=True, label_column=None))
    if len(labels) != len(rows_of(contents.sequences)):
        raise ValueError(
            f"{path.name} has {count_of(len(rows_of(contents.sequences)), 'sequence')} and "
            f"{count_of(len(labels), 'label')}: one for each is needed"
        )
    said = f"array {reading.label_column} holds labels"
    return dataclasses.replace(contents, labels=labels, aside=said)


def _arrays(path: Path, reading: Reading) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the array to measure, and that of the labels where a .npz file has one."""
    with open_bytes(path) as file:
        magic = file.read(6)
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP
    if reading.ending(path) == ".npy" and magic != b"\x93NUMPY":
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
            return loaded, None
        names = _chosen(path, list(loaded), reading)
        array, *labels = (loaded[name] for name in names)
    except (ValueError, OSError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        if "Python objects" in str(error) or "Object arrays" in str(error):
            raise ValueError(
                f"{path.name} holds Python objects, which may run any code when they are read: "
                "save numbers or texts, as with numpy.save(file, array.astype(str))"
            ) from error
        raise ValueError(f"{path} cannot be read as an array of numbers: {error}") from error
    return array, labels[0] if labels else None


def _chosen(path: Path, names: list[str], reading: Reading) -> list[str]:
    """Return the name of the array to measure, and that of the labels."""
    if not names:
        raise ValueError("it holds no array")
    label = reading.label_column
    rest = [name for name in names if name != label]
    wanted = rest[0] if reading.column is None and len(rest) == 1 else reading.column
    if wanted not in names or (label is not None and label not in names):
        raise ValueError(
            f"it holds the arrays {', '.join(names)}: choose one by --column NAME, and one of "
            "labels by --label-column NAME"
        )
    return [wanted] if label is None else [wanted, label]


def _contents(path: Path, array: NDArray[Any], reading: Reading) -> FileContents:
    if array.dtype.names:
        return from_columns(path.name, pd.DataFrame(np.asarray(array)), reading)
    if array.dtype.kind not in "biufUSO":
        remedy = {
            "c": "such as abs(x) of complex numbers",
            "M": "the values, not their times",
            "m": "such as x / numpy.timedelta64(1, 's')",
        }
        raise ValueError(
            f"{path} holds {array.dtype}, which is neither a number nor a symbol: save what is to "
            f"be measured, {remedy.get(array.dtype.kind, 'as numbers')}"
        )
    if array.ndim not in (1, 2, 3) or 0 in array.shape:
        raise ValueError(
            f"{path} has shape {array.shape}: give one sequence (1-D), a sequence per row (2-D), "
            "or (sequences, steps, features)"
        )
    if array.ndim == 3 and array.dtype.kind != "f":
        raise ValueError(
            f"{path} has shape {array.shape} of {array.dtype}: save images flat, as "
            "x.reshape(len(x), -1), and measurements (sequences, steps, features) as float64"
        )
    if array.ndim == 3:
        return of_features(list(np.asarray(array)), reading)
    if array.ndim == 1 or array.shape[0] == 1:
        return FileContents(array.reshape(-1), "1 sequence")
    by_column = reading.given("time_column", "id_column") or (
        reading.column is not None and reading.ending(path) == ".npy"
    )
    n, width = array.shape
    narrow = width < NARROW and n >= LONGER * width
    if by_column or (narrow and not reading.rows):
        frame = pd.DataFrame(np.asarray(array)).rename(columns=str)
        return from_columns(path.name, frame, reading)
    if array.dtype.kind == "f" or reading.label_column:
        frame = pd.DataFrame(np.asarray(array)).rename(columns=str)
        return from_rows(path.name, frame, reading)
    return FileContents(array, f"{count_of(n, 'sequence')} of {width:,}, one per row")
