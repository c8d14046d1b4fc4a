"""Sequences with a label or a number each, and sequences of symbols whose next is predicted."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import rankdata

from optuna_mi._logging import get_logger
from optuna_mi.datasets._array_splits import check_shares, encode_labels, split_rows
from optuna_mi.datasets._array_values import Values, padded
from optuna_mi.datasets._base import (
    ClassificationSplit,
    LanguageModeling,
    RegressionSplit,
    SequenceClassification,
    SequenceRegression,
)
from optuna_mi.datasets._forecast import standard_units
from optuna_mi.decay.measure.reading._real import check_finite

_logger = get_logger(__name__)

_FEW_SHOWN = 5

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def classification(
    name: str, values: Values, y: Any, valid: float, test: float, seed: int, n_test: int
) -> SequenceClassification:
    """Return labelled sequences as a data set; arguments as `from_arrays` has them.

    Args:
        name: The data set's name.
        values: The sequences.
        y: One label per sequence.
        valid: Share for validation.
        test: Share for test, 0 where it is given.
        seed: Decides the split.
        n_test: How many sequences, the last, are the given test.

    Raises:
        TypeError: Labels of several types.
        ValueError: Labels do not fit, or there are too few.
    """
    codes, classes = encode_labels(y, len(values.parts))
    rows = _rows(len(codes), valid, test, seed, n_test, codes)
    unseen = [classes[c] for c in sorted(set(codes.tolist()) - set(codes[rows[0]].tolist()))]
    if unseen:
        raise ValueError(f"no training sequence has the class {unseen}: no network could learn it")
    _warn_of_rare(codes, classes, {"validation": rows[1], "test": rows[2]})
    parts, _ = _standard(values, rows[0])
    steps = int(values.lengths.max())
    ragged = len(set(values.lengths.tolist())) > 1
    train, held, last = (
        ClassificationSplit(
            padded([parts[i] for i in part], steps),
            codes[part],
            values.lengths[part] if ragged else None,
        )
        for part in rows
    )
    return SequenceClassification(
        name,
        train,
        held,
        last,
        sequences=_for_decay([parts[i] for i in rows[0]]),
        n_classes=len(classes),
        classes=classes,
        n_symbols=values.n_symbols,
    )


def _warn_of_rare(codes: Indices, classes: tuple[Any, ...], held: dict[str, Indices]) -> None:
    """Name the classes that no score counts, as a split has no sequence of them."""
    every = set(codes.tolist())
    for split, rows in held.items():
        absent = [classes[c] for c in sorted(every - set(codes[rows].tolist()))]
        if absent:
            shown = ", ".join(map(repr, absent[:_FEW_SHOWN]))
            more = f" and {len(absent) - _FEW_SHOWN} more" if len(absent) > _FEW_SHOWN else ""
            _logger.warning(
                f"The {split} split has no sequence of {len(absent)} of {len(classes)} classes "
                f"({shown}{more}), so its score says nothing of them: give more of these, raise "
                "the split's share, or leave them out"
            )


def regression(
    name: str,
    values: Values,
    y: Any,
    valid: float,
    test: float,
    seed: int,
    n_test: int,
    *,
    metric: Literal["MAE", "MSE"],
    loss: Literal["mae", "mse"],
) -> SequenceRegression:
    """Return sequences with one or several numbers each as a data set.

    Args:
        name: The data set's name.
        values: The sequences.
        y: (sequences,) or (sequences, values).
        valid: Share for validation.
        test: Share for test, 0 where it is given.
        seed: Decides the split.
        n_test: How many sequences, the last, are the given test.
        metric: The score.
        loss: What training lowers.

    Raises:
        ValueError: Targets do not fit, are missing or all the same, or there are too few.
    """
    n = len(values.parts)
    try:
        targets = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"targets of a regression must be numbers ({error}); labels are for "
            "kind='classification'"
        ) from error
    if targets.ndim not in (1, 2) or len(targets) != n:
        raise ValueError(
            f"y has shape {targets.shape}, but X holds {n} sequences: give ({n},) or ({n}, values)"
        )
    targets = check_finite(targets).reshape(n, -1)
    rows = _rows(n, valid, test, seed, n_test, None)
    center, scale = standard_units(targets[rows[0]])
    if np.ptp(targets[rows[0]], axis=0).max() == 0:
        raise ValueError(f"all training targets are {targets[0]}: there is nothing to learn")
    parts, units = _standard(values, rows[0])
    steps = int(values.lengths.max())
    ragged = len(set(values.lengths.tolist())) > 1
    train, held, last = (
        RegressionSplit(
            padded([parts[i] for i in part], steps),
            ((targets[part] - center) / scale).astype(np.float32),
            np.tile(scale, (len(part), 1)).astype(np.float32),
            lengths=values.lengths[part] if ragged else None,
        )
        for part in rows
    )
    return SequenceRegression(
        name,
        train,
        held,
        last,
        sequences=_for_decay([parts[i] for i in rows[0]]),
        metric=metric,
        loss=loss,
        input_center=units[0][None],
        input_scale=units[1][None],
        target_center=center[None],
        target_scale=scale[None],
        n_symbols=values.n_symbols,
    )


def next_symbol(
    name: str, values: Values, valid: float, test: float, seed: int
) -> LanguageModeling:
    """Return symbols as a data set whose task is the next one.

    One sequence is split in order; several are split at random, each whole.

    Raises:
        ValueError: There are too few symbols or sequences.
    """
    assert values.vocabulary is not None
    if len(values.parts) == 1:
        check_shares(valid, test)
        stream = values.parts[0]
        n = len(stream)
        at = [n - round(valid * n) - round(test * n), n - round(test * n)]
        streams = np.split(stream, at)
        if min(map(len, streams)) < 2:
            raise ValueError(
                f"{n} symbols are too few to split into training, validation ({valid:g}) and test "
                f"({test:g}): {', '.join(str(len(s)) for s in streams)}"
            )
        for_decay: Any = streams[0]
    else:
        rows = split_rows(len(values.parts), valid, test, seed)
        streams = [np.concatenate([values.parts[i] for i in part]) for part in rows]
        for_decay = _for_decay([values.parts[i] for i in rows[0]])
    train, held, last = streams
    return LanguageModeling(
        name,
        train,
        held,
        last,
        sequences=for_decay,
        vocabulary=values.vocabulary,
        unit="symbol",
    )


def targets_of_steps(values: Values, y: Any) -> list[Floats] | None:
    """Return targets that hold a row for every step of every sequence, or None if y does not.

    Returns:
        One float64 array (steps, values) per sequence.

    Raises:
        ValueError: A target is missing.
    """
    lengths = values.lengths.tolist()
    if len(lengths) == 1 and len(y) == lengths[0] > 1:
        y = [y]
    if len(y) != len(lengths) or not all(
        np.ndim(part) in (1, 2) and len(part) == n for part, n in zip(y, lengths, strict=True)
    ):
        return None
    parts = [np.asarray(part) for part in y]
    if any(part.dtype.kind not in "biuf" for part in parts):
        raise ValueError(
            "y holds a label for every step, which no task here predicts: give one label per "
            "sequence, or real targets"
        )
    return [check_finite(part.astype(np.float64)).reshape(len(part), -1) for part in parts]


def _rows(
    n: int, valid: float, test: float, seed: int, n_test: int, classes: Indices | None
) -> tuple[Indices, Indices, Indices]:
    own = n - n_test
    rows = split_rows(own, valid, test, seed, None if classes is None else classes[:own])
    return (*rows[:2], np.arange(own, n)) if n_test else rows


def _standard(
    values: Values, rows: Indices
) -> tuple[list[npt.NDArray[Any]], tuple[Floats, Floats]]:
    """Return real sequences in units of the training rows, symbols as they are; and the units."""
    if values.vocabulary is not None:
        return values.parts, (np.zeros(1), np.ones(1))
    center, scale = standard_units(np.concatenate([values.parts[i] for i in rows]))
    return [(part - center) / scale for part in values.parts], (center, scale)


def _for_decay(parts: list[npt.NDArray[Any]]) -> Any:
    """Return sequences as `decay_curve` takes them: each feature of each a sequence of its own.

    Features are brought to one distribution first, so that what tells one from another at a glance,
    which has nothing to do with distance, is not counted.
    """
    if parts[0].ndim == 2 and parts[0].shape[1] == 1:
        parts = [part[:, 0] for part in parts]
    if parts[0].ndim == 2:
        ranks = rankdata(np.concatenate(parts), axis=0)
        scores = np.split(ndtri(ranks / (len(ranks) + 1)), np.cumsum([len(p) for p in parts])[:-1])
        parts = [s[:, j] for j in range(parts[0].shape[1]) for s in scores]
    return np.stack(parts) if len({len(part) for part in parts}) == 1 else parts
