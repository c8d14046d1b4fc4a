"""Measure the context curve of a user's data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import flag, real, whole
from optuna_mi._threads import resolve_threads
from optuna_mi.context._back_off import BackOff, nested_losses
from optuna_mi.context._beyond_linear import Products, products_beyond
from optuna_mi.context._context_curve import Budget, ContextCurve
from optuna_mi.context._data import Data, Values, read, without_copies
from optuna_mi.context._enough import TOLERANCE, enough, mean_and_error
from optuna_mi.context._labels import with_labels
from optuna_mi.context._linear import LagMoments, gaussian_losses
from optuna_mi.context._places import Places, place
from optuna_mi.context._steps import short_sequences_note, steps_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# A smaller budget of fewer places than this says nothing: an eighth of it would be a dozen.
_FEWEST_TRAINED = 100


def context_curve(
    x: Any,
    *,
    max_context: int | None = None,
    horizon: int = 1,
    labels: npt.ArrayLike | None = None,
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
        labels: One label a sequence: then the curve says what the last k steps tell about the
            label, on average over all steps of a sequence, and its ``horizon`` is 0. Real values
            are cut into four levels.
        n_train: Learn from this many steps only (and score on half of the data), as with fewer
            data. By default from four fifths of all.
        values: ``"symbols"``: integers and characters are names; ``"real"``: quantities;
            ``"auto"``: floats, the values of panels and whole numbers of more than 256 kinds that
            are near each other at small distances are quantities, all else is symbols.
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
    data, threads = read(x, values), resolve_threads(n_threads)
    if labels is None:
        question = Question.of(data, np.array([horizon]), max_context, threads)
    elif horizon != 1:
        raise ValueError(f"a label lies at no horizon, got horizon={horizon}: leave horizon out")
    else:
        question = Question.of_labels(data, labels, max_context, threads)
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
        target: What is asked for at each step, where it is not a later value; codes, shape (N,).
    """

    data: Data
    places: Places
    steps: int
    horizons: Ints
    n_threads: int
    told: bool
    target: npt.NDArray[np.int32] | None = None

    @classmethod
    def of_labels(
        cls, data: Data, labels: npt.ArrayLike, max_context: int | None, n_threads: int
    ) -> Self:
        """Ask for a sequence's label at each of its steps."""
        data, places, target = with_labels(data, labels)
        steps = steps_of(data, 0, max_context)
        return cls(
            data, places, steps, np.zeros(1, int), n_threads, max_context is not None, target
        )

    @classmethod
    def of(cls, data: Data, horizons: Ints, max_context: int | None, n_threads: int) -> Self:
        """Choose the largest number of steps, unless it is given, and the places.

        Raises:
            ValueError: If the data are too short for it.
        """
        data = without_copies(data)
        horizon = int(horizons.max())
        steps = steps_of(data, horizon, max_context)
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
        model = BackOff(self.data, self.places, horizon, n_train, self.target, self.n_threads)
        return nested_losses(model, lags.tolist()), model.n_scored, model.n_trained


def answer(
    question: Question, *, n_train: int | None, budgets: bool, tolerance: float
) -> ContextCurve:
    """Return the curve.

    Raises:
        ValueError: If ``n_train`` leaves nothing to score.
    """
    places, data = question.places, question.data
    horizon = int(question.horizons.max())
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
    products = products_beyond(
        data,
        places,
        found.length,
        question.steps,
        int(question.horizons[0]),
        float(information[found.length]),
    )
    return ContextCurve(
        information=information,
        std_error=std_error,
        gain=gain,
        gain_error=gain_error,
        context_length=found.length,
        context_interval=found.interval,
        base_loss=base + 0.5 * math.log(2 * math.pi * math.e) if data.is_real else base,
        horizon=horizon,
        n_train=n_trained,
        n_scored=int(n_scored.sum()),
        budgets=(*smaller, own),
        predictor="linear" if data.is_real else "back-off",
        notes=(
            *data.notes,
            *_at_the_end(found.length, question),
            *(() if question.told else short_sequences_note(data, question.steps, horizon)),
            *_not_linear(products, found.length),
        ),
        nonlinear_length=0 if products is None else products.reach,
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


def _not_linear(products: Products | None, length: int) -> tuple[str, ...]:
    if products is None:
        return ()
    told = f"{products} tells {products.gain:.2g} nats more"
    if products.reach > length:
        return (
            f"the linear answer is too short: {told}; a model that is not linear needs "
            f"{products.reach:,} steps",
        )
    return (f"much is not linear: {told}, within the same steps",)


def _at_the_end(length: int, question: Question) -> tuple[str, ...]:
    if length < question.steps:
        return ()
    remedy = "raise max_context" if question.told else "give a larger max_context"
    return (f"the last of {question.steps} steps still adds: {remedy}",)
