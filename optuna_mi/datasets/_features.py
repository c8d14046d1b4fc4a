"""Sequences of several features: each is measured by itself, and they are learnt together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from optuna_mi.datasets._reading import FileContents, Reading, count_of


def of_features(
    parts: list[NDArray[Any]], reading: Reading, *, what: str = "feature", said: str = ""
) -> FileContents:
    """Return sequences of one feature or of several.

    Args:
        parts: Arrays (steps, features).
        reading: What the user said; ``column`` chooses a feature.
        what: What a feature is called.
        said: What else is said of the sequences.

    Raises:
        ValueError: There is no such feature.
    """
    n_features = parts[0].shape[1]
    lengths = sorted({len(part) for part in parts})
    steps = f"{lengths[0]:,}" if len(lengths) == 1 else f"{lengths[0]:,} to {lengths[-1]:,}"
    description = f"{count_of(len(parts), 'sequence')} of {steps} steps{said}"
    if n_features > 1:
        description += f" and {n_features} {what}s"
    if reading.column is not None:
        if not (reading.column.isdigit() and int(reading.column) < n_features):
            raise ValueError(
                f"there is no {what} {reading.column!r}: choose one of 0 to {n_features - 1}"
            )
        parts = [part[:, [int(reading.column)]] for part in parts]
        description += f"; {what} {reading.column} alone"
    elif n_features > 1:
        description += ", each measured by itself"
    notes: tuple[str, ...] = ()
    if n_features > lengths[-1]:
        notes = (
            f"more {what}s than steps: arrays are (sequences, steps, features); transpose those of "
            "(cases, channels, steps)",
        )
    series: Any = [column for part in parts for column in part.T]
    if len(series) == 1:
        series = series[0]
    elif len(lengths) == 1:
        series = np.stack(series)
    several = parts[0].shape[1] > 1
    return FileContents(series, description, notes, parts=parts if several else None)
