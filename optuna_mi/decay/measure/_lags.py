"""Which distances to measure: all, those asked for, or some that stand for the others."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import as_array, whole
from optuna_mi.decay.measure._promising_lags import promising_lags
from optuna_mi.decay.measure.counting._dense import fft_cost
from optuna_mi.decay.measure.reading._sequences import Sequences

# Nanoseconds of counting that a default curve may take: two seconds, which a user waits for. A
# choice.
_AFFORDABLE = 2e9
# Nanoseconds, measured on one core: a pair counted in a table, one of a large vocabulary, a cell of
# a table evaluated; and the tables of a lag, 32 blocks and the 30 that evaluating them all takes.
_DENSE_PAIR, _SPARSE_PAIR, _CELL, _TABLES = 0.5, 3.0, 1.0, 62
# All lags by Fourier transforms may take so many times what a selection would: it leaves nothing
# out. A choice.
_DEARER = 3.0
# The 32 highest peaks of the cheap look are measured besides the highest between two selected lags.
# A choice.
_MOST_PEAKS = 32
# A selection holds all lags below 64 and 16 per octave from there on: near 64 they lie three apart.
# A choice.
_ALL_BELOW = 64
_PER_OCTAVE = 16
# Of ragged sequences, lags with fewer than 5 % of the pairs at lag 1 are no default: their noise is
# twenty times as large. A choice.
_LEAST_SHARE = 0.05
# Longest default distance of a long sequence, and of a short one (three years of days). Choices.
_LONGEST_DEFAULT, _SHORT_DEFAULT = 16_384, 1_200

Lags = Literal["all", "log"] | npt.ArrayLike | None


def log_lags(max_lag: int) -> npt.NDArray[np.int64]:
    """Return all lags below 64 and 16 per octave from there on, up to max_lag."""
    n = int(np.ceil(_PER_OCTAVE * np.log2(max(max_lag / _ALL_BELOW, 1.0)))) + 1
    far = np.geomspace(_ALL_BELOW, max(max_lag, _ALL_BELOW), n)
    lags = np.union1d(np.arange(1, min(_ALL_BELOW, max_lag + 1)), np.rint(far).astype(np.int64))
    return lags[lags <= max_lag].astype(np.int64)


def _nanoseconds(sequences: Sequences, n_lags: int) -> float:
    """Return what counting the pairs at so many lags takes."""
    cells = float(sequences.alphabet) ** 2 * _CELL * _TABLES
    pairs = sequences.n_total
    return n_lags * min(pairs * _DENSE_PAIR + cells, pairs * _SPARSE_PAIR)


def _default_lags(sequences: Sequences, last: int) -> npt.NDArray[np.int64]:
    """Return all lags where that takes seconds; else the first ones, and of the rest a selection.

    That is 16 per octave, and where a cheap look at all lags shows a peak: the highest between two
    of these, and the highest of all, with their neighbours.
    """
    every = np.arange(1, last + 1, dtype=np.int64)
    thinned = log_lags(last)
    cost = _nanoseconds(sequences, last)
    by_transform = fft_cost(sequences, last) + last * sequences.alphabet**2 * _CELL * _TABLES
    limit = max(_AFFORDABLE, _DEARER * _nanoseconds(sequences, thinned.size))
    if cost <= _AFFORDABLE or by_transform <= limit or (sequences.is_aligned and last <= 1024):
        return every
    near = int(np.clip(_AFFORDABLE / _nanoseconds(sequences, 1), _ALL_BELOW, last))
    peaks, height = promising_lags(sequences, last)
    far = peaks > near
    peaks, height = peaks[far], height[far]
    order = np.argsort(-height, kind="stable")
    _, first = np.unique(np.searchsorted(thinned, peaks[order]), return_index=True)
    chosen = peaks[order[np.union1d(first, np.arange(min(_MOST_PEAKS, order.size)))]]
    beside = (chosen[:, None] + np.array([-1, 0, 1])).ravel()
    lags = np.unique(np.concatenate((every[:near], thinned, beside)))
    return lags[lags <= last]


def choose_lags(sequences: Sequences, lags: Any, max_lag: int | None) -> npt.NDArray[np.int64]:
    """Return the lags to measure, increasing, int64.

    Raises:
        TypeError: If a lag is no integer.
        ValueError: If lags are out of range or not increasing, or no pair is left at one.
    """
    longest = sequences.longest
    if longest < 2:
        raise ValueError(
            f"all {sequences.n_sequences} sequences have length 1: there are no pairs. If the "
            "array is one sequence, pass it as 1-D (x.ravel())"
        )
    if max_lag is not None and whole("max_lag", max_lag, 1) >= longest:
        raise ValueError(
            f"max_lag must be below the longest sequence's length {longest}, got {max_lag}: "
            "there are no pairs further apart"
        )
    wanted = _wanted(sequences, lags, max_lag)
    if not sequences.has_gaps:
        return wanted
    wanted = wanted[sequences.n_pairs(wanted) > 0]
    if wanted.size == 0:
        raise ValueError(
            "the missing steps leave no pair at any of the lags: give other lags, or freq= for the "
            "step that the times keep"
        )
    return wanted


def _wanted(sequences: Sequences, lags: Any, max_lag: int | None) -> npt.NDArray[np.int64]:
    if lags is not None and not isinstance(lags, str):
        if max_lag is not None:
            raise ValueError("give lags or max_lag, not both")
        return _given(lags, sequences.longest)
    if lags not in (None, "all", "log"):
        raise ValueError(f"lags must be 'all', 'log', an array or None, got {lags!r}")
    last = int(max_lag) if max_lag is not None else _default_max_lag(sequences)
    if lags == "all":
        return np.arange(1, last + 1, dtype=np.int64)
    return log_lags(last) if lags == "log" else _default_lags(sequences, last)


def _default_max_lag(sequences: Sequences) -> int:
    longest = sequences.longest
    if sequences.is_aligned:
        return longest - 1
    if sequences.n_sequences == 1:
        # a year of months, or of ten years of days, needs three of them
        short = min(longest // 3, _SHORT_DEFAULT)
        return max(1, short, min(longest // 10, _LONGEST_DEFAULT))
    every = np.arange(1, min(longest - 1, _LONGEST_DEFAULT) + 1, dtype=np.int64)
    pairs = sequences.n_pairs(every)
    return int(every[pairs >= _LEAST_SHARE * pairs[0]][-1])


def _given(lags: npt.ArrayLike, longest: int) -> npt.NDArray[np.int64]:
    array = as_array("lags", lags)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"lags must be a non-empty 1-D array, got shape {array.shape}")
    if array.dtype.kind not in "iu":
        raise TypeError(f"lags must be integers, got dtype {array.dtype}")
    steps = np.diff(array.astype(np.int64))
    if (steps <= 0).any():
        at = int(np.flatnonzero(steps <= 0)[0])
        raise ValueError(f"lags must be increasing, got {array[at + 1]} after {array[at]}")
    if array[0] < 1 or array[-1] >= longest:
        raise ValueError(
            f"lags must lie in 1..{longest - 1} (the longest sequence has length {longest}), got "
            f"{array[0]}..{array[-1]}"
        )
    return array.astype(np.int64)
