"""Baseline, noise and floor of sequences from shuffles of their symbols."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, norm

from optuna_mi.decay.measure._count_kernels import Codes
from optuna_mi.decay.measure._engine import PooledEngine
from optuna_mi.decay.measure._pooled import LagEstimate
from optuna_mi.decay.measure._sequences import Sequences
from optuna_mi.decay.measure._settings import Settings
from optuna_mi.decay.measure._surrogates import (
    NullModel,
    anchor_lags,
    bias_exponent,
    block_shuffled,
    half_lag,
    memory_width,
    null_model,
    shuffled,
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# a value this many standard deviations of order-free data above 0 is not noise
FLOOR_DEVIATIONS = 3.0
_ANCHORS = 16
_FEWEST_BLOCKS = 20
# a sequence whose MI adds up to less, over all lags, has nearly as many independent pairs as its
# shuffle: four times it is the share by which the variance of an estimate grows
_LEAST_MEMORY = 0.05
# at either end blocks lose a correlation length: a third of the way down, of which they hold eight
_EDGES = 13.0 / 12.0


@dataclass(frozen=True)
class ShuffleNoise:
    """What MI is where there is none; all arrays have shape (L,), in nats.

    Attributes:
        mean: Mean estimate of shuffled symbols: the baseline.
        plugin: The same by the plug-in estimator.
        deviation: Standard deviation of an estimate less the baseline.
        excess: Bias that a sequence's memory adds to the baseline's.
        floor: Below it a corrected estimate cannot be told from 0.
        width: Blocks that keep the sequence's memory.
    """

    mean: Floats
    plugin: Floats
    deviation: Floats
    excess: Floats
    floor: Floats
    width: int


def floor_factor(dof: Floats) -> Floats:
    """Return how many deviations noise exceeds as rarely as a normal variable exceeds three.

    The MI of independent data is a chi-square variable of (K - 1)**2 degrees of freedom: for few
    symbols it is skewed, and three deviations are not rare.
    """
    tail = norm.sf(FLOOR_DEVIATIONS)
    k = np.maximum(dof, 1.0)
    factor: Floats = (chi2.isf(tail, k) - k) / np.sqrt(2.0 * k)
    return factor


def _sum_over(lags: Ints, values: Floats) -> float:
    return float(values[0] + np.trapezoid(values, lags))


def _column(runs: list[list[LagEstimate]], name: str) -> Floats:
    return np.array([[getattr(e, name) for e in run] for run in runs])


def _spread(model: NullModel) -> Floats:
    return np.asarray(model.deviation * np.sqrt(1.0 + 1.0 / model.n_replicates))


def shuffle_noise(
    sequences: Sequences,
    lags: Ints,
    raw: list[LagEstimate],
    settings: Settings,
    at: Ints | None = None,
) -> ShuffleNoise:
    """Measure the estimator on sequences without order, at some lags, and carry it over to all.

    Args:
        sequences: The data.
        lags: Distances.
        raw: Their estimates.
        settings: How the curve is estimated.
        at: The lags of raw, if those are some of the distances only.
    """
    rng = np.random.default_rng(settings.seed)
    anchors = anchor_lags(lags, _ANCHORS)
    # half the pairs, measured too, show how the bias depends on their number
    half = half_lag(sequences, lags)
    measured = anchors if half is None else np.union1d(anchors, [half])
    at_anchors = np.isin(measured, anchors)

    def surrogates(make_later: bool, width: int = 1) -> list[list[LagEstimate]]:
        out = []
        for _ in range(settings.n_surrogates):
            data, later = sequences, None
            if make_later:
                later = block_shuffled(sequences, width, rng)
            else:
                data = shuffled(sequences, rng)
            out.append(_run(data, later, measured, settings))
        return out

    n_pairs, anchor_pairs = sequences.n_pairs(lags), sequences.n_pairs(anchors)
    runs = surrogates(make_later=False)

    def model(runs: list[list[LagEstimate]], name: str) -> NullModel:
        values = _column(runs, name)
        exponent = 1.0
        if half is not None:
            few = values[:, measured == half]
            pairs = int(sequences.n_pairs(np.array([half]))[0])
            exponent = bias_exponent(values[:, at_anchors], anchor_pairs, few, pairs)
        return null_model(values[:, at_anchors], anchor_pairs, n_pairs, exponent)

    null, plugin = model(runs, "mi"), model(runs, "plugin")
    deviation, excess = _spread(null), np.zeros(lags.size)
    factor = floor_factor(np.array([e.dof for e in raw], dtype=np.float64))
    seen = np.ones(lags.size, dtype=np.bool_)
    if at is not None:
        factor, seen = np.interp(lags, at, factor), np.isin(lags, at)
    corrected = np.array([e.mi for e in raw]) - null.mean[seen]
    noise = (factor * deviation)[seen]
    above = np.where(corrected > noise, corrected, 0.0)
    width = 1
    if above[0] > 0 and _sum_over(lags[seen], above) > _LEAST_MEMORY:
        width = memory_width(lags[seen], corrected, float(np.median(noise)))
    # few blocks meet themselves: then the surrogate holds the very dependence it should lack
    width = min(width, max(sequences.n_total // _FEWEST_BLOCKS, 1))
    if width > 1:
        # a sequence with memory has fewer independent pairs than a shuffled one
        alike = model(surrogates(make_later=True, width=width), "mi")
        deviation = np.maximum(deviation, _spread(alike))
        excess = _EDGES * np.maximum(alike.mean - null.mean, 0.0)
    return ShuffleNoise(
        mean=null.mean,
        plugin=plugin.mean,
        deviation=deviation,
        excess=excess,
        floor=excess + factor * deviation,
        width=width,
    )


def _run(data: Sequences, later: Codes | None, lags: Ints, settings: Settings) -> list[LagEstimate]:
    return PooledEngine(data, settings.estimator, later).run(lags, n_threads=settings.n_threads)
