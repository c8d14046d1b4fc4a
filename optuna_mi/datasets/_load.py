"""A data set by its name, or a user's own file by its path."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from optuna_mi._checks import file_path
from optuna_mi.datasets._reading import Reading

if TYPE_CHECKING:
    from optuna_mi.datasets._base import Dataset

NAMES = ("digits", "pdigits", "smnist", "psmnist", "ptb-char", "ptb-word")


def load_dataset(
    name: str | os.PathLike[str],
    *,
    unit: str | None = None,
    column: str | None = None,
    time_column: str | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    rows: bool = False,
    encoding: str | None = None,
    decimal: str | None = None,
    labels: str | None = None,
    format: str | None = None,
    fill: Literal["previous"] | None = None,
) -> Dataset:
    """Return a data set by its name, or of a user's own file.

    Args:
        name: "digits", "pdigits" (permuted), "smnist", "psmnist" (permuted), "ptb-char",
            "ptb-word", or the path of a text, ``.npy``, ``.npz``, ``.csv``, ``.tsv``,
            ``.parquet``, ``.json``, ``.jsonl``, ``.ts``, ``.tsf`` or ``.arff`` file, packed by gzip
            or not. Where it has labels they are to be learnt; else of symbols the next one, of real
            values the next value.
        unit: What a symbol of a user's text is: "char" (the default), "word" or "byte".
        column: The column of a table to read, by its name or its number from 0.
        time_column: The column that orders the rows of a table.
        id_column: The column that tells a table's series apart.
        label_column: A column of labels, one per row: what is to be learnt of the sequences.
        rows: Whether each row of a table or an array, or line of a text, is a sequence.
        encoding: Of a text or table; UTF-8 by default.
        decimal: The decimal sign of a table.
        labels: The path of a file with one label for each sequence, in order: a label per line, or
            a ``.npy`` array.
        format: The ending to go by where the name has another, or none: "csv", "txt", ….
        fill: What a network reads at steps of a table's series without a value, as for
            :func:`from_frame`.

    Raises:
        FileNotFoundError: Neither a known name nor a file, or a download that failed.
        ValueError: The file's content cannot be used, or an option does not go with it.

    Example:
        >>> dataset = load_dataset("digits")
        >>> dataset.sequences.shape, dataset.n_classes
        ((1197, 64), 10)
    """
    reading = Reading(
        unit=unit,
        column=column,
        time_column=time_column,
        id_column=id_column,
        label_column=label_column,
        rows=rows,
        encoding=encoding,
        decimal=decimal,
        labels=labels,
        format=format,
        fill=fill,
    )
    return load(name, reading)


def load(name: str | os.PathLike[str], reading: Reading) -> Dataset:
    """Do what `load_dataset` does, told how to read a file by an object."""
    if isinstance(name, str) and name in NAMES:
        check_named(name, reading)
        return load_named(name)
    from optuna_mi.datasets._file_dataset import load_file

    return load_file(find_path(name), reading=reading)


def check_named(name: str, reading: Reading) -> None:
    """Raise ValueError where a file's options are given for a data set of ours."""
    given = [field.name for field in fields(reading) if getattr(reading, field.name)]
    if given:
        what = given[0].replace("_", " ")
        raise ValueError(
            f"{given[0]}={getattr(reading, given[0])!r} is for a file of your own: {name} has its "
            f"own symbols; leave the {what} out"
        )


def load_named(name: str) -> Dataset:
    """Return one of the data sets in ``NAMES``."""
    from optuna_mi.datasets import _images, _text

    loaders: dict[str, Callable[[], Dataset]] = {
        "digits": _images.load_digits,
        "pdigits": partial(_images.load_digits, permute=True),
        "smnist": _images.load_smnist,
        "psmnist": partial(_images.load_smnist, permute=True),
        "ptb-char": _text.load_ptb,
        "ptb-word": partial(_text.load_ptb, unit="word"),
    }
    return loaders[name]()


def find_path(name: str | os.PathLike[str]) -> Path:
    """Return the path of a user's file.

    Raises:
        FileNotFoundError: It looks like the name of a data set, and is none.
    """
    path = file_path("name", name)
    if not path.exists() and path.name == str(name) and not path.suffix:
        raise FileNotFoundError(
            f"Unknown data set {str(name)!r}: neither one of {', '.join(NAMES)} nor a file"
        )
    return path
