"""A data set of a user's own arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, SupportsIndex

import numpy as np
import pandas as pd

from optuna_mi._checks import one_of, shown, whole, wholes
from optuna_mi.datasets._array_targets import read_targets
from optuna_mi.datasets._array_values import Values, read_values
from optuna_mi.datasets._base import Dataset
from optuna_mi.datasets._forecast import Plan, forecasting
from optuna_mi.datasets._known_steps import read_known
from optuna_mi.datasets._labelled import (
    classification,
    next_symbol,
    regression,
    targets_of_steps,
)

Kind = Literal["classification", "regression", "next"]
Metric = Literal["MAE", "MASE", "MSE"]

# Floats that are whole and take no more values than this are classes rather than measurements.
_MOST_CLASSES = 20
# More rows than this of fewer steps than that are columns taken for steps.
_MANY_ROWS, _FEW_STEPS = 100, 10


def from_arrays(
    X: Any,
    y: Any = None,
    *,
    kind: Kind | None = None,
    lengths: Any = None,
    symbols: bool | None = None,
    known: Any = None,
    target: int | Sequence[int] | None = None,
    horizon: int = 1,
    window: int | None = None,
    valid: float = 0.15,
    test: float | tuple[Any, Any] = 0.15,
    metric: Metric | None = None,
    loss: Literal["mae", "mse"] | None = None,
    season: int = 1,
    seed: int = 0,
    name: str = "arrays",
) -> Dataset:
    """Make a data set of your own arrays: to analyse, to search on, to train with.

    Three kinds of task, of symbols or of real values, of one feature or of many:

    - ``"classification"``: one label per sequence (``y`` of any type; the classes are kept);
    - ``"regression"``: real targets, one or several numbers per sequence, or one per step;
    - ``"next"``: no ``y``; the next symbol, or the next ``horizon`` real values.

    Real inputs are put in standard units of the training split. Labelled sequences are split at
    random, each class in proportion; series by time, and a held-out step may look back into what
    comes before it.

    Args:
        X: Array (sequences, steps) or (sequences, steps, features), one sequence (steps,), or a
            list of sequences of any lengths; a str is a sequence of characters. One series of
            several features is ``X[None]``.
        y: Labels or targets: one per sequence, or (steps, …) like ``X``; None for the next value.
        kind: The task; by default "classification" for labels (whole floats with up to 20
            different values are labels), "regression" for other floats, "next" without ``y``.
        lengths: Valid steps of each sequence, where ``X`` is padded.
        symbols: Whether whole numbers are symbols. By default they are, unless they take many
            values that are near each other at small distances (loads, sales), of which a warning
            tells.
        known: Of series, booleans (sequences, steps), or a list of them: False where ``X`` holds a
            stand-in for a value that is missing, such as the last one before. It is read, but such
            a step is neither predicted, nor scored, nor measured in the decay curve.
        target: The feature, or features, whose next values are predicted; None for all.
        horizon: How many next values are predicted at each step.
        window: Steps of the windows that series are cut into; dilations stay below it. By default
            half the longest series, 256 at most.
        valid: Share for validation.
        test: Share for test, or a pair ``(X, y)`` of your own (one label or target per sequence).
        metric: Of regression: "MAE" (the default where ``y`` is given) or "MSE", in the target's
            own units, or "MASE" (the default for next values): relative to the naive forecast.
        loss: What training lowers, in standard units: "mae" or "mse"; by default the metric's.
        season: Steps of the naive forecast that MASE compares with.
        seed: Decides the random split.
        name: The data set's name.

    Returns:
        A data set for :class:`~optuna_mi.DilatedRNNObjective`; its ``sequences`` are what
        :meth:`DilationSpace.from_sequences` measures: the training split's.

    Raises:
        TypeError: Values or labels of a type that cannot be used.
        ValueError: Shapes do not fit, values or labels are missing, or there are too few; the
            message says which and what helps.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(60, 30, 2))
        >>> y = np.where(X[:, 5, 0] > 0, "up", "down")
        >>> dataset = from_arrays(X, y)
        >>> dataset.classes, dataset.train.inputs.shape, len(dataset.valid), len(dataset.test)
        (('down', 'up'), (42, 30, 2), 9, 9)
    """
    one_of("kind", kind, ("classification", "regression", "next", None))
    one_of("metric", metric, ("MAE", "MASE", "MSE", None))
    one_of("loss", loss, ("mae", "mse", None))
    seed = whole("seed", seed)
    if y is not None:
        y = read_targets(y)
    n_test = 0
    if not isinstance(test, int | float):
        if lengths is not None:
            raise ValueError("lengths cannot serve a test=(X, y) too: pass lists of sequences")
        X, y, n_test = _joined(X, y, test)
        test = 0.0
    if y is None:
        _check_rows(X)
    elif _are_texts(X) and len(X) == len(y):
        X = list(X)
    values = read_values(X, lengths, symbols=symbols)
    steps = None if y is None or n_test else targets_of_steps(values, y)
    kind = kind or _kind(y, steps)
    if (kind == "next") != (y is None):
        remedy = "leave y out" if kind == "next" else "give y"
        raise ValueError(f"kind={kind!r} and y do not go together: {remedy}")
    if known is not None and (values.vocabulary is not None or (y is not None and steps is None)):
        raise ValueError(
            "known= is for series of real values whose steps are predicted; leave it out, and of "
            "symbols give a missing one a name of its own"
        )
    if kind == "next" and values.vocabulary is not None:
        return next_symbol(name, values, valid, test, seed)
    if kind == "next" or steps is not None:
        _check_steps(values, kind)
        metric = metric or ("MASE" if kind == "next" else "MAE")
        plan = Plan(
            horizon=whole("horizon", horizon, 1),
            columns=_columns(target, values.parts[0].shape[-1]),
            window=None if window is None else whole("window", window, 2),
            valid=valid,
            test=test,
            metric=metric,
            loss=loss or ("mse" if metric == "MSE" else "mae"),
            season=whole("season", season, 1),
        )
        there = None if known is None else read_known(known, values.lengths.tolist())
        return forecasting(name, values.parts, plan, steps, there)
    if kind == "classification":
        return classification(name, values, y, valid, test, seed, n_test)
    if metric == "MASE":
        raise ValueError(
            "metric='MASE' compares with the value before, and one target per sequence has none: "
            "choose 'MAE' or 'MSE'"
        )
    metric = metric or "MAE"
    loss = loss or ("mse" if metric == "MSE" else "mae")
    return regression(name, values, y, valid, test, seed, n_test, metric=metric, loss=loss)


def _joined(x: Any, y: Any, test: Any) -> tuple[list[Any], list[Any], int]:
    """Return training and test sequences behind one another, and how many are the test's."""
    if not (isinstance(test, tuple) and len(test) == 2):
        raise ValueError(f"test={shown(test)}: give a share such as 0.15, or a pair (X, y)")
    if y is None:
        raise ValueError("test=(X, y) goes with labels: give y as well, or a share of each series")
    test = (test[0], read_targets(test[1]))
    for sequences, labels in ((x, y), test):
        if len(sequences) != len(labels):
            raise ValueError(
                f"{len(labels)} labels for {len(sequences)} sequences: give one label per sequence"
            )
    return [*x, *test[0]], [*y, *test[1]], len(test[1])


