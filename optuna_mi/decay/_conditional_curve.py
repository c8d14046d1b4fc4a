"""Conditional curves with baseline, floor and standard error."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi.decay._conditional import PositionEstimate, conditional_lag, make_columns
from optuna_mi.decay._engine import parallel
from optuna_mi.decay._position_spread import errors_of_means
from optuna_mi.decay._sequences import Sequences
from optuna_mi.decay._settings import Settings
from optuna_mi.decay._shuffle_noise import FLOOR_DEVIATIONS
from optuna_mi.decay._surrogates import anchor_lags

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# lags at which the spread of the baseline is measured, and how often at each
_ANCHORS, _REPEATS = 8, 4


def conditional_curve(sequences: Sequences, lags: Ints, settings: Settings) -> dict[str, Any]:
    """Return the columns of a DecayCurve: the mean over t of I(X_t; X_{t+d})."""
    steps = sequences.steps
    assert steps is not None
    estimator, n_surrogates = settings.estimator, settings.n_surrogates
    rng = np.random.default_rng(settings.seed)
    columns = make_columns(sequences, steps, rng, estimator)
    n = sequences.n_sequences
    logs = np.log(np.maximum(np.arange(n + 1, dtype=np.float64), 1.0))
    shifts = rng.integers(1, n, size=(n_surrogates, lags.size))

    def estimate(task: tuple[int, int]) -> PositionEstimate:
        return conditional_lag(columns, task[0], task[1], estimator, logs)

    tasks = [(int(lag), 0) for lag in lags]
    tasks += [(int(lag), int(s)) for row in shifts for lag, s in zip(lags, row, strict=True)]
    anchors = anchor_lags(lags, _ANCHORS) if n_surrogates else lags[:0]
    tasks += [(int(lag), int(s)) for lag in anchors for s in rng.integers(1, n, size=_REPEATS)]
    found = parallel(
        estimate,
        tasks,
        n_threads=settings.n_threads,
        progress=settings.progress,
        label="decay curve",
    )
    raw, rest = found[: lags.size], found[lags.size :]
    mi = np.array([e.mi for e in raw])
    # entropies by position, averaged like the MI
    h = columns.entropies(estimator)
    h_x = np.array([h[: steps - lag].mean() for lag in lags])
    h_y = np.array([h[lag:].mean() for lag in lags])
    out: dict[str, Any] = {
        "mi": mi,
        "entropy_x": h_x,
        "entropy_y": h_y,
        "entropy_xy": h_x + h_y - mi,
        "n_pairs": n * (steps - lags),
        "method": f"a table for each of up to {steps - int(lags[0])} pairs of positions",
    }
    sequence_error = np.array([e.sequence_error for e in raw])
    if n_surrogates == 0:
        spread = errors_of_means([e.by_position for e in raw])
        return out | {"std_error": np.hypot(sequence_error, spread)}
    base = np.array([e.mi for e in rest[: shifts.size]]).reshape(shifts.shape)
    by_position = [
        e.by_position - np.mean([rest[j * lags.size + i].by_position for j in range(n_surrogates)])
        for i, e in enumerate(raw)
    ]
    repeats = np.array([e.mi for e in rest[shifts.size :]]).reshape(anchors.size, _REPEATS)
    noise = _spread_over_lags(repeats, anchors, lags, steps) * np.sqrt(1.0 + 1.0 / n_surrogates)
    first_order = np.hypot(sequence_error, errors_of_means(by_position))
    return out | {
        "baseline": base.mean(axis=0),
        "std_error": np.hypot(first_order, noise),
        "floor": FLOOR_DEVIATIONS * noise,
    }


def _spread_over_lags(repeats: Floats, anchors: Ints, lags: Ints, steps: int) -> Floats:
    """Return the standard deviation at every lag from repeats at some, shape (A, R).

    It falls like the root of the number of position pairs. Four repeats tell little about a
    variance, so the median of three neighbouring anchors is taken.
    """
    variance = repeats.var(axis=1, ddof=1) * (steps - anchors)
    padded = np.pad(variance, 1, mode="edge")
    smooth = np.median([padded[:-2], padded[1:-1], padded[2:]], axis=0)
    spread: Floats = np.sqrt(np.interp(np.log(lags), np.log(anchors), smooth) / (steps - lags))
    return spread
