"""Steps whose value is not known: a stand-in is read there, and neither predicted nor measured."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.measure.reading._panel import Panel

Bools = npt.NDArray[np.bool_]


def read_known(known: Any, lengths: list[int]) -> list[Bools]:
    """Return which steps of every sequence are known, bool (steps,) each.

    Raises:
        TypeError: They are no booleans.
        ValueError: There are more or fewer than steps.
    """
    if len(lengths) == 1 and len(known) == lengths[0] > 1:
        known = [known]
    parts = [np.asarray(part) for part in known]
    kinds = {str(part.dtype) for part in parts} - {"bool"}
    if kinds:
        raise TypeError(f"known must hold booleans, got {', '.join(sorted(kinds))}: as ~isnan(X)")
    shapes = [part.shape for part in parts]
    if shapes != [(n,) for n in lengths]:
        raise ValueError(
            "known must have a value for every step of X, the shape of its first two axes; got "
            f"shapes {shapes[:3]} for {len(lengths)} sequences of {lengths[:3]} steps"
        )
    return parts


def filled(panel: Panel) -> tuple[Panel, Bools]:
    """Return a panel with a row for every step, a copy of the last one where there was none.

    Nothing is taken from later rows: between two values a line would tell a network the next one.

    Returns:
        The panel, and which of its rows were there.
    """
    numbers, offsets = panel.on_the_clock(np.arange(len(panel.rows)), -1)
    there = numbers >= 0
    # every series begins with a row, so no value goes from one into the next
    rows = panel.rows.iloc[np.maximum.accumulate(numbers)]
    return dataclasses.replace(panel, rows=rows, offsets=offsets, n_missing=0), there


def next_are_known(known: Bools, horizon: int) -> Bools:
    """Return at which steps all of the next ``horizon`` are known; False behind the end."""
    behind = np.concatenate([known, np.zeros(horizon, dtype=bool)])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(behind[1:], horizon).all(axis=1))


def naive_errors(values: npt.NDArray[Any], known: Bools, season: int) -> npt.NDArray[Any]:
    """Return the mean absolute error of the value ``season`` steps before, of known pairs."""
    pairs = known[season:] & known[:-season]
    if not pairs.any():
        return np.zeros(values.shape[1])
    return np.asarray(np.abs(values[season:] - values[:-season])[pairs].mean(axis=0))
