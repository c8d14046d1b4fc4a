"""Which distances to measure."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import as_array, whole
from optuna_mi.decay.measure._sequences import Sequences

# pairs beyond which a default curve is thinned to log-spaced lags: some seconds of counting
_AFFORDABLE = 4_000_000_000
_ALL_BELOW = 64
_PER_OCTAVE = 16
# a lag at which fewer than this share of the pairs at lag 1 is left is not a default
_LEAST_SHARE = 0.05
_LONGEST_DEFAULT, _SHORT_DEFAULT = 16_384, 1_200

Lags = Literal["all", "log"] | npt.ArrayLike | None


def log_lags(max_lag: int) -> npt.NDArray[np.int64]:
    """Return all lags below 64 and 16 an octave from there on, up to max_lag."""
    n = int(np.ceil(_PER_OCTAVE * np.log2(max(max_lag / _ALL_BELOW, 1.0)))) + 1
    far = np.geomspace(_ALL_BELOW, max(max_lag, _ALL_BELOW), n)
    lags = np.union1d(np.arange(1, min(_ALL_BELOW, max_lag + 1)), np.rint(far).astype(np.int64))
    return lags[lags <= max_lag].astype(np.int64)


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
    if lags is not None and not isinstance(lags, str):
        if max_lag is not None:
            raise ValueError("give lags or max_lag, not both")
        return _given(lags, longest)
    if lags not in (None, "all", "log"):
        raise ValueError(f"lags must be 'all', 'log', an array or None, got {lags!r}")
    last = int(max_lag) if max_lag is not None else _default_max_lag(sequences)
    every = np.arange(1, last + 1, dtype=np.int64)
    if lags == "all":
        return every
    if lags == "log":
        return log_lags(last)
    aligned_and_short = sequences.is_aligned and last <= 1024
    cheap = int(sequences.n_pairs(every).sum()) <= _AFFORDABLE
    return every if cheap or aligned_and_short else log_lags(last)


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
