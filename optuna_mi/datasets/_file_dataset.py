"""A user's own file as a data set: the next symbol, or the next real value, is to be learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optuna_mi.datasets._arrays import from_arrays
from optuna_mi.datasets._base import Dataset, LanguageModeling
from optuna_mi.datasets._frame import from_frame
from optuna_mi.datasets._kinds import NO_LONGER_EXACT, numbered
from optuna_mi.datasets._reading import FileContents, Reading, rows_of
from optuna_mi.datasets._text import encode, split_stream
from optuna_mi.datasets._user_file import read_unchecked


def load_file(path: Path, *, reading: Reading | None = None) -> Dataset:
    """Return a data set of a user's own file: to learn the labels, or else what comes next.

    Args:
        path: As for `_user_file.read_file`.
        reading: What the user says of it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is empty, holds values that cannot be learnt, or an option does not go with
            it.
    """
    reading = reading or Reading()
    return dataset_of(path, read_unchecked(path, reading), reading)


def dataset_of(path: Path, contents: FileContents, reading: Reading) -> Dataset:
    """Return a file's content as a data set.

    Raises:
        ValueError: It is empty, or holds values that cannot be learnt.
    """
    if isinstance(contents.sequences, pd.DataFrame) and "label" in contents.sequences:
        return from_frame(contents.sequences, label_col="label", fill=reading.fill, name=path.name)
    if contents.labels is not None:
        rows = contents.parts if contents.parts is not None else rows_of(contents.sequences)
        same = len(set(map(len, rows))) == 1
        sequences = np.stack(rows) if same else rows
        symbols = True if contents.vocabulary is not None else reading.symbols
        return from_arrays(sequences, contents.labels, symbols=symbols, name=path.name)
    if contents.unit == "value" and reading.symbols is not True:
        if isinstance(contents.sequences, pd.DataFrame):
            return from_frame(contents.sequences, fill=reading.fill, name=path.name)
        found = contents.parts if contents.parts is not None else rows_of(contents.sequences)
        parts = [np.asarray(row, dtype=np.float64) for row in found]
        parts = [part for part in parts if len(part)]
        # what has no value, or stands for several integers, is told by its place
        if all((np.abs(part) < NO_LONGER_EXACT).all() for part in parts):
            return from_arrays(parts, name=path.name)
    if contents.vocabulary is None:
        sequences, names = numbered(path, contents)
    else:
        sequences, names = rows_of(contents.sequences), contents.vocabulary
    return _dataset(path.name, [s for s in sequences if len(s)], names, contents.unit)


def _dataset(
    name: str, sequences: list[NDArray[Any]], names: tuple[str, ...], unit: str
) -> LanguageModeling:
    if not sequences:
        raise ValueError(f"{name} holds no values: there is nothing to measure")
    if len(sequences) == 1:
        codes, types = encode(split_stream(name, sequences[0]))
        for_decay: Any = codes[0]
    else:
        encoded, types = encode(sequences)
        n_held_out = max(1, len(encoded) // 20)
        n_train = len(encoded) - 2 * n_held_out
        if n_train < 1:
            raise ValueError(
                f"{name} holds {len(encoded)} sequences: at least 3 are needed (training, "
                "validation, test)"
            )
        for_decay = encoded[:n_train]
        codes = [
            np.concatenate(part)
            for part in (
                encoded[:n_train],
                encoded[n_train : n_train + n_held_out],
                encoded[n_train + n_held_out :],
            )
        ]
        if len({len(sequence) for sequence in for_decay}) == 1:
            for_decay = np.stack(for_decay)
    if len(types) < 2:
        symbol = names[int(types[0])]
        raise ValueError(f"{name} consists of one symbol only ({symbol!r}); give two or more")
    train, valid, test = codes
    return LanguageModeling(
        name,
        train,
        valid,
        test,
        sequences=for_decay,
        vocabulary=tuple(names[int(symbol)] for symbol in types),
        unit=unit if unit != "value" else "symbol",
    )
