"""What a linear predictor misses: products of two past values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.special import ndtri

from optuna_mi.context._data import Data
from optuna_mi.context._enough import BEYOND, mean_and_error
from optuna_mi.context._places import Places

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Pair = tuple[int, int]

# Products of two of the last 64 values, at so many places, four of them at most. Choices of time:
# together half a second at most.
_STEPS, _PLACES, _PAIRS = 64, 20_000, 4
# So many standard errors stand out of the 2,080 products of 64 values: noise reaches 4 of them once
# in eight tries, and hardly ever by the same product in either half of the data.
_STANDS_OUT = 4.0
# Ridge for normal scores. And a squared error below this share of the variance is a perfect
# prediction, whose further fall is none.
_RIDGE, _PERFECT = 1.0, 1e-3
# Products that add less than a tenth of what is known count for nothing. A choice.
_NOTABLE = 0.1


@dataclass(frozen=True)
class Products:
    """Products of two past values that tell what no linear predictor knows.

    Attributes:
        pairs: Their lags, 1 for the newest value.
        gain: What they add, in nats.
        reach: The farthest lag of those that must be known.
    """

    pairs: tuple[Pair, ...]
    gain: float
    reach: int

    def __str__(self) -> str:
        return _listed([_named(*pair) for pair in self.pairs])


def products_beyond(
    data: Data, places: Places, length: int, steps: int, horizon: int, known: float
) -> Products | None:
    """Find products of two past values that tell more than all linear predictors do.

    Values are replaced by their normal scores, so that no outlier decides. What is left of them by
    a linear predictor of all steps is compared with all products of two of the values (squares
    among them). A product counts if it stands out in each half of the blocks; what all of them add
    is measured on the half that they were not fitted on. Products of three values, or of what lies
    more than 64 steps back, are not seen.

    Args:
        data: One real feature.
        places: Where to predict.
        length: Steps that are enough for a linear predictor.
        steps: Steps to look at, no more than every place has.
        horizon: Steps ahead.
        known: What a linear predictor knows, in nats.
    """
    if not data.is_real or data.values.shape[1] > 1:
        return None
    from scipy.stats import rankdata  # takes 0.4 s to load, which no figure of a text needs

    steps = min(steps, _STEPS)
    ranks = rankdata(data.values[:, 0])
    scores = ndtri((ranks - 0.5) / ranks.size)
    some = places.limited(_PLACES)
    past = scores[some.at[:, None] - np.arange(steps)]
    future = scores[some.at + horizon]
    halves = [some.block % 2 == 0, some.block % 2 == 1]
    found = [_standing_out(past[half], future[half]) for half in halves]
    pairs = [pair for pair in found[0] if pair in found[1]]
    near = [pair for pair in pairs if max(pair) <= length]
    if not pairs:
        return None
    n_scored = np.bincount(some.block, minlength=some.n_blocks)
    linear, nearer, all_of_them = (
        _losses(past, future, halves, some, chosen) for chosen in ([], near, pairs)
    )
    farther = tuple(pair for pair in pairs if pair not in near)
    by_near, near_error = (float(v) for v in mean_and_error(linear - nearer, n_scored))
    more, error = (float(v) for v in mean_and_error(nearer - all_of_them, n_scored))
    if farther and more > max(BEYOND * error, _NOTABLE * (known + max(by_near, 0.0))):
        return Products(farther, more, max(max(pair) for pair in farther))
    if near and by_near > max(BEYOND * near_error, _NOTABLE * known):
        return Products(tuple(near), by_near, max(max(pair) for pair in near))
    return None


def _standing_out(past: Floats, future: Floats) -> list[Pair]:
    """Return the products that stand out, each beside those before it."""
    steps = past.shape[1]
    columns = np.hstack([np.ones((len(past), 1)), past])
    upper = np.triu_indices(steps)
    squared = past**2
    pairs: list[Pair] = []
    while len(pairs) < _PAIRS:
        rest = future - columns @ _weights(columns, future)
        sums = (past * rest[:, None]).T @ past
        spread = np.sqrt((squared * (rest**2)[:, None]).T @ squared)
        ratio = np.abs(sums / np.maximum(spread, 1e-12))[upper]
        best = int(ratio.argmax())
        pair = (int(upper[0][best]) + 1, int(upper[1][best]) + 1)
        if ratio[best] < _STANDS_OUT or pair in pairs:
            break
        pairs.append(pair)
        columns = np.hstack([columns, _products_of(past, [pair])])
    return pairs


def _losses(
    past: Floats,
    future: Floats,
    halves: list[npt.NDArray[np.bool_]],
    places: Places,
    pairs: list[Pair],
) -> Floats:
    """Return summed losses by block, in nats, of predictions fitted on the other half."""
    columns = np.hstack([np.ones((len(past), 1)), past, _products_of(past, pairs)])
    errors = np.empty(len(past))
    for own, other in (halves, halves[::-1]):
        errors[own] = (future[own] - columns[own] @ _weights(columns[other], future[other])) ** 2
    mean = max(float(errors.mean()), _PERFECT)
    # a block adds the derivative of n ln(mean) / 2
    loss = 0.5 * (math.log(mean) + errors / max(float(errors.mean()), 1e-300) - 1.0)
    return np.bincount(places.block, loss, minlength=places.n_blocks).astype(np.float64)


def _products_of(past: Floats, pairs: Iterable[Pair]) -> Floats:
    columns = [past[:, i - 1] * past[:, j - 1] for i, j in pairs]
    return np.stack(columns, axis=1) if columns else np.empty((len(past), 0))


def _weights(columns: Floats, future: Floats) -> Floats:
    square = columns.T @ columns + _RIDGE * np.eye(columns.shape[1])
    return np.asarray(cho_solve(cho_factor(square), columns.T @ future))


def _named(i: int, j: int) -> str:
    if i == j:
        return f"the square of the value {i:,} steps back"
    return f"the product of the values {i:,} and {j:,} steps back"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
