"""Choose lags one by one by what they add to held-out predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from optuna_mi._checks import as_array, real, whole
from optuna_mi._threads import resolve_threads
from optuna_mi.context._candidates import real_candidates, symbol_candidates
from optuna_mi.context._data import Data, Values, read, without_copies
from optuna_mi.context._enough import BEYOND, mean_and_error
from optuna_mi.context._greedy import GreedyLinear, GreedySymbols
from optuna_mi.context._lag_selection import LagSelection
from optuna_mi.context._levels import in_levels
from optuna_mi.context._places import place
from optuna_mi.context._steps import default_steps

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Chance that noise adds a lag, over all candidates of a step: the usual 5 %.
_FALSE_ALARM = 0.05
# A nearer lag is taken instead of the best one if it falls short by chance, and by no more than
# half of its gain. A choice: without the second rule a weak lag near by would pass as the period.
_NEARLY = 0.5


def select_lags(
    x: Any,
    *,
    candidates: npt.ArrayLike | None = None,
    max_lags: int = 12,
    horizon: int = 1,
    values: Values = "auto",
    n_levels: int | None = None,
    max_places: int = 1_000_000,
    tolerance: float = 0.005,
    n_threads: int | None = None,
) -> LagSelection:
    """Choose the distances that a model needs, each the one that adds most to those before.

    What a lag adds is measured as in `context_curve`: by predictions of held-out blocks, from the
    counts of the chosen lags' symbols, each level blended with the one before, or by linear
    predictors of the chosen lags. Lags are added until the best one's gain cannot be told from the
    best gain that as many lags of pure noise would show.

    Args:
        x: As for `context_curve`. Positions of aligned sequences are pooled.
        candidates: Lags to choose from: distances to the value predicted, at least ``horizon``. By
            default the 32 nearest (of real values some hundred), the peaks and the crossing of the
            decay curve and multiples of its period.
        max_lags: The most lags to choose.
        horizon: How many steps after the last one known the value lies.
        values: As for `context_curve`.
        n_levels: Cut quantities into so many levels and count them as symbols: finds dependence
            that is not linear. Integers are cut at equal widths, reals at quantiles.
        max_places: Steps to predict at most; of more, a part of every block is taken.
        tolerance: A lag that adds less than this share of what is known by then is not added.
        n_threads: Threads; by default one for each processor.

    Returns:
        The lags, in the order of choice, with what each adds.

    Raises:
        TypeError: If x is nothing that can be read.
        ValueError: If x is constant, holds NaN or is too short, or a candidate lies out of range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.integers(0, 4, 20_000)
        >>> for t in range(50, x.size):  # an echo
        ...     if rng.random() < 0.5:
        ...         x[t] = x[t - 50]
        >>> select_lags(x).lags
        (50,)
    """
    horizon = whole("horizon", horizon, 1)
    max_lags = whole("max_lags", max_lags, 1)
    max_places = whole("max_places", max_places, 1)
    tolerance = real("tolerance", tolerance, least=0, below=1)
    threads = resolve_threads(n_threads)
    data = without_copies(read(x, values))
    if n_levels is not None:
        data = in_levels(data, whole("n_levels", n_levels, 2))
    room = int(data.lengths.max()) - 10
    if room < horizon:
        raise ValueError(
            f"horizon {horizon} reaches beyond the data, whose longest sequence has "
            f"{room + 10} steps; take a shorter horizon, or bring longer data"
        )
    if candidates is not None:
        lags = _checked(candidates, horizon, room)
        n_screened = lags.size
    elif data.is_real:
        lags, n_screened = real_candidates(data, default_steps(data, horizon), room, horizon)
    else:
        lags, n_screened = symbol_candidates(data, room, horizon, threads)
    return choose_from(
        data,
        lags,
        n_screened,
        horizon=horizon,
        max_lags=max_lags,
        max_places=max_places,
        tolerance=tolerance,
        n_threads=threads,
    )


def choose_from(
    data: Data,
    lags: Ints,
    n_screened: int,
    *,
    horizon: int,
    max_lags: int,
    max_places: int,
    tolerance: float,
    n_threads: int,
) -> LagSelection:
    """Choose from given lags, which were picked from so many."""
    longest = int(lags[-1]) - horizon
    lead = longest if data.is_real else 0
    places = place(data, np.array([horizon]), lead).limited(max_places)
    # symbols t - (d - horizon) are known at t: the newest is lag 1
    nearest = lags - horizon + 1
    model: GreedySymbols | GreedyLinear
    if data.is_real:
        model = GreedyLinear(data, places, nearest, horizon)
    else:
        model = GreedySymbols(data, places, nearest, horizon, n_threads)
    return _choose(model, lags, max(n_screened, lags.size), max_lags, horizon, tolerance, data)


def _choose(
    model: GreedySymbols | GreedyLinear,
    lags: Ints,
    n_screened: int,
    max_lags: int,
    horizon: int,
    tolerance: float,
    data: Data,
) -> LagSelection:
    chosen: list[int] = []
    gains: list[float] = []
    errors: list[float] = []
    beyond = float(-stdtrit(max(2, int((model.n_scored > 0).sum()) - 1), _FALSE_ALARM / n_screened))
    alone = model.alone() if isinstance(model, GreedyLinear) else np.zeros(lags.size)
    stopped = f"max_lags={max_lags} were chosen"
    while len(chosen) < max_lags:
        if len(chosen) == lags.size:
            stopped = "all candidates were chosen"
            break
        by_block = model.gains()
        mean, error = mean_and_error(by_block, model.n_scored)
        if not chosen and not data.is_real:
            alone = mean
        best = _nearest_of_the_best(by_block, mean, model.n_scored)
        if mean[best] <= beyond * error[best]:
            stopped = (
                f"the next best lag, {lags[best]:,}, adds {mean[best]:.2g} ± {error[best]:.1g} "
                f"nats: no more than the best of {n_screened:,} lags of noise"
            )
            break
        if mean[best] <= tolerance * sum(gains):
            stopped = (
                f"the next best lag, {lags[best]:,}, adds {mean[best]:.2g} nats, less than "
                f"{tolerance:.1%} of what is known"
            )
            break
        model.take(best)
        chosen.append(int(lags[best]))
        gains.append(float(mean[best]))
        errors.append(float(error[best]))
    return LagSelection(
        lags=tuple(chosen),
        gain=np.array(gains),
        gain_error=np.array(errors),
        candidates=lags,
        alone=alone,
        stopped=stopped,
        horizon=horizon,
        n_train=model.n_trained,
        n_scored=int(model.n_scored.sum()),
        predictor="linear" if data.is_real else "back-off",
        notes=data.notes,
    )


def _nearest_of_the_best(by_block: Floats, mean: Floats, n_scored: Ints) -> int:
    """Return the nearest lag that is nearly the best, by a difference that may be chance.

    All multiples of a period tell nearly the same; the period itself is the useful answer.
    """
    rest, error = mean_and_error(by_block[int(mean.argmax())] - by_block, n_scored)
    nearly = rest <= np.minimum(BEYOND * error, _NEARLY * mean.max())
    return int(np.flatnonzero(nearly)[0])


def _checked(candidates: npt.ArrayLike, horizon: int, room: int) -> Ints:
    given = as_array("candidates", candidates)
    if given.ndim != 1 or given.size == 0 or given.dtype.kind not in "iu":
        raise ValueError(
            f"candidates must be a list of integers, the lags to choose from, got {candidates!r}"[
                :200
            ]
        )
    lags = np.unique(given.astype(np.int64))
    outside = lags[(lags < horizon) | (lags > room)]
    if outside.size:
        raise ValueError(
            f"candidates must lie between the horizon, {horizon}, and {room}, ten steps less than "
            f"the longest sequence; {outside[0]} does not"
        )
    return lags
