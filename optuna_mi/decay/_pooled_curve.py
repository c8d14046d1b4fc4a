"""Pooled curves with baseline, floor and standard error."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi.decay._engine import PooledEngine
from optuna_mi.decay._pooled import LagEstimate
from optuna_mi.decay._position_spread import PositionSpread, position_errors
from optuna_mi.decay._sequences import Sequences
from optuna_mi.decay._surrogates import anchor_lags, null_model, rotated, shuffled
from optuna_mi.information._entropy import Estimator

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# a value this many standard deviations of order-free data above 0 is not noise
FLOOR_DEVIATIONS = 3.0


def pooled_curve(
    sequences: Sequences,
    lags: Ints,
    *,
    estimator: Estimator,
    baseline: str | None,
    n_surrogates: int,
    seed: int,
    n_threads: int,
    progress: bool,
) -> dict[str, Any]:
    """Return the columns of a DecayCurve over all pairs at a distance."""
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
    if baseline is None:
        return columns | {"std_error": first_order}
    rng = np.random.default_rng(seed)
    anchors = anchor_lags(lags, 16)
    if baseline == "shuffle":
        values, errors = [], []
        for _ in range(n_surrogates):
            surrogate = PooledEngine(shuffled(sequences, rng), estimator)
            found = surrogate.run(anchors, n_threads=n_threads)
            values.append(_column(found, "mi"))
            errors.append(_column(found, "std_error"))
        null = null_model(np.array(values), sequences.n_pairs(anchors), n_pairs)
        # the pointwise sums scatter without any dependence too: that part is in null.deviation
        overfit = np.interp(lags, anchors, np.mean(np.array(errors) ** 2, axis=0))
        first_order = np.sqrt(np.maximum(first_order**2 - overfit, 0.0))
        noise = null.deviation * np.sqrt(1.0 + 1.0 / null.n_replicates)
        return columns | {
            "baseline": null.mean,
            "std_error": np.hypot(first_order, noise),
            "floor": FLOOR_DEVIATIONS * noise,
        }
    base = []
    for _ in range(n_surrogates):
        later = rotated(sequences, rng)
        found = PooledEngine(sequences, estimator, later).run(
            lags, n_threads=n_threads, progress=progress, label="baseline"
        )
        base.append(found)
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
