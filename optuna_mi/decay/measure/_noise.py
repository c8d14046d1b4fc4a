"""The floor: what MI may be where there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import gamma, norm, poisson

from optuna_mi.decay.measure._engine import PooledEngine
from optuna_mi.decay.measure._pooled import LagEstimate
from optuna_mi.decay.measure._random_pairs import random_pairs
from optuna_mi.decay.measure._sequences import Sequences
from optuna_mi.decay.measure._settings import Settings
from optuna_mi.decay.measure._surrogates import anchor_lags, block_shuffled, memory_width

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# noise exceeds the floor as rarely as a normal variable exceeds so many deviations
_FLOOR_DEVIATIONS = 3.0
_ANCHORS = 16
_FEWEST_BLOCKS = 20
# a sequence whose MI adds up to less, over all lags, has nearly as many independent pairs as its
# shuffle: four times it is the share by which the variance of an estimate grows
_LEAST_MEMORY = 0.05
# at either end blocks lose a correlation length: a third of the way down, of which they hold eight
_EDGES = 13.0 / 12.0
# distributions that are less skewed than this are taken for as skewed
_STRAIGHT = 1e-3


def noise_floor(deviation: Floats, skewness: Floats | float = 0.0) -> Floats:
    """Return the value that noise with mean 0 exceeds as rarely as a normal one three deviations.

    Few symbols or few pairs make noise skewed, and three deviations are not rare. The MI of
    independent data is a chi-square variable where pairs are many, and proportional to the number
    of chance repeats, a Poisson variable, where nearly all pairs differ. The skewness settles the
    parameter of either; the larger of the two values is taken.

    Args:
        deviation: Standard deviation, any shape.
        skewness: Third central moment in units of the deviation's cube.
    """
    tail = norm.sf(_FLOOR_DEVIATIONS)
    skewed = np.maximum(skewness, _STRAIGHT)
    shape = 4.0 / skewed**2
    smooth = (gamma.isf(tail, shape) - shape) / np.sqrt(shape)
    rate = 1.0 / skewed**2
    # as many repeats are noise, one more is not
    repeats = (poisson.isf(tail, rate) + 0.5 - rate) / np.sqrt(rate)
    return np.asarray(deviation * np.maximum(smooth, repeats))


@dataclass(frozen=True)
class ShuffleNoise:
    """What MI is where there is none; all arrays have shape (L,), in nats.

    Attributes:
        mean: Mean estimate of symbols in random order: the baseline.
        plugin: The same by the plug-in estimator.
        deviation: Standard deviation of an estimate less the baseline.
        shared: Part of the floor that all lags have in common: the bias that a sequence's memory
            adds to the baseline's, and what the baseline itself may be wrong by.
        floor: Below it a corrected estimate cannot be told from 0.
        width: Blocks that keep the sequence's memory.
    """

    mean: Floats
    plugin: Floats
    deviation: Floats
    shared: Floats
    floor: Floats
    width: int


def shuffle_noise(
    sequences: Sequences,
    lags: Ints,
    raw: list[LagEstimate],
    settings: Settings,
    at: Ints | None = None,
) -> ShuffleNoise:
    """Return baseline and noise of symbols in random order, and what memory adds to them.

    Args:
        sequences: The data.
        lags: Distances.
        raw: Their estimates.
        settings: How the curve is estimated.
        at: The lags of raw, if those are some of the distances only.
    """
    null = random_pairs(sequences, lags, settings.estimator)
    deviation, shared = null.deviation, null.error
    seen = np.ones(lags.size, dtype=np.bool_) if at is None else np.isin(lags, at)
    corrected = np.array([e.mi for e in raw]) - null.mean[seen]
    floor = noise_floor(deviation, null.skewness)[seen]
    width = _memory_width(sequences, lags[seen], corrected, floor)
    if width > 1:
        excess, wider = _memory_noise(sequences, lags, width, settings)
        deviation, shared = np.maximum(deviation, wider), shared + excess
    return ShuffleNoise(
        mean=null.mean,
        plugin=random_pairs(sequences, lags, "plugin", precise=False).mean,
        deviation=deviation,
        shared=shared,
        floor=shared + noise_floor(deviation, null.skewness),
        width=width,
    )


def _memory_width(sequences: Sequences, lags: Ints, corrected: Floats, floor: Floats) -> int:
    above = np.where(corrected > floor, corrected, 0.0)
    if above[0] == 0.0 or above[0] + np.trapezoid(above, lags) <= _LEAST_MEMORY:
        return 1
    width = memory_width(lags, corrected, float(np.median(floor)))
    # few blocks meet themselves: then the surrogate holds the very dependence it should lack
    return min(width, max(sequences.n_total // _FEWEST_BLOCKS, 1))


def _memory_noise(
    sequences: Sequences, lags: Ints, width: int, settings: Settings
) -> tuple[Floats, Floats]:
    """Return the bias that memory adds and the deviation that it causes, shape (L,) each.

    A sequence with memory has fewer independent pairs than a shuffled one. Beside itself in
    shuffled blocks it keeps the memory and loses the alignment. Such data know no distance, so all
    surrogates at all lags are replicates.
    """
    rng = np.random.default_rng(settings.seed)
    anchors = anchor_lags(lags, _ANCHORS)
    most = float(sequences.n_pairs(lags).max())
    fewer = most / sequences.n_pairs(anchors)
    found = []
    for _ in range(settings.n_surrogates):
        later = block_shuffled(sequences, width, rng)
        engine = PooledEngine(sequences, settings.estimator, later)
        mi = [e.mi for e in engine.run(anchors, n_threads=settings.n_threads)]
        null = random_pairs(sequences, anchors, settings.estimator, later)
        found.append((mi - null.mean) / fewer)
    values = np.array(found)
    spread = values.std(ddof=1) * np.sqrt(1.0 + 1.0 / values.size) if values.size > 1 else 0.0
    u = most / sequences.n_pairs(lags)
    return _EDGES * max(float(values.mean()), 0.0) * u, float(spread) * u
