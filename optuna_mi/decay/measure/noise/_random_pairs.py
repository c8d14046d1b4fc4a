"""The estimate of symbols that are paired at random, at every lag of a curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.measure.counting._counts import Codes, marginal_counts
from optuna_mi.decay.measure.counting._few_lags import spread_evenly
from optuna_mi.decay.measure.noise._pairing_moments import marginal_classes, pairing_moments
from optuna_mi.decay.measure.reading._sequences import Sequences
from optuna_mi.information._entropy import Estimator

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Cells of all lags together that take a third of a second; what a symbol, and a lag, take besides,
# in cells, all measured; and the fewest lags, enough for a line through the changes of the margins.
_AFFORDABLE, _CELLS_A_SYMBOL, _CELLS_A_LAG, _FEWEST_LAGS = 4e6, 0.1, 500.0, 6


@dataclass(frozen=True)
class RandomPairs:
    """Estimated MI of randomly paired symbols at every lag; all arrays have shape (L,), in nats.

    Attributes:
        mean: Mean over all pairings.
        deviation: Standard deviation.
        skewness: Third central moment in units of the deviation's cube.
        error: Possible error of the mean, since it is interpolated between lags.
    """

    mean: Floats
    deviation: Floats
    skewness: Floats
    error: Floats


def random_pairs(
    sequences: Sequences,
    lags: Ints,
    estimator: Estimator,
    later: Codes | None = None,
    *,
    precise: bool = True,
) -> RandomPairs:
    """Return the moments of the estimate of randomly paired symbols at lags.

    At every lag, where symbols have few different counts. Otherwise at some lags, spread evenly
    over all: as the pairs change, so do the marginal counts, and the moments with both.

    Args:
        sequences: The data.
        lags: Distances, increasing.
        estimator: Which entropy.
        later: Where the later symbol of a pair is taken from, if not from the sequences.
        precise: Whether an error of one deviation is too much.
    """
    whole = next(marginal_counts(sequences, lags[:1], later))
    n_classes = [float(marginal_classes(n)[0].size) for n in whole]
    cost = n_classes[0] * n_classes[1] + _CELLS_A_SYMBOL * sequences.alphabet + _CELLS_A_LAG
    n = max(_FEWEST_LAGS, int(_AFFORDABLE / cost)) if precise else _FEWEST_LAGS
    at = spread_evenly(lags, n)
    found = [pairing_moments(x, y, estimator) for x, y in marginal_counts(sequences, at, later)]
    pairs = sequences.n_pairs(at)
    deviation, mean = np.array([(m.deviation, m.mean) for m in found]).T * pairs
    skewness = np.array([m.skewness for m in found])
    n_pairs = sequences.n_pairs(lags)
    # that of the lags in between, if only every other one had been looked at
    error = 0.0
    if 2 < at.size < lags.size:
        between = np.interp(at[1::2], at[::2], mean[::2]) - mean[1::2]
        error = float(np.sqrt(np.mean(between**2)))
    return RandomPairs(
        mean=np.interp(lags, at, mean) / n_pairs,
        deviation=np.interp(lags, at, deviation) / n_pairs,
        skewness=np.interp(lags, at, skewness),
        error=error / n_pairs,
    )
