"""Which sequences train, which choose and which test; and the labels that go with them."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from optuna_mi._checks import no_padding, real

# Numbers of more values than this, each of them rare, are hardly classes.
_MANY_CLASSES = 20

Indices = npt.NDArray[np.int64]


def check_shares(valid: float, test: float) -> None:
    """Raise ValueError unless both shares are positive and leave something to train on.

    A test share of 0 means that the test is given.
    """
    for name, share in (("valid", valid), ("test", test or 0.5)):
        real(name, share, above=0, below=1)
    if valid + test >= 1:
        raise ValueError(f"valid={valid} and test={test} leave nothing to train on: lower one")


def split_rows(
    n: int, valid: float, test: float, seed: int, classes: Indices | None = None
) -> tuple[Indices, Indices, Indices]:
    """Return the rows of training, validation and test, sorted.

    Args:
        n: How many there are.
        valid: Share for validation.
        test: Share for test; 0 for none.
        seed: Decides which.
        classes: Class of every row: each class is split in proportion and keeps a row to train on.

    Raises:
        ValueError: A part would be empty.
    """
    check_shares(valid, test)
    rng = np.random.default_rng(seed)
    labels = np.zeros(n, dtype=np.int64) if classes is None else classes
    order = rng.permutation(n)
    order = order[np.argsort(labels[order], kind="stable")]
    counts = np.unique(labels, return_counts=True)[1]
    ends = np.cumsum(counts)
    parts: list[list[Indices]] = [[], [], []]
    taken = np.zeros(2, dtype=np.int64)
    for rows, end in zip(np.split(order, ends[:-1]), ends, strict=True):
        # what rounding owes to earlier classes is paid by later ones
        owed = np.rint(np.array([valid, test]) * end).astype(np.int64) - taken
        n_valid = int(min(owed[0], len(rows) - 1))
        n_test = int(min(owed[1], len(rows) - 1 - n_valid))
        taken += (n_valid, n_test)
        cuts = np.split(rows, [n_valid, n_valid + n_test])
        for part, cut in zip((parts[1], parts[2], parts[0]), cuts, strict=True):
            part.append(cut)
    train, held, last = (np.sort(np.concatenate(part)) for part in parts)
    if not (len(train) and len(held) and (len(last) or test == 0)):
        raise ValueError(
            f"{n} sequences are too few to split into training, validation ({valid:g}) and test "
            f"({test:g}): {len(train)}, {len(held)} and {len(last)}; raise the shares"
            + ("" if classes is None else ", or give more of each class")
        )
    return train, held, last


def encode_labels(y: Any, n: int) -> tuple[Indices, tuple[Any, ...]]:
    """Number the labels 0, 1, … in sorted order and return them with the classes.

    Raises:
        TypeError: Labels of several types cannot be sorted.
        ValueError: There are more or fewer than sequences, one is missing or padding, or all are
            the same.
    """
    check_count(np.shape(y), n)
    # as objects: numpy would turn None and numbers beside strings into strings
    pandas_own = isinstance(y, pd.Series | pd.Index | list | tuple)
    labels = pd.Series(list(y if pandas_own else np.asarray(y)), dtype=object)
    missing = np.flatnonzero(labels.isna())
    if len(missing):
        raise ValueError(
            f"{len(missing)} of {n} labels are missing, the first at place {missing[0]}: leave "
            "those sequences out"
        )
    kinds = {_kind(label) for label in labels}
    if len(kinds) > 1:
        raise TypeError(f"labels must have one type, got {', '.join(sorted(kinds))}")
    if kinds == {"number"}:
        no_padding("labels", np.asarray(list(labels)))
    codes, types = pd.factorize(labels, sort=True)
    classes = tuple(label.item() if isinstance(label, np.generic) else label for label in types)
    if len(classes) < 2:
        raise ValueError(f"all {n} labels are {classes[0]!r}: give two or more classes")
    if len(classes) > _MANY_CLASSES and n < 3 * len(classes):
        remedy = "numbers are predicted with kind='regression'; " if kinds == {"number"} else ""
        raise ValueError(
            f"the labels take {len(classes)} different values among {n}, such as {classes[0]!r}: "
            f"{remedy}classes need three examples each"
        )
    return codes.astype(np.int64), classes


def _kind(label: Any) -> str:
    return "number" if isinstance(label, numbers.Number | np.bool_) else type(label).__name__


def check_count(shape: tuple[int, ...], n: int) -> None:
    """Raise ValueError unless labels are one per sequence."""
    if len(shape) == 2 and shape[0] == n:
        raise ValueError(
            f"labels have shape {shape}: give one per sequence, shape ({n},); of one-hot rows "
            "y.argmax(axis=1), or kind='regression' for several numbers per sequence"
        )
    if shape[:1] != (n,) or len(shape) != 1:
        raise ValueError(
            f"y has shape {shape}, but X holds {n} sequences: give one label per sequence, or one "
            "target per step in the shape of X"
        )
