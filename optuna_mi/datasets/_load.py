"""A data set by its name, or a user's own file by its path."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from optuna_mi.datasets._base import Dataset
from optuna_mi.datasets._images import load_digits, load_smnist
from optuna_mi.datasets._text import load_ptb
from optuna_mi.datasets._user_file import load_file

_LOADERS: dict[str, Callable[[], Dataset]] = {
    "digits": load_digits,
    "pdigits": partial(load_digits, permute=True),
    "smnist": load_smnist,
    "psmnist": partial(load_smnist, permute=True),
    "ptb-char": load_ptb,
    "ptb-word": partial(load_ptb, unit="word"),
}
NAMES = tuple(_LOADERS)


def load_dataset(name: str | os.PathLike[str], *, unit: str | None = None) -> Dataset:
    """Return a data set by its name, or of a user's own file.

    Args:
        name: "digits", "pdigits" (permuted), "smnist", "psmnist" (permuted), "ptb-char",
            "ptb-word", or the path of a text, ``.npy`` or ``.csv`` file.
        unit: What a symbol of a user's text is: "char" (the default), "word" or "byte".

    Raises:
        FileNotFoundError: Neither a known name nor a file, or a download that failed.
        ValueError: The file's content cannot be used, or a unit was given for something else than
            a user's text.

    Example:
        >>> dataset = load_dataset("digits")
        >>> dataset.sequences.shape, dataset.n_classes
        ((1197, 64), 10)
    """
    if isinstance(name, str) and name in _LOADERS:
        if unit is not None:
            raise ValueError(
                f"unit={unit!r} is for a text of your own: {name} has its own symbols; leave the "
                "unit out"
            )
        return _LOADERS[name]()
    return load_file(find_path(name), unit=unit)


def find_path(name: str | os.PathLike[str]) -> Path:
    """Return the path of a user's file.

    Raises:
        FileNotFoundError: It looks like the name of a data set, and is none.
    """
    path = Path(name)
    if not path.exists() and path.name == str(name) and not path.suffix:
        raise FileNotFoundError(
            f"Unknown data set {str(name)!r}: neither one of {', '.join(NAMES)} nor a file"
        )
    return path
