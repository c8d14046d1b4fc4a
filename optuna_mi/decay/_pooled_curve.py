"""Pooled curves with baseline, floor and standard error."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi.decay._engine import PooledEngine
from optuna_mi.decay._pooled import LagEstimate
from optuna_mi.decay._position_spread import PositionSpread, position_errors
from optuna_mi.decay._sequences import Sequences
from optuna_mi.decay._settings import Settings
from optuna_mi.decay._shuffle_noise import FLOOR_DEVIATIONS, shuffle_noise
from optuna_mi.decay._surrogates import rotated

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def pooled_curve(
    sequences: Sequences, lags: Ints, settings: Settings, memory: int | None = None
) -> dict[str, Any]:
    """Return the columns of a DecayCurve over all pairs at a distance.

    memory is the width of blocks that keep a sequence's memory; it is measured if the lags start
    at the first one, and must be given if they do not.
    """
    engine = PooledEngine(sequences, settings.estimator)
    raw = engine.run(
        lags, n_threads=settings.n_threads, progress=settings.progress, label="decay curve"
    )
    columns: dict[str, Any] = {
        "mi": _column(raw, "mi"),
        "entropy_x": _column(raw, "h_x"),
        "entropy_y": _column(raw, "h_y"),
        "entropy_xy": _column(raw, "h_xy"),
        "n_pairs": sequences.n_pairs(lags),
        "method": engine.method,
    }
    first_order = _column(raw, "std_error")
    if settings.baseline == "shuffle":
        noise = shuffle_noise(sequences, lags, raw, settings, memory)
        # order-free data scatter too, but that is in noise.deviation: only the share of the
        # pointwise information that is more than noise has an error of first order
        share = np.clip(1.0 - noise.plugin / np.maximum(_column(raw, "plugin"), 1e-300), 0.0, 1.0)
        error = np.hypot(share * first_order, noise.deviation)
        return columns | {
            "baseline": noise.mean,
            "std_error": np.hypot(error, noise.excess),
            "floor": noise.floor,
            "floor_shared": noise.excess,
            "memory": noise.width,
        }
    if sequences.is_aligned or settings.baseline == "across":
        first_order = np.hypot(first_order, position_errors(PositionSpread(sequences, lags)))
    if settings.baseline is None:
        return columns | {"std_error": first_order}
    return columns | _across(sequences, lags, settings, first_order)


def _across(
    sequences: Sequences, lags: Ints, settings: Settings, first_order: Floats
) -> dict[str, Any]:
    rng = np.random.default_rng(settings.seed)
    base = []
    for _ in range(settings.n_surrogates):
        engine = PooledEngine(sequences, settings.estimator, rotated(sequences, rng))
        base.append(
            engine.run(
                lags, n_threads=settings.n_threads, progress=settings.progress, label="baseline"
            )
        )
    error = np.sqrt(np.mean([_column(b, "std_error") ** 2 for b in base], axis=0))
    # two such values differ by so much although nothing depends on anything
    noise = error * np.sqrt(1.0 + 1.0 / settings.n_surrogates)
    return {
        "baseline": np.mean([_column(b, "mi") for b in base], axis=0),
        "std_error": np.hypot(first_order, error / np.sqrt(settings.n_surrogates)),
        "floor": FLOOR_DEVIATIONS * noise,
    }


def _column(estimates: list[LagEstimate], name: str) -> Floats:
    return np.array([getattr(e, name) for e in estimates])
