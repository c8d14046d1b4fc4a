"""What is predicted where: sequences, blocks to hold out, folds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import one_of
from optuna_mi._pandas import is_frame
from optuna_mi.context._refine import LEFT_OUT, SCORED_ONLY
from optuna_mi.decay.measure.reading._panel import Panel, as_pandas, is_panel, read_panel
from optuna_mi.decay.measure.reading._read import flatten, flatten_vectors, panel_values
from optuna_mi.decay.measure.reading._real import check_finite
from optuna_mi.decay.measure.reading._sequences import encode

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Values = Literal["auto", "symbols", "real"]

#: Parts in which data are cut for the standard error, known to 7 % with 100 of them; every fifth is
#: held out in turn, so that four fifths train: the usual five folds.
N_BLOCKS, N_FOLDS = 100, 5
# Fewer than ten blocks leave a standard error that is itself a guess; blocks of fewer than five
# places are no sample. Choices: together they ask for 50 places, a year of weeks.
_FEWEST_BLOCKS, _SHORTEST = 10, 5
#: Places without which nothing can be held out.
FEWEST_PLACES = _FEWEST_BLOCKS * _SHORTEST
# A smaller budget is scored on so many places, which know a loss to a few thousandths of a nat.
_SCORED = 400_000
# Whole numbers of a panel are symbols if there are no more kinds than this (states, grades), else
# quantities. A choice.
_FEW_KINDS = 16


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
    if real or values == "real":
        if isinstance(x, str | bytes | bytearray):
            raise TypeError("values='real' needs numbers, got characters")
        return replace(_real(check_finite(raw), offsets, with_ids, names, notes), there=there)
    codes = encode(raw, offsets)
    if values == "auto" and codes.n_symbols > 256 and not _is_text(x):
        notes += (
            f"the {codes.n_symbols:,} kinds of integers are taken for symbols; if they are "
            "quantities, pass values='real'",
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
        part -= part.mean(axis=0)
        deviation = part.std(axis=0)
        flat += int(b > a and not deviation.any())
        part /= np.where(deviation > 0, deviation, 1.0)
    if flat:
        notes.append(f"{flat} of {len(pieces)} series are constant")
    if scaled.shape[1] > 1:
        scaled = _uncorrelated(scaled)
    return Data(scaled, offsets, None, is_panel, names, tuple(notes))


def _uncorrelated(values: Floats) -> Floats:
    """Rotate features so that they are uncorrelated and their information adds up."""
    power, axes = np.linalg.eigh(values.T @ values / len(values))
    some = power > 1e-9 * power.max()
    return np.asarray(values @ (axes[:, some] / np.sqrt(power[some])))


@dataclass(frozen=True)
class Places:
    """Steps t at which the value ``horizon`` ahead is asked for, in blocks.

    Attributes:
        at: Steps t, int64, increasing, shape (n,).
        block: Block of each, int64, shape (n,), 0 to ``n_blocks`` - 1.
        n_blocks: Number of blocks.
    """

    at: Ints
    block: Ints
    n_blocks: int

    def folds(self, n_train: int | None = None) -> npt.NDArray[np.uint8]:
        """Return the fold of every place; LEFT_OUT marks places that are left out.

        Args:
            n_train: Train on so many places, contiguous pieces of half the blocks, and score the
                other half; ``None``: train on all folds but one, in turn.
        """
        n_folds = min(N_FOLDS, self.n_blocks)
        if n_train is None:
            return (self.block % n_folds).astype(np.uint8)
        fold = np.full(self.at.size, SCORED_ONLY, dtype=np.uint8)
        fold[self._beyond(_SCORED)] = LEFT_OUT
        trained = np.flatnonzero(_trained_blocks(self.n_blocks))
        n_pieces = int(np.clip(n_train // 1000, 1, trained.size))
        chosen = trained[np.linspace(0, trained.size - 1, n_pieces).round().astype(int)]
        fold[np.isin(self.block, trained)] = LEFT_OUT
        left = n_train
        for i, b in enumerate(chosen):
            inside = np.flatnonzero(self.block == b)
            take = min(inside.size, -(-left // (n_pieces - i)))
            fold[inside[:take]] = 0
            left -= take
        if left > 0:
            # blocks differ in size: fill up from the rest
            spare = np.flatnonzero(fold == LEFT_OUT)[:left]
            fold[spare] = 0
        return fold

    def limited(self, most: int) -> Places:
        """Return the first places of every block, about ``most`` in all."""
        if self.at.size <= most:
            return self
        kept = ~self._beyond(most // 2)
        return Places(self.at[kept], self.block[kept], self.n_blocks)

    def _beyond(self, most: int) -> npt.NDArray[np.bool_]:
        """Return which places lie behind the first ones of their block, ``most`` in all."""
        first = np.searchsorted(self.block, np.arange(self.n_blocks))
        within = np.arange(self.at.size) - first[self.block]
        return np.asarray(within >= max(1, 2 * most // self.n_blocks))

    @property
    def most_trained(self) -> int:
        """The most places that `folds` can train on when it is given a number."""
        return int(_trained_blocks(self.n_blocks)[self.block].sum())


def _trained_blocks(n_blocks: int) -> npt.NDArray[np.bool_]:
    return np.asarray(np.arange(n_blocks) % 2 == 0)


def place(data: Data, horizons: Ints, lead: int = 0) -> Places:
    """Return the places of data, in blocks of whole sequences or of contiguous steps.

    Args:
        data: The sequences.
        horizons: How far ahead the values asked for lie; shape (H,).
        lead: Steps before t that must be there.

    Raises:
        ValueError: If too little is left to hold anything out.
    """
    horizon = int(horizons.max())
    starts, lengths = data.offsets[:-1], data.lengths
    room = np.maximum(lengths - horizon - lead, 0)
    longest = int(lengths.max())
    if longest <= horizon + lead:
        raise ValueError(
            f"horizon {horizon} reaches beyond the data, whose longest sequence has {longest} "
            "steps; take a shorter horizon"
            if longest <= horizon
            else f"{lead} steps of context and horizon {horizon} are more than the longest "
            f"sequence's {longest} steps; look less far back (max_context, candidates)"
        )
    at = np.concatenate(
        [
            np.arange(s + lead, s + lead + n, dtype=np.int64)
            for s, n in zip(starts, room, strict=True)
        ]
    )
    if data.there is not None:
        kept = np.logical_and.reduce([data.there[at + h] for h in horizons])
        room = np.bincount(np.repeat(np.arange(room.size), room)[kept], minlength=room.size)
        at = at[kept]
    total = at.size
    if total < FEWEST_PLACES:
        gaps = "" if data.there is None else " beside the gaps"
        raise ValueError(
            f"{total} steps have a past of {lead + 1} and a value {horizon} ahead{gaps}: too few "
            f"to hold any out; at least {FEWEST_PLACES} are needed. Bring longer data"
            + (", or look less far back (max_context, candidates)" if lead else "")
        )
    n_blocks = int(np.clip(total // (4 * _SHORTEST), _FEWEST_BLOCKS, N_BLOCKS))
    used = np.flatnonzero(room)
    if used.size >= n_blocks:
        # whole sequences: their last place decides the block
        ends = np.cumsum(room[used])
        of_sequence = ((ends - 1) * n_blocks) // total
        block = np.repeat(of_sequence, room[used])
    else:
        block = (np.arange(total, dtype=np.int64) * n_blocks) // total
    kinds, block = np.unique(block, return_inverse=True)
    return Places(at, block.astype(np.int64), int(kinds.size))
