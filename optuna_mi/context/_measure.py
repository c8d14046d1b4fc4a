"""Measure the context curve of a user's data."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import flag, real, whole
from optuna_mi._threads import resolve_threads
from optuna_mi.context._context_curve import Budget, ContextCurve
from optuna_mi.context._enough import TOLERANCE, enough, mean_and_error
from optuna_mi.context._linear import LagMoments, gaussian_losses
from optuna_mi.context._places import FEWEST_PLACES, Data, Places, Values, place, read
from optuna_mi.context._symbols import BackOff, nested_losses

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Steps of context by default. Contexts of 32 symbols hardly ever occur twice; linear predictors may
# use 512 steps, but no more than 4e10 products (lags squared times places). Choices of time.
_SYMBOL_STEPS, _REAL_STEPS, _MOST_PRODUCTS = 32, 512, 4e10
# The second predictor, which also takes the squares of values and so finds dependence that is not
# linear, is tried on so many steps and places. Choices of time.
_SQUARED_STEPS, _SQUARED_PLACES = 64, 50_000
# A smaller budget of fewer places than this says nothing: an eighth of it would be a dozen.
_FEWEST_TRAINED = 100


def context_curve(
    x: Any,
    *,
    max_context: int | None = None,
    horizon: int = 1,
    n_train: int | None = None,
    values: Values = "auto",
    budgets: bool = True,
    tolerance: float = TOLERANCE,
    n_threads: int | None = None,
) -> ContextCurve:
    """Measure what the last k steps tell about a later value, as far as it can be learnt.

    Symbols are predicted by counts of contexts, each order blended with the one below it; real
    values by linear predictors of k lags. Both are trained on four fifths of the blocks of the
    data and scored on the fifth left out, in turn.

    Args:
        x: Whatever `optuna_mi.decay_curve` reads: text, bytes, arrays, ragged lists, a panel, the
            path of an ``.npy`` file; or real vectors, an array (sequences, steps, features) or a
            list of arrays (steps, features).
        max_context: The largest k; by default 32 for symbols, and for real values a third of a
            typical sequence, at most 512.
        horizon: How many steps after the last one known the value lies.
        n_train: Learn from this many steps only (and score on half of the data), as with fewer
            data. By default from four fifths of all.
        values: ``"symbols"``: integers and characters are names; ``"real"``: quantities;
            ``"auto"``: floats and the values of panels are quantities, all else is symbols.
        budgets: Whether to measure a half, a quarter and an eighth of the budget too.
        tolerance: Gains are ignored if together they are below this share of all that can be
            learnt; with 0 all gains beyond the error count.
        n_threads: Threads; by default one for each processor.

    Returns:
        The curve, in nats.

    Raises:
        TypeError: If x is nothing that can be read.
        ValueError: If x is constant, holds NaN, or is too short for the context and the horizon;
            the message says what would do.

    Example:
        >>> from optuna_mi.decay.generators import markov_chain, sticky_transition
        >>> x = markov_chain(20_000, sticky_transition(3, 0.8), seed=0)
        >>> curve = context_curve(x, max_context=6)
        >>> curve.context_length, round(float(curve.information[1]), 1)
        (1, 0.6)
    """
    horizon = whole("horizon", horizon, 1)
    tolerance = real("tolerance", tolerance, least=0, below=1)
    flag("budgets", budgets)
    question = Question.of(
        read(x, values), np.array([horizon]), max_context, resolve_threads(n_threads)
    )
    return answer(question, n_train=n_train, budgets=budgets, tolerance=tolerance)


@dataclass(frozen=True)
class Question:
    """What is predicted from how much of the past.

    Attributes:
        data: The sequences.
        places: Where to predict.
        steps: The largest number of steps of context.
        horizons: Steps ahead; several, which are averaged over, for real values only.
        n_threads: Threads.
        told: Whether the user gave the number of steps.
    """

    data: Data
    places: Places
    steps: int
    horizons: Ints
    n_threads: int
    told: bool

    @classmethod
    def of(cls, data: Data, horizons: Ints, max_context: int | None, n_threads: int) -> Self:
        """Choose the largest number of steps, unless it is given, and the places.

        Raises:
            ValueError: If the data are too short for it.
        """
        horizon = int(horizons.max())
        steps = _steps(data, horizon, max_context)
        places = place(data, horizons, steps - 1 if data.is_real else 0)
        return cls(data, places, steps, horizons, n_threads, max_context is not None)

    def losses(self, n_train: int | None) -> tuple[Floats, Ints, int]:
        """Return losses (steps + 1, blocks), places scored per block, and places learnt from."""
        lags = np.arange(1, self.steps + 1)
        if self.data.is_real:
            sums = LagMoments(self.data, self.places, lags, self.horizons, n_train)
            losses = gaussian_losses(sums.errors(), sums.n_scored, sums.n_features)
            return losses, sums.n_scored, sums.n_trained
        horizon = int(self.horizons[-1])
        model = BackOff(self.data, self.places, horizon, n_train, n_threads=self.n_threads)
        return nested_losses(model, lags.tolist()), model.n_scored, model.n_trained


def answer(
    question: Question, *, n_train: int | None, budgets: bool, tolerance: float
) -> ContextCurve:
    """Return the curve.

    Raises:
        ValueError: If ``n_train`` leaves nothing to score.
    """
    places, data = question.places, question.data
    if n_train is not None and whole("n_train", n_train, 1) > places.most_trained:
        raise ValueError(
            f"n_train={n_train:,} leaves nothing to score: half of the {places.at.size:,} steps, "
            f"{places.most_trained:,}, is the most; leave n_train out to learn from four fifths"
        )
    losses, n_scored, n_trained = question.losses(n_train)
    found = enough(losses, n_scored, tolerance)
    information, std_error = mean_and_error(losses[:1] - losses, n_scored)
    gain, gain_error = mean_and_error(-np.diff(losses, axis=0, prepend=losses[:1]), n_scored)
    base = float(losses[0].sum() / n_scored.sum())
    own = Budget(n_trained, found.length, found.interval, float(information[found.length]))
    smaller = _smaller(question, n_trained, tolerance) if budgets else []
    return ContextCurve(
        information=information,
        std_error=std_error,
        gain=gain,
        gain_error=gain_error,
        context_length=found.length,
        context_interval=found.interval,
        base_loss=base + 0.5 * math.log(2 * math.pi * math.e) if data.is_real else base,
        horizon=int(question.horizons.max()),
        n_train=n_trained,
        n_scored=int(n_scored.sum()),
        budgets=(*smaller, own),
        predictor="linear" if data.is_real else "back-off",
        notes=(
            *data.notes,
            *_at_the_end(found.length, question),
            *_too_short(found.length, question, tolerance),
        ),
    )


def _smaller(question: Question, n_trained: int, tolerance: float) -> list[Budget]:
    out = []
    for part in (8, 4, 2):
        n = n_trained // part
        if n < _FEWEST_TRAINED or n > question.places.most_trained:
            continue
        losses, n_scored, n = question.losses(n)
        found = enough(losses, n_scored, tolerance)
        told = float((losses[0] - losses[found.length]).sum() / n_scored.sum())
        out.append(Budget(n, found.length, found.interval, told))
    return out


def _steps(data: Data, horizon: int, max_context: int | None) -> int:
    room = int(data.lengths.max()) - horizon
    if max_context is not None:
        wanted = whole("max_context", max_context, 1)
        if wanted > room > 0:
            raise ValueError(
                f"max_context={wanted} with horizon {horizon} needs a sequence of "
                f"{wanted + horizon} steps, and the longest has {room + horizon}; take at most "
                f"{room}"
            )
        return wanted
    return default_steps(data, horizon)


def default_steps(data: Data, horizon: int) -> int:
    """Return the largest number of steps of context that is looked at by default."""
    room = max(1, int(data.lengths.max()) - horizon)
    if not data.is_real:
        return min(_SYMBOL_STEPS, room)
    # so long that three quarters of the steps lie in sequences three times as long
    lengths = np.sort(data.lengths)
    share = np.cumsum(lengths) / lengths.sum()
    typical = int(lengths[np.searchsorted(share, 0.25)])
    affordable = int(np.sqrt(_MOST_PRODUCTS / lengths.sum()) / data.values.shape[1])
    steps = min((typical - horizon) // 3, _REAL_STEPS, max(affordable, 16), room)
    # short data: no more than leaves enough to hold out
    while steps > 1 and np.maximum(lengths - horizon - steps + 1, 0).sum() < FEWEST_PLACES:
        steps -= 1
    return max(1, steps)


def _too_short(length: int, question: Question, tolerance: float) -> tuple[str, ...]:
    """Say where a predictor that is not linear, of values and their squares, uses more steps."""
    data = question.data
    steps = min(question.steps, _SQUARED_STEPS)
    if not data.is_real or data.values.shape[1] > 1 or length >= steps:
        return ()
    squares = data.values**2
    deviation = squares.std()
    if deviation == 0:
        return ()
    both = np.hstack([data.values, (squares - squares.mean()) / deviation])
    places = question.places.limited(_SQUARED_PLACES)
    lags = np.arange(1, steps + 1)
    sums = LagMoments(replace(data, values=both), places, lags, question.horizons)
    # of each target its value alone, not its square
    losses = gaussian_losses(sums.errors()[:, :, 0::2], sums.n_scored, 1)
    found = enough(losses, sums.n_scored, tolerance)
    if found.length <= length:
        return ()
    more = float((losses[length] - losses[found.length]).sum() / sums.n_scored.sum())
    return (
        f"the linear answer is too short: with the squares of the values {found.length:,} steps "
        f"tell {more:.2g} nats more than {length:,}; select_lags(x, n_levels=6) finds which",
    )


def _at_the_end(length: int, question: Question) -> tuple[str, ...]:
    if length < question.steps:
        return ()
    remedy = "raise max_context" if question.told else "give a larger max_context"
    return (f"the last of {question.steps} steps still adds: {remedy}",)
