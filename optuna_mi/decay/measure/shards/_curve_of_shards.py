"""The decay curve of data that come in parts: folders, iterators, Dask's bags and arrays."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay.measure.shards._alphabet import Alphabet
from optuna_mi.decay.measure.shards._count_dask import count_dask
from optuna_mi.decay.measure.shards._count_iterator import count_iterator
from optuna_mi.decay.measure.shards._count_shards import count_shards
from optuna_mi.decay.measure.shards._curve_of_counts import curve_of_counts
from optuna_mi.decay.measure.shards._decay_counts import DecayCounts
from optuna_mi.decay.measure.shards._shards import Shards

# what counts of shards cannot do, the values that do not ask for it, and the remedy
_REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "values": (
        ("auto", "symbols"),
        "cut real values into bins yourself, in all shards alike (np.searchsorted(edges, x)); "
        "nearest neighbours need all values at once: pass a sample as one array",
    ),
    "positions": (
        ("auto", "pooled"),
        "positions are kept apart of an array in memory only: pass a sample as one array, or "
        "positions='pooled'",
    ),
    "baseline": (
        ("auto", "shuffle", None),
        "it needs all sequences at once: pass a sample as a list, or baseline='shuffle'",
    ),
    "early_stop": (
        (False,),
        "many lags are counted at once: give those you want, or max_lag",
    ),
    "checkpoint": (
        (None,),
        "count the shards by DecayCounts.of, keep each result (pickle.dump) and merge them",
    ),
    "difference": ((0,), "difference the series before they are cut into bins"),
    "detrend": ((False,), "take the line from the series before they are cut into bins"),
    "freq": ((None,), "a panel is one DataFrame: pass it whole"),
}


def is_in_parts(x: Any) -> bool:
    """Return whether data are shards rather than one object in memory."""
    if isinstance(x, Shards | Iterator) or (isinstance(x, Path) and x.is_dir()):
        return True
    return type(x).__module__.partition(".")[0] == "dask"


def curve_of_shards(
    x: Any,
    *,
    symbols: Any,
    max_lag: int | None,
    lags: Any,
    boundary: str,
    n_threads: int,
    progress: bool,
    refused: dict[str, Any],
    **to_curve: Any,
) -> DecayCurve:
    """Return the curve of data for which `is_in_parts` is true; arguments as of `decay_curve`.

    Raises:
        ValueError: If a setting asks for what counts of shards cannot do.
    """
    for name, value in refused.items():
        possible, remedy = _REFUSED[name]
        if value not in possible:
            raise ValueError(f"shards cannot be measured with {name}={value!r}: {remedy}")
    alphabet = None if symbols is None else Alphabet.of_user(symbols)
    joined = boundary == "concatenate"
    if isinstance(x, Path):
        x = Shards.from_folder(os.fspath(x))
    pooled = refused["positions"] == "pooled"
    passes: Iterable[DecayCounts]
    if isinstance(x, Iterator):
        passes = [count_iterator(x, alphabet, lags, max_lag, joined=joined, n_threads=n_threads)]
    elif isinstance(x, Shards):
        passes = count_shards(
            x, alphabet, lags, max_lag, joined=joined, n_threads=n_threads, progress=progress
        )
    else:
        passes = count_dask(x, alphabet, lags, max_lag, joined=joined, pooled=pooled)
    curve = curve_of_counts(passes, n_threads=n_threads, pooling_is_asked=pooled, **to_curve)
    return replace(curve, boundary=boundary)
