"""Pooled curves with baseline, floor and standard error."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi.decay._floor import noise_floor
from optuna_mi.decay.measure._settings import Settings
from optuna_mi.decay.measure.counting._counts import Codes
from optuna_mi.decay.measure.counting._dense import LagEstimate
from optuna_mi.decay.measure.counting._engine import PooledEngine, fill_errors
from optuna_mi.decay.measure.noise._noise import ShuffleNoise, shuffle_noise
from optuna_mi.decay.measure.noise._position_spread import position_errors
from optuna_mi.decay.measure.reading._sequences import Sequences

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class PooledCurve:
    """A curve over all pairs at a distance, measured in parts that add up to the whole.

    Args:
        sequences: The data.
        lags: All distances of the curve.
        settings: How it is estimated.

    Attributes:
        break_even: Measuring this many lags one by one takes as long as all lags together.
    """

    def __init__(self, sequences: Sequences, lags: Ints, settings: Settings) -> None:
        self._sequences = sequences
        self._lags = lags
        self._settings = settings
        self._engine = PooledEngine(sequences, settings.estimator)
        self.break_even = self._engine.break_even(lags)

    def measure(self, part: Ints) -> list[dict[str, Any]]:
        """Count the pairs at some of the lags; return a record per lag, which JSON can hold."""
        own = self._run(self._engine, part, "decay curve")
        base = self._across(part) if self._settings.baseline == "across" else []
        return [
            {
                "method": self._engine.method,
                "estimate": [*vars(e).values()],
                "baseline": [[*vars(b[i]).values()] for b in base],
            }
            for i, e in enumerate(own)
        ]

    def finish(self, lags: Ints, records: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the columns of a DecayCurve of the first lags, whose records these are."""
        settings, sequences = self._settings, self._sequences
        raw = _estimates(lags, [r["estimate"] for r in records])
        columns: dict[str, Any] = {
            "mi": _column(raw, "mi"),
            "entropy_x": _column(raw, "h_x"),
            "entropy_y": _column(raw, "h_y"),
            "entropy_xy": _column(raw, "h_xy"),
            "n_pairs": sequences.n_pairs(lags),
            "method": "; ".join(dict.fromkeys(r["method"] for r in records)),
        }
        if settings.baseline in ("shuffle", "within"):
            return columns | shuffle_columns(sequences, lags, settings, raw)
        first_order = _column(raw, "std_error")
        if sequences.is_aligned or settings.baseline == "across":
            spread = position_errors(sequences, lags)
            first_order = np.hypot(first_order, spread)
        if settings.baseline is None:
            return columns | {"std_error": first_order}
        mean, error, floor = self._across_noise(lags, records)
        return columns | {
            "baseline": mean,
            "std_error": np.hypot(first_order, error / np.sqrt(settings.n_surrogates)),
            "floor": floor,
        }

    def corrected_and_floor(
        self, lags: Ints, records: list[dict[str, Any]]
    ) -> tuple[Floats, Floats]:
        """Return MI less its baseline, and the floor, of the first lags."""
        mi = _column([LagEstimate(*r["estimate"]) for r in records], "mi")
        if self._settings.baseline == "across":
            mean, _, floor = self._across_noise(lags, records)
            return mi - mean, floor
        noise = self._ahead
        return mi - noise.mean[: lags.size], noise.floor[: lags.size]

    @cached_property
    def _ahead(self) -> ShuffleNoise:
        return shuffle_noise(self._sequences, self._lags, self._settings)

    def _across(self, part: Ints) -> list[list[LagEstimate]]:
        rng = np.random.default_rng(self._settings.seed)
        base = []
        for _ in range(self._settings.n_surrogates):
            later = rotated(self._sequences, rng)
            engine = PooledEngine(self._sequences, self._settings.estimator, later)
            base.append(self._run(engine, part, "baseline"))
        return base

    def _across_noise(
        self, lags: Ints, records: list[dict[str, Any]]
    ) -> tuple[Floats, Floats, Floats]:
        """Return the baseline, the error of one surrogate and the floor."""
        n = self._settings.n_surrogates
        base = [_estimates(lags, [r["baseline"][j] for r in records]) for j in range(n)]
        error = np.sqrt(np.mean([_column(b, "std_error") ** 2 for b in base], axis=0))
        # the difference of two such values, if nothing depends on anything
        noise = error * np.sqrt(1.0 + 1.0 / n)
        return np.mean([_column(b, "mi") for b in base], axis=0), error, noise_floor(noise)

    def _run(self, engine: PooledEngine, part: Ints, label: str) -> list[LagEstimate]:
        settings = self._settings
        return engine.run_part(
            part,
            self._lags,
            n_threads=settings.n_threads,
            progress=settings.progress,
            label=label,
        )


def shuffle_columns(
    sequences: Sequences, lags: Ints, settings: Settings, raw: list[LagEstimate]
) -> dict[str, Any]:
    """Return what a baseline of symbols in random order adds to the columns of a DecayCurve."""
    noise = shuffle_noise(sequences, lags, settings)
    # order-free data scatter too, but that is in noise.deviation: only the share of the pointwise
    # information that is more than noise has an error of first order
    plugin = np.maximum(_column(raw, "plugin"), 1e-300)
    share = np.clip(1.0 - noise.plugin / plugin, 0.0, 1.0)
    error = np.hypot(share * _column(raw, "std_error"), noise.deviation)
    return {
        "baseline": noise.mean,
        "std_error": np.hypot(error, noise.shared),
        "floor": noise.floor,
        "floor_shared": noise.shared,
        "floor_skewness": noise.skewness,
        "memory": noise.width,
    }


def _estimates(lags: Ints, values: list[Any]) -> list[LagEstimate]:
    return fill_errors(lags, [LagEstimate(*v) for v in values])


def _column(estimates: list[LagEstimate], name: str) -> Floats:
    return np.array([getattr(e, name) for e in estimates])


def rotated(sequences: Sequences, rng: np.random.Generator) -> Codes:
    """Return the codes of aligned sequences so that each meets another one, drawn at random.

    Sequences are put in one random cycle, and each is paired with the next. So none is paired with
    itself, and in data sorted by class neighbours of one class are not paired.
    """
    steps = sequences.steps
    assert steps is not None
    rows = sequences.codes.reshape(-1, steps)
    cycle = rng.permutation(rows.shape[0])
    partner = np.empty_like(cycle)
    partner[cycle] = np.roll(cycle, 1)
    return rows[partner].reshape(-1)
