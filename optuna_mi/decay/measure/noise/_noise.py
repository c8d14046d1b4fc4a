"""Baseline and noise of a shuffle: what MI is measured where there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from optuna_mi.decay._floor import noise_floor
from optuna_mi.decay.measure._settings import Settings
from optuna_mi.decay.measure.counting._counts import Codes, marginal_counts
from optuna_mi.decay.measure.counting._engine import PooledEngine
from optuna_mi.decay.measure.counting._few_lags import spread_evenly
from optuna_mi.decay.measure.noise._composition import composition
from optuna_mi.decay.measure.noise._memory import measure_memory
from optuna_mi.decay.measure.noise._pairing_moments import pairing_moments
from optuna_mi.decay.measure.noise._random_pairs import random_pairs
from optuna_mi.decay.measure.reading._sequences import Sequences

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Where memory makes chi square larger by more than this share, or by more than its deviation, the
# spread is measured with surrogates as well; below it the spread of fewer pairs will do, which
# costs nothing. Of many symbols a few directions may have all the memory: the topics of a text.
# A choice.
_NOTABLE_GROWTH = 0.2
# Surrogates keep the memory in blocks eight times as long as its reach, so that an eighth is lost
# at their ends. At least 16 long, and 20 of them, or too many meet themselves (two or three blocks
# of a clear season of 240 steps did, and it was called noise).
_BLOCK, _LEAST_BLOCK, _FEWEST_BLOCKS = 8, 16, 20
# The bias changes slowly with the lag: six lags and a line between them show it. A choice.
_FEW_LAGS = 6
# The floor allows for an error of the measured baseline of two deviations, 95 %.
_SURE = 2.0
# A surrogate this many times the median distance from the middle (8 deviations of normal noise) is
# no chance: a block met itself. It raised the floor five to ten times in 3 of 50 broken power laws.
_STRAY = 12.0
# Symbols and lags of the surrogates of memory. The symbols are a choice of time; the lags are
# replicates of one another, and 2 x 16 of them know a deviation to an eighth.
_LONGEST_SURROGATE, _REPLICATES = 1 << 22, 16


@dataclass(frozen=True)
class ShuffleNoise:
    """What MI is where there is none; all arrays have shape (L,), in nats.

    Attributes:
        mean: Mean estimate of symbols in random order: the baseline.
        plugin: The same by the plug-in estimator.
        deviation: Standard deviation of an estimate less the baseline.
        shared: Part of the floor that all lags have in common: the bias that a sequence's memory
            adds to the baseline's, and what the baseline itself may be wrong by.
        skewness: Skewness of an estimate less the baseline.
        floor: Below it a corrected estimate cannot be told from 0.
        width: Lags that are closer than this have noise alike.
    """

    mean: Floats
    plugin: Floats
    deviation: Floats
    shared: Floats
    skewness: Floats
    floor: Floats
    width: int


def shuffle_noise(sequences: Sequences, lags: Ints, settings: Settings) -> ShuffleNoise:
    """Return baseline and noise of symbols in random order, and what memory adds to them.

    In random order over all sequences, or within each of them.
    """
    null = random_pairs(sequences, lags, settings.estimator)
    if settings.baseline == "within":
        shift = composition(sequences, lags, settings)
        error = np.hypot(null.error, _SURE * shift.error)
        null = replace(null, mean=null.mean + shift.mean, error=error)
    memory = measure_memory(sequences, settings.seed, within=settings.baseline == "within")
    deviation, shared, width = null.deviation, null.error, 1
    if memory.growth > 0.0:
        excess, wider = _fewer_pairs(sequences, lags, memory.growth)
        if memory.growth > _NOTABLE_GROWTH or float(excess[0]) > float(deviation[0]):
            # if a block is paired with itself, the surrogate has the dependence that it should lack
            widest = sequences.n_total // _FEWEST_BLOCKS
            width = min(max(_BLOCK * memory.reach, _LEAST_BLOCK), max(widest, 1))
            factor, bias = _of_surrogates(sequences, width, settings)
            wider = max(wider, factor)
            # blocks of a clock are in step by chance, which the growth leaves out
            most = 0.5 * memory.growth * (sequences.n_symbols - 1) ** 2 / sequences.n_pairs(lags)
            excess = np.maximum(excess, np.minimum(bias, most))
        deviation, shared = wider * deviation, shared + excess
    return ShuffleNoise(
        mean=null.mean,
        plugin=random_pairs(sequences, lags, "plugin", precise=False).mean,
        deviation=deviation,
        shared=shared,
        skewness=null.skewness,
        floor=shared + noise_floor(deviation, null.skewness),
        width=width,
    )


def _fewer_pairs(sequences: Sequences, lags: Ints, growth: float) -> tuple[Floats, float]:
    """Return bias that memory adds, shape (L,), and by what factor the deviation is wider.

    Both are computed as for fewer, independent pairs, and for the plug-in estimate, since the other
    estimators subtract from it the bias of all pairs.
    """
    at, excess, wider = spread_evenly(lags, _FEW_LAGS), [], []
    for n_x, n_y in marginal_counts(sequences, at):
        n = max(2, round(float(n_x.sum()) / (1.0 + growth)))
        usual = pairing_moments(n_x, n_y, "plugin")
        few = pairing_moments(_thinned(n_x, n), _thinned(n_y, n), "plugin")
        excess.append(max(few.mean - usual.mean, 0.0))
        wider.append(few.deviation / max(usual.deviation, 1e-300))
    return np.interp(lags, at, excess), max(1.0, wider[0])


def _thinned(counts: Ints, n: int) -> Ints:
    """Return counts in the same proportions that add up to n."""
    ends = np.rint(np.cumsum(counts) * (n / counts.sum())).astype(np.int64)
    thinned: Ints = np.diff(ends, prepend=0)
    return thinned


def _of_surrogates(sequences: Sequences, width: int, settings: Settings) -> tuple[float, float]:
    """Return by what factor memory widens the deviation of an estimate, and the bias it adds.

    The sequence is paired with itself in shuffled blocks, which keep its memory but lose the
    alignment. For such data all distances are alike, so all surrogates at all lags are replicates.
    If only some symbols have memory, or of many symbols a few groups, both grow more than fewer
    pairs would make them.
    """
    rng = np.random.default_rng(settings.seed)
    part = sequences.head(_LONGEST_SURROGATE)
    lags = np.unique(np.linspace(1, max(1, part.longest // 4), _REPLICATES).astype(np.int64))
    found, bias = [], []
    for _ in range(settings.n_surrogates):
        later = block_shuffled(part, min(width, part.n_total), rng)
        engine = PooledEngine(part, settings.estimator, later)
        mi = np.array([e.mi for e in engine.run(lags, n_threads=settings.n_threads)])
        null = random_pairs(part, lags, settings.estimator, later)
        found.append((mi - null.mean) / np.maximum(null.deviation, 1e-300))
        bias.append(mi - null.mean)
    values = np.array(found)
    distance = np.abs(values - np.median(values))
    kept = distance <= _STRAY * float(np.median(distance))
    factor = float(values[kept].std(ddof=1)) if kept.sum() > 1 else 1.0
    return factor, max(float(np.array(bias)[kept].mean()), 0.0)


def block_shuffled(sequences: Sequences, width: int, rng: np.random.Generator) -> Codes:
    """Return the codes in blocks of the given width, in random order.

    Paired with the data themselves, they act as an independent sequence with the same memory.
    """
    codes = sequences.codes
    n_blocks = codes.size // width
    windows = np.lib.stride_tricks.sliding_window_view(codes, width)
    # every block starts at random, so that none keeps step with a period or a line length
    starts = rng.permutation(n_blocks) * width + rng.integers(0, width, n_blocks)
    body = windows[starts % windows.shape[0]]
    return np.concatenate((body.ravel(), codes[n_blocks * width :]))
