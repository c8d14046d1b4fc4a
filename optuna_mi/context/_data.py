"""What a user brought, as symbols or as real values of variance 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import one_of
from optuna_mi._pandas import is_frame
from optuna_mi.decay.measure.reading._panel import Panel, as_pandas, is_panel, read_panel
from optuna_mi.decay.measure.reading._read import flatten, flatten_vectors, panel_values
from optuna_mi.decay.measure.reading._real import are_quantities, check_finite
from optuna_mi.decay.measure.reading._sequences import encode

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Values = Literal["auto", "symbols", "real"]

# Whole numbers of a panel are symbols if there are no more kinds than this (states, grades), else
# quantities. A choice.
_FEW_KINDS = 16
# Of more kinds of whole numbers than there are letters a reader is told that they are symbols.
_MANY_KINDS = 32
# A value with half of the variance is an outlier that a reader should know. Series of ten values or
# more are not the same by chance, unless they are constant. Choices.
_MOST_OF_IT, _NO_CHANCE = 0.5, 10


@dataclass(frozen=True)
class Data:
    """What a user brought, as codes or as real values.

    Attributes:
        values: Codes, shape (N,), or float64, shape (N, features).
        offsets: First index of every sequence and N, int64, shape (n + 1,).
        n_symbols: Size of the alphabet; ``None`` for real values.
        is_panel: Whether sequences are series, each with a level and scale of its own.
        names: Names of the series of a panel, in the order of the sequences.
        notes: What a reader should know.
        there: Whether a step has a value of its own, bool, shape (N,). A step without one repeats
            the last value before it and is never predicted. ``None``: all have one.
    """

    values: npt.NDArray[Any]
    offsets: Ints
    n_symbols: int | None
    is_panel: bool = False
    names: tuple[Any, ...] | None = None
    notes: tuple[str, ...] = ()
    there: npt.NDArray[np.bool_] | None = None

    @property
    def lengths(self) -> Ints:
        """Length of every sequence."""
        return np.diff(self.offsets)

    @property
    def is_real(self) -> bool:
        """Whether the values are quantities."""
        return self.n_symbols is None


def read(x: Any, values: Values = "auto") -> Data:
    """Read whatever `optuna_mi.decay_curve` reads, and arrays (sequences, steps, features).

    Raises:
        TypeError: If it is none of these.
        ValueError: If it is empty or constant, or holds NaN or infinity.
    """
    one_of("values", values, ("auto", "symbols", "real"))
    x = as_pandas(x)
    names: tuple[Any, ...] | None = None
    notes: tuple[str, ...] = ()
    there: npt.NDArray[np.bool_] | None = None
    with_ids = is_panel(x)
    if with_ids:
        raw, offsets, there, notes = _panel(read_panel(x))
        names = tuple(np.unique(x["unique_id"]))
    else:
        raw, offsets = flatten(x) if is_frame(x) else flatten_vectors(x)
    if raw.size == 0:
        raise ValueError("there are no values: the input is empty, give at least two")
    real = raw.dtype.kind == "f" or raw.ndim == 2
    if values == "symbols" and real:
        whole = raw.ndim == 1 and np.isfinite(raw).all() and (raw % 1 == 0).all()
        if not whole:
            raise TypeError(
                "values='symbols' needs integers or characters, got real values; cut them into "
                "bins first (numpy.digitize), or take values='real'"
            )
        raw, real = raw.astype(np.int64), False
    if values == "auto" and with_ids and not real:
        # what a panel holds is a quantity, unless it has a few levels only
        import pandas as pd

        real = np.unique(raw).size > _FEW_KINDS and pd.api.types.is_numeric_dtype(x["y"].dtype)
    if values == "auto" and not with_ids and not real and are_quantities(raw, offsets):
        real = True
        notes += (
            "whole numbers with many values, near each other at small distances, are taken for "
            "real; values='symbols' counts each as a symbol",
        )
    if real or values == "real":
        if isinstance(x, str | bytes | bytearray):
            raise TypeError("values='real' needs numbers, got characters")
        return replace(_real(check_finite(raw), offsets, with_ids, names, notes), there=there)
    codes = encode(raw, offsets)
    names_or_not = raw.dtype.kind == "i" and raw.dtype.itemsize > 1 and not _is_text(x)
    if values == "auto" and names_or_not and codes.n_symbols > _MANY_KINDS:
        notes += (
            f"the {codes.n_symbols:,} kinds of integers are taken for symbols; if they are "
            "quantities, pass values='real' (in a command --values real)",
        )
    return Data(codes.codes, offsets, codes.alphabet, with_ids, names, notes, there)


def _panel(
    panel: Panel,
) -> tuple[npt.NDArray[Any], Ints, npt.NDArray[np.bool_] | None, tuple[str, ...]]:
    """Return values at the steps of the series' clocks, offsets, which are there, and notes.

    A step without a value repeats the last one before it: what a forecaster would know there.
    """
    raw = panel_values(panel)
    notes = [panel.irregular_note] if panel.n_irregular else []
    if not panel.n_missing:
        return raw, panel.offsets, None, tuple(notes)
    row, offsets = panel.on_the_clock(np.arange(raw.size), -1)
    notes.append(
        f"{panel.n_missing:,} steps of {panel.n_with_gaps:,} of {offsets.size - 1:,} series have "
        "no value: they repeat the last one before them, and are never asked for"
    )
    return raw[np.maximum.accumulate(row)], offsets, row >= 0, tuple(notes)


def _is_text(x: Any) -> bool:
    return isinstance(x, str) or (isinstance(x, list) and bool(x) and isinstance(x[0], str))


def _real(
    values: Floats,
    offsets: Ints,
    is_panel: bool,
    names: tuple[Any, ...] | None,
    told: tuple[str, ...],
) -> Data:
    columns = values.reshape(len(values), -1)
    notes = list(told)
    spread = np.ptp(columns, axis=0)
    if not spread.any():
        raise ValueError(
            f"all {len(columns):,} values are the same ({columns[0, 0]:g}): there is nothing to "
            "predict"
        )
    if not spread.all():
        notes.append(f"{int((spread == 0).sum())} constant features are left out")
        columns = columns[:, spread > 0]
    scaled = np.array(columns, dtype=np.float64)
    pieces = list(pairwise(offsets)) if is_panel else [(0, len(scaled))]
    flat = 0
    for a, b in pieces:
        part = scaled[a:b]
        # squares of very large or small values lie beyond what a float holds
        largest = np.abs(part).max(axis=0, initial=0.0)
        part /= np.where(largest > 0, largest, 1.0)
        part -= part.mean(axis=0)
        deviation = part.std(axis=0)
        flat += int(b > a and not deviation.any())
        part /= np.where(deviation > 0, deviation, 1.0)
    if flat:
        notes.append(f"{flat} of {len(pieces)} series are constant")
    notes.extend(_outlier(columns, scaled))
    if scaled.shape[1] > 1:
        scaled = _uncorrelated(scaled)
    return Data(scaled, offsets, None, is_panel, names, tuple(notes))


def _outlier(values: Floats, scaled: Floats) -> list[str]:
    """Tell of a value that has most of the variance."""
    step, feature = np.unravel_index(int(np.abs(scaled).argmax()), scaled.shape)
    share = float(scaled[step, feature] ** 2 / (scaled[:, feature] ** 2).sum())
    if share < _MOST_OF_IT:
        return []
    return [
        f"one value, {values[step, feature]:.4g} at place {step:,}, has {share:.0%} of the "
        "variance and decides every squared error: clip it, or take it out"
    ]


def without_copies(data: Data) -> Data:
    """Leave out series of real values that repeat another one.

    What is learnt from one of them would be held out in the other.
    """
    if not data.is_real or data.lengths.size < 2:
        return data
    first: dict[bytes, int] = {}
    for i, (a, b) in enumerate(pairwise(data.offsets)):
        part = data.values[a:b]
        key = part.tobytes() if b - a >= _NO_CHANCE and np.ptp(part, axis=0).any() else b"%d" % i
        first.setdefault(key, i)
    if len(first) == data.lengths.size:
        return data
    kept = np.array(sorted(first.values()))
    index = np.concatenate([np.arange(data.offsets[i], data.offsets[i + 1]) for i in kept])
    n_left_out = data.lengths.size - kept.size
    return replace(
        data,
        values=data.values[index],
        offsets=np.concatenate(([0], np.cumsum(data.lengths[kept]))),
        names=None if data.names is None else tuple(data.names[i] for i in kept),
        there=None if data.there is None else data.there[index],
        notes=(
            *data.notes,
            f"{n_left_out:,} of {data.lengths.size:,} series repeat another one and are left out",
        ),
    )


def _uncorrelated(values: Floats) -> Floats:
    """Rotate features so that they are uncorrelated and their information adds up."""
    power, axes = np.linalg.eigh(values.T @ values / len(values))
    # what is left of features that repeat one another is rounding
    some = power > 1e-9 * power.max()
    return np.asarray(values @ (axes[:, some] / np.sqrt(power[some])))