def _kind(y: Any, steps: Any) -> Kind:
    if y is None:
        return "next"
    if steps is not None:
        return "regression"
    labels = np.asarray(y)
    if labels.dtype.kind != "f":
        return "classification"
    if labels.ndim == 2 and ((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all():
        raise ValueError(
            f"y of shape {labels.shape} has a single 1 in every row, like one-hot classes: pass "
            "y.argmax(axis=1), or kind='regression' if these are numbers"
        )
    distinct = np.unique(labels)
    whole_numbers = labels.ndim == 1 and bool((distinct % 1 == 0).all())
    return "classification" if whole_numbers and len(distinct) <= _MOST_CLASSES else "regression"


def _check_steps(values: Values, kind: Kind) -> None:
    """Raise ValueError for what cannot be predicted step by step."""
    if kind == "classification":
        raise ValueError(
            "y holds a label for every step, which no task here predicts: give one label per "
            "sequence, or real targets with kind='regression'"
        )
    if values.vocabulary is not None:
        raise ValueError(
            "targets for every step need real inputs, and X holds symbols: pass symbols=False if "
            "they are measurements, or one target per sequence"
        )


def _are_texts(x: Any) -> bool:
    """Return whether it is a column or an array of str: beside labels each is a sequence."""
    column = x if isinstance(x, pd.Series | pd.Index) else None
    if isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype.kind in "OSU":
        column = pd.Series(x, dtype=object)
    return column is not None and len(column) > 0 and isinstance(next(iter(column)), str)


def _check_rows(x: Any) -> None:
    """Raise ValueError for columns that would be taken for steps."""
    shape: tuple[int, ...] = np.shape(x) if hasattr(x, "__array__") else ()
    if len(shape) == 2 and shape[0] > _MANY_ROWS and shape[1] < _FEW_STEPS:
        raise ValueError(
            f"X has shape {shape}: two axes are (sequences, steps), and that is very many of very "
            "few. Where columns are features of one series, pass X[None]; where each is a series, "
            "X.T"
        )


def _columns(target: int | Sequence[int] | None, n_features: int) -> tuple[int, ...]:
    if target is None:
        return tuple(range(n_features))
    chosen = (target,) if isinstance(target, SupportsIndex) else target
    columns = wholes("target", chosen, 0, n_features - 1)
    if not columns:
        raise ValueError(f"target is empty: give columns of X from 0 to {n_features - 1}")
    return columns
