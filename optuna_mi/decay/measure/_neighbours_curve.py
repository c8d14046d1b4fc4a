"""Curves of real values by nearest neighbours, a sample of pairs a lag."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.measure._engine import parallel
from optuna_mi.decay.measure._noise import noise_floor
from optuna_mi.information import mutual_info_ksg

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def ksg_curve(
    values: Floats,
    offsets: Ints,
    lags: Ints,
    *,
    k: int,
    n_samples: int,
    n_surrogates: int,
    seed: int,
    n_threads: int,
    progress: bool,
) -> dict[str, Any]:
    """Return the columns of a DecayCurve of real values, shape (N,) or (N, features).

    At every lag n_samples pairs are drawn, of which those with a NaN are left out; the baseline
    pairs the same values at random.
    """
    lengths = np.diff(offsets)
    there = ~np.isnan(values if values.ndim == 1 else values.sum(axis=1))
    scale = values[there].std(axis=0)
    # a scale common to all features keeps no unit from ruling the neighbourhoods
    standard = (values - values[there].mean(axis=0)) / np.where(scale > 0, scale, 1.0)

    def estimate(lag: int) -> tuple[float, float, Floats, int]:
        rng = np.random.default_rng([seed, lag])
        starts = _draw(offsets, lengths, lag, n_samples, rng)
        starts = starts[there[starts] & there[starts + lag]]
        x, y = standard[starts], standard[starts + lag]
        found = mutual_info_ksg(x, y, k=k, standardize=False)
        null = [
            mutual_info_ksg(x, y[rng.permutation(len(y))], k=k, standardize=False).value
            for _ in range(n_surrogates)
        ]
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
        "method": f"{k} nearest neighbours among up to {n_samples:,} pairs a lag",
    }
    error = np.array([f[1] for f in found])
    if n_surrogates == 0:
        return columns | {"std_error": error}
    null = np.array([f[2] for f in found])
    # order-free pairs know no lag: all surrogates are replicates
    noise = float(null.std(ddof=1)) if null.size > 1 else float(abs(null.mean()))
    noise *= float(np.sqrt(1.0 + 1.0 / null.size))
    return columns | {
        "baseline": np.full(lags.size, null.mean()),
        "std_error": np.hypot(error, noise),
        "floor": noise_floor(np.full(lags.size, noise)),
    }


def _draw(offsets: Ints, lengths: Ints, lag: int, n: int, rng: np.random.Generator) -> Ints:
    """Return first places of n pairs, or of all if there are fewer."""
    free = np.maximum(lengths - lag, 0)
    total = int(free.sum())
    rank = np.arange(total) if total <= n else np.sort(rng.choice(total, n, replace=False))
    ends = np.cumsum(free)
    s = np.searchsorted(ends, rank, side="right")
    starts: Ints = offsets[s] + rank - (ends[s] - free[s])
    return starts
