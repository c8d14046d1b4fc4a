"""Curves of real values by nearest neighbours, a sample of pairs per lag."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._threads import parallel
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay._floor import noise_floor
from optuna_mi.decay.measure._lags import choose_lags
from optuna_mi.decay.measure.noise._composition import plateau_note
from optuna_mi.decay.measure.reading._real import rank_correlation
from optuna_mi.decay.measure.reading._sequences import Sequences
from optuna_mi.decay.measure.reading._values import Series
from optuna_mi.information import mutual_info_ksg

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# The share of composition hardly depends on the lag: four lags show it. A choice.
_FEW_LAGS = 4


def curve_by_neighbours(
    series: Series, *, lags: Any, max_lag: int | None, **settings: Any
) -> DecayCurve:
    """Return the curve of real values; settings are those of `_columns`, each aside.

    Raises:
        TypeError: If a lag is no integer.
        ValueError: If the lags make no sense.
    """
    values, offsets = series.values, series.offsets
    settings["each"] = series.panel is not None
    # what the lags depend on: lengths, no symbols
    shape = Sequences(np.broadcast_to(np.uint8(0), len(values)), offsets, 1, 1)
    wanted = choose_lags(shape, lags, max_lag)
    columns = _columns(values, offsets, wanted, **settings)
    method, notes = None, series.notes
    if "baseline" in columns:
        method = "within" if settings["within"] else "shuffle"
    if method == "shuffle":
        notes += _composition_note(values, offsets, wanted, columns, **settings)
    if values.ndim == 1:
        columns["correlation"] = rank_correlation(values, offsets, wanted)
    return DecayCurve(
        lags=wanted,
        **columns,
        sequence_length=shape.longest,
        n_sequences=shape.n_sequences,
        n_total=shape.n_total,
        estimator="ksg",
        boundary="within",
        positions="pooled",
        baseline_method=method,
        seed=settings["seed"],
        notes=notes + shape.notes_about_short_ones(int(wanted[-1])),
    )


def _columns(
    values: Floats,
    offsets: Ints,
    lags: Ints,
    *,
    each: bool,
    within: bool,
    k: int,
    n_samples: int,
    n_surrogates: int,
    seed: int,
    n_threads: int,
    progress: bool,
) -> dict[str, Any]:
    """Return the columns of a DecayCurve of real values.

    At every lag n_samples pairs are drawn, of which those with a NaN are left out; the baseline
    pairs the same values at random.

    Args:
        values: Shape (N,) or (N, features).
        offsets: The sequences' first indices and N.
        lags: Distances.
        each: Whether each sequence has a level and a scale of its own.
        within: Whether the baseline pairs values of the same sequence only.
        k: Nearest neighbours.
        n_samples: Pairs at a lag.
        n_surrogates: Random pairings at a lag.
        seed: Seed of samples and pairings.
        n_threads: Threads.
        progress: Whether to show a progress bar.
    """
    lengths = np.diff(offsets)
    there = ~np.isnan(values if values.ndim == 1 else values.sum(axis=1))
    parts = list(pairwise(offsets)) if each else [(0, len(values))]
    standard = np.concatenate([_standardized(values[a:b], there[a:b]) for a, b in parts])
    of_sequence = np.repeat(np.arange(lengths.size), lengths)

    def estimate(lag: int) -> tuple[float, float, Floats, int]:
        rng = np.random.default_rng([seed, lag])
        starts = _draw(offsets, lengths, lag, n_samples, rng)
        starts = starts[there[starts] & there[starts + lag]]
        x, y = standard[starts], standard[starts + lag]
        found = mutual_info_ksg(x, y, k=k, standardize=False)
        null = []
        for _ in range(n_surrogates):
            order = rng.permutation(len(y))
            if within:
                # the pairs lie sequence by sequence
                order = order[np.argsort(of_sequence[starts][order], kind="stable")]
            null.append(mutual_info_ksg(x, y[order], k=k, standardize=False).value)
        return found.value, found.standard_error or 0.0, np.array(null), len(x)

    found = parallel(
        estimate,
        [int(lag) for lag in lags],
        n_threads=n_threads,
        progress=progress,
        label="decay curve",
    )
    columns: dict[str, Any] = {
        "mi": np.array([f[0] for f in found]),
        "n_pairs": np.array([f[3] for f in found]),
        "method": f"{k} nearest neighbours among up to {n_samples:,} pairs per lag",
    }
    error = np.array([f[1] for f in found])
    if n_surrogates == 0:
        return columns | {"std_error": error}
    null = np.array([f[2] for f in found])
    # randomly paired values know no lag: all surrogates are replicates
    noise = float(null.std(ddof=1)) if null.size > 1 else float(abs(null.mean()))
    noise *= float(np.sqrt(1.0 + 1.0 / null.size))
    return columns | {
        "baseline": np.full(lags.size, null.mean()),
        "std_error": np.hypot(error, noise),
        "floor": noise_floor(np.full(lags.size, noise)),
    }


def _composition_note(
    values: Floats, offsets: Ints, lags: Ints, columns: dict[str, Any], **settings: Any
) -> tuple[str, ...]:
    """Return a remark if sequences of different levels are most of a curve at long distances."""
    level = float(np.median(columns["mi"] - columns["baseline"]))
    if offsets.size < 3 or settings["each"] or level <= columns["floor"][0]:
        return ()
    at = lags[np.unique(np.linspace(0, lags.size - 1, _FEW_LAGS).astype(np.int64))]
    inside = _columns(values, offsets, at, **(settings | {"within": True, "progress": False}))
    left = float(inside["baseline"][0] - columns["baseline"][0])
    return (plateau_note(left, level),) if left > max(0.5 * level, columns["floor"][0]) else ()


def _standardized(values: Floats, there: npt.NDArray[np.bool_]) -> Floats:
    """Return values of mean 0 and deviation 1 in every feature."""
    if not there.any():
        return values
    scale = values[there].std(axis=0)
    # a scale common to all features keeps no unit from ruling the neighbourhoods
    return np.asarray((values - values[there].mean(axis=0)) / np.where(scale > 0, scale, 1.0))


def _draw(offsets: Ints, lengths: Ints, lag: int, n: int, rng: np.random.Generator) -> Ints:
    """Return first places of n pairs, or of all if there are fewer."""
    free = np.maximum(lengths - lag, 0)
    total = int(free.sum())
    rank = np.arange(total) if total <= n else np.sort(rng.choice(total, n, replace=False))
    ends = np.cumsum(free)
    s = np.searchsorted(ends, rank, side="right")
    starts: Ints = offsets[s] + rank - (ends[s] - free[s])
    return starts
