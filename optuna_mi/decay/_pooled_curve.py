"""Pooled curves with baseline, floor and standard error."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, norm

from optuna_mi.decay._engine import PooledEngine
from optuna_mi.decay._pooled import LagEstimate
from optuna_mi.decay._position_spread import PositionSpread, position_errors
from optuna_mi.decay._sequences import Sequences
from optuna_mi.decay._settings import Settings
from optuna_mi.decay._surrogates import (
    anchor_lags,
    block_shuffled,
    memory_width,
    null_model,
    rotated,
    shuffled,
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# a value this many standard deviations of order-free data above 0 is not noise
FLOOR_DEVIATIONS = 3.0
_FEWEST_BLOCKS = 20


def floor_factor(dof: Floats) -> Floats:
    """Return how many deviations noise exceeds as rarely as a normal variable exceeds three.

    The MI of independent data is a chi-square variable of (K - 1)**2 degrees of freedom: for few
    symbols it is skewed, and three deviations are not rare.
    """
    tail = norm.sf(FLOOR_DEVIATIONS)
    k = np.maximum(dof, 1.0)
    factor: Floats = (chi2.isf(tail, k) - k) / np.sqrt(2.0 * k)
    return factor


def pooled_curve(
    sequences: Sequences, lags: Ints, settings: Settings, memory: int | None = None
) -> dict[str, Any]:
    """Return the columns of a DecayCurve over all pairs at a distance.

    memory is the width of blocks that keep a sequence's memory; it is measured if the lags start
    at the first one, and must be given if they do not.
    """
    estimator, n_threads = settings.estimator, settings.n_threads
    progress, n_surrogates = settings.progress, settings.n_surrogates
    engine = PooledEngine(sequences, estimator)
    raw = engine.run(lags, n_threads=n_threads, progress=progress, label="decay curve")
    n_pairs = sequences.n_pairs(lags)
    columns: dict[str, Any] = {
        "mi": _column(raw, "mi"),
        "entropy_x": _column(raw, "h_x"),
        "entropy_y": _column(raw, "h_y"),
        "entropy_xy": _column(raw, "h_xy"),
        "n_pairs": n_pairs,
        "method": engine.method,
    }
    first_order = _column(raw, "std_error")
    spread = PositionSpread(sequences, lags) if sequences.steps is not None else None
    if spread is not None:
        first_order = np.hypot(first_order, position_errors(spread))
    if settings.baseline is None:
        return columns | {"std_error": first_order}
    rng = np.random.default_rng(settings.seed)
    anchors = anchor_lags(lags, 16)
    if settings.baseline == "shuffle":
        found: list[list[LagEstimate]] = []
        for _ in range(n_surrogates):
            surrogate = PooledEngine(shuffled(sequences, rng), estimator)
            found.append(surrogate.run(anchors, n_threads=n_threads))
        anchor_pairs = sequences.n_pairs(anchors)
        null, plugin = (
            null_model(np.array([_column(f, name) for f in found]), anchor_pairs, n_pairs)
            for name in ("mi", "plugin")
        )
        # order-free data scatter too, but that is in null.deviation: only the share of the
        # pointwise information that is more than noise has an error of first order
        share = np.clip(1.0 - plugin.mean / np.maximum(_column(raw, "plugin"), 1e-300), 0.0, 1.0)
        noise = null.deviation * np.sqrt(1.0 + 1.0 / null.n_replicates)
        excess = np.zeros(lags.size)
        corrected = _column(raw, "mi") - null.mean
        factor = floor_factor(_column(raw, "dof"))
        width = memory
        if width is None:
            depends = corrected[0] > factor[0] * noise[0]
            width = memory_width(lags, corrected) if depends else 1
        # few blocks meet themselves: then the surrogate holds the very dependence it should lack
        width = min(width, max(sequences.n_total // _FEWEST_BLOCKS, 1))
        if width > 1:
            # a sequence with memory has fewer independent pairs than a shuffled one
            found = []
            for _ in range(n_surrogates):
                later = block_shuffled(sequences, width, rng)
                surrogate = PooledEngine(sequences, estimator, later)
                found.append(surrogate.run(anchors, n_threads=n_threads))
            alike = null_model(np.array([_column(f, "mi") for f in found]), anchor_pairs, n_pairs)
            noise = np.maximum(noise, alike.deviation * np.sqrt(1.0 + 1.0 / alike.n_replicates))
            excess = np.maximum(alike.mean - null.mean, 0.0)
        return columns | {
            "baseline": null.mean,
            "std_error": np.hypot(np.hypot(share * first_order, noise), excess),
            "floor": excess + factor * noise,
            "floor_shared": excess,
            "memory": width,
        }
    base: list[list[LagEstimate]] = []
    for _ in range(n_surrogates):
        later = rotated(sequences, rng)
        aligned = PooledEngine(sequences, estimator, later)
        base.append(aligned.run(lags, n_threads=n_threads, progress=progress, label="baseline"))
    level = np.mean([_column(b, "mi") for b in base], axis=0)
    base_error = np.sqrt(np.mean([_column(b, "std_error") ** 2 for b in base], axis=0))
    noise = base_error * np.sqrt(1.0 + 1.0 / n_surrogates)
    return columns | {
        "baseline": level,
        "std_error": np.hypot(first_order, base_error / np.sqrt(n_surrogates)),
        "floor": FLOOR_DEVIATIONS * noise,
    }


def _column(estimates: list[LagEstimate], name: str) -> Floats:
    return np.array([getattr(e, name) for e in estimates])
