"""Conditional curves with baseline, floor and standard error."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._threads import parallel
from optuna_mi.decay._floor import noise_floor
from optuna_mi.decay.measure._settings import Settings
from optuna_mi.decay.measure.counting._few_lags import anchor_lags
from optuna_mi.decay.measure.counting._position_tables import (
    PositionEstimate,
    conditional_lag,
    make_columns,
)
from optuna_mi.decay.measure.noise._position_spread import errors_of_means
from optuna_mi.decay.measure.reading._sequences import Sequences

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# The spread of the baseline is measured at eight lags, twelve times at each: four repeats were too
# few for sequences with memory. Between them it follows the number of position pairs.
_ANCHORS, _REPEATS = 8, 12


class ConditionalCurve:
    """The mean over t of I(X_t; X_{t+d}), measured in parts that add up to the whole.

    Args:
        sequences: The data, aligned.
        lags: All distances of the curve.
        settings: How it is estimated.

    Attributes:
        break_even: Measuring this many lags one by one takes as long as all lags together.
    """

    def __init__(self, sequences: Sequences, lags: Ints, settings: Settings) -> None:
        steps = sequences.steps
        assert steps is not None
        self._steps, self._n = steps, sequences.n_sequences
        self.break_even = lags.size
        self._lags = lags
        self._settings = settings
        rng = np.random.default_rng(settings.seed)
        self._columns = make_columns(sequences, steps, rng, settings.estimator)
        self._logs = np.log(np.maximum(np.arange(self._n + 1, dtype=np.float64), 1.0))
        # all random numbers are drawn here, so that parts of the curve agree with the whole
        self._shifts = rng.integers(1, self._n, size=(settings.n_surrogates, lags.size))
        self._anchors = anchor_lags(lags, _ANCHORS) if settings.n_surrogates else lags[:0]
        self._repeated = [
            (int(lag), int(s))
            for lag in self._anchors
            for s in rng.integers(1, self._n, size=_REPEATS)
        ]

    def measure(self, part: Ints) -> list[dict[str, Any]]:
        """Count the pairs at some of the lags; return a record per lag."""
        shifts = self._shifts[:, np.isin(self._lags, part)]
        tasks = [(int(lag), 0) for lag in part]
        tasks += [(int(lag), int(s)) for row in shifts for lag, s in zip(part, row, strict=True)]
        found = self._run(tasks)
        # the surrogates of each lag
        rest = [found[part.size + i :: part.size] for i in range(part.size)]
        return [
            {
                "by_position": e.by_position,
                "sequence_error": e.sequence_error,
                "baseline": [b.mi for b in base],
                "level": float(np.mean([b.by_position for b in base])) if base else 0.0,
            }
            for e, base in zip(found, rest, strict=False)
        ]

    def finish(self, lags: Ints, records: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the columns of a DecayCurve of the first lags, whose records these are."""
        steps = self._steps
        raw = [PositionEstimate(np.asarray(r["by_position"]), r["sequence_error"]) for r in records]
        mi = np.array([e.mi for e in raw])
        # entropies by position, averaged like the MI
        h = self._columns.entropies(self._settings.estimator)
        h_x = np.array([h[: steps - lag].mean() for lag in lags])
        h_y = np.array([h[lag:].mean() for lag in lags])
        out: dict[str, Any] = {
            "mi": mi,
            "entropy_x": h_x,
            "entropy_y": h_y,
            "entropy_xy": h_x + h_y - mi,
            "n_pairs": self._n * (steps - lags),
            "method": f"a table for each of up to {steps - int(lags[0])} pairs of positions",
        }
        sequence_error = np.array([e.sequence_error for e in raw])
        by_position = [e.by_position - r["level"] for e, r in zip(raw, records, strict=True)]
        first_order = np.hypot(sequence_error, errors_of_means(by_position))
        if self._settings.n_surrogates == 0:
            return out | {"std_error": first_order}
        noise = self._noise(lags)
        return out | {
            "baseline": self._baseline(records),
            "std_error": np.hypot(first_order, noise),
            "floor": noise_floor(noise),
        }

    def corrected_and_floor(
        self, lags: Ints, records: list[dict[str, Any]]
    ) -> tuple[Floats, Floats]:
        """Return MI less its baseline, and the floor, of the first lags."""
        mi = np.array([np.mean(r["by_position"]) for r in records])
        return mi - self._baseline(records), noise_floor(self._noise(lags))

    def _baseline(self, records: list[dict[str, Any]]) -> Floats:
        by_surrogate = zip(*(r["baseline"] for r in records), strict=True)
        mean: Floats = np.array(list(by_surrogate)).mean(axis=0)
        return mean

    def _noise(self, lags: Ints) -> Floats:
        spread = _spread_over_lags(self._repeats, self._anchors, lags, self._steps)
        noise: Floats = spread * np.sqrt(1.0 + 1.0 / self._settings.n_surrogates)
        return noise

    @cached_property
    def _repeats(self) -> Floats:
        found = [e.mi for e in self._run(self._repeated)]
        return np.array(found).reshape(self._anchors.size, _REPEATS)

    def _run(self, tasks: list[tuple[int, int]]) -> list[PositionEstimate]:
        estimator = self._settings.estimator

        def estimate(task: tuple[int, int]) -> PositionEstimate:
            return conditional_lag(self._columns, task[0], task[1], estimator, self._logs)

        return parallel(
            estimate,
            tasks,
            n_threads=self._settings.n_threads,
            progress=self._settings.progress,
            label="decay curve",
        )


def _spread_over_lags(repeats: Floats, anchors: Ints, lags: Ints, steps: int) -> Floats:
    """Return the standard deviation at every lag from repeats at some, shape (A, R).

    It falls like the root of the number of position pairs. A dozen repeats tell little about a
    variance, so the median of three neighbouring anchors is taken.
    """
    variance = repeats.var(axis=1, ddof=1) * (steps - anchors)
    padded = np.pad(variance, 1, mode="edge")
    smooth = np.median([padded[:-2], padded[1:-1], padded[2:]], axis=0)
    spread: Floats = np.sqrt(np.interp(np.log(lags), np.log(anchors), smooth) / (steps - lags))
    return spread
