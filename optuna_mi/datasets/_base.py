"""What a data set hands to the decay analysis and to training."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from optuna_mi._checks import instance, one_of, whole
from optuna_mi._short import Short
from optuna_mi.datasets._check_fields import (
    check_array,
    check_codes,
    check_inputs,
    check_names,
    check_sequences,
    check_splits,
)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ClassificationSplit(Short):
    """Labelled sequences.

    Attributes:
        inputs: float32 array (sequences, steps, features), or, of symbols, int64 array (sequences,
            steps); zeros behind the end of a shorter sequence.
        targets: int64 array (sequences,) of classes.
        lengths: int64 array (sequences,) of valid steps, or None where all are valid.
    """

    inputs: NDArray[Any]
    targets: NDArray[np.int64]
    lengths: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        check_array("targets", self.targets, np.int64, "(sequences,)", 1)
        if self.targets.min() < 0:
            raise ValueError(
                f"targets must be classes 0, 1, …, got {self.targets.min()}; number them with "
                "numpy.unique(..., return_inverse=True)"
            )
        check_inputs(self.inputs, len(self.targets), self.lengths)

    def __len__(self) -> int:
        return len(self.targets)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SequenceClassification(Short):
    """Sequences with one class each.

    Attributes:
        name: The name under which the data are known.
        train: What trials train on.
        valid: What the objective is measured on.
        test: Touched only after a trial is complete, never to choose anything.
        sequences: What the decay curve is computed on: the training split's symbols or values, an
            array (sequences, steps) or, of different lengths, a list of arrays.
        n_classes: Number of classes.
        classes: The classes' own names; ``classes[i]`` is class ``i``. Empty where they are 0, 1, …
        n_symbols: Size of the alphabet where the inputs are symbols, else None.
    """

    name: str
    train: ClassificationSplit
    valid: ClassificationSplit
    test: ClassificationSplit
    sequences: Any
    n_classes: int
    classes: tuple[Any, ...] = ()
    n_symbols: int | None = None

    task: Literal["classification"] = dataclasses.field(default="classification", init=False)
    metric: str = dataclasses.field(default="accuracy", init=False)
    direction: Literal["maximize", "minimize"] = dataclasses.field(default="maximize", init=False)

    def __post_init__(self) -> None:
        instance("name", self.name, str, "a str")
        splits = {"train": self.train, "valid": self.valid, "test": self.test}
        check_splits(splits, ClassificationSplit, self.sequences, self.n_symbols)
        n_classes = whole("n_classes", self.n_classes, 1)
        for name, split in splits.items():
            if split.targets.max() >= n_classes:
                raise ValueError(
                    f"n_classes={n_classes} needs targets 0..{n_classes - 1}, and {name} holds "
                    f"{split.targets.max()}; number them from 0"
                )

    @property
    def length(self) -> int:
        """Steps of the longest sequence."""
        return int(self.train.inputs.shape[1])

    @property
    def fingerprint(self) -> str:
        """A short hash of the training data, to tell two data sets of one name apart."""
        return _hash(self.train.inputs, self.train.targets)

    @property
    def held_out_fingerprint(self) -> str:
        """A short hash of what is not trained on: scores on other data do not compare."""
        splits = (self.valid, self.test)
        return _hash(*(array for split in splits for array in (split.inputs, split.targets)))


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LanguageModeling(Short):
    """One stream of symbols per split; the task is the next symbol.

    Attributes:
        name: The name under which the data are known.
        train: int64 array (symbols,).
        valid: int64 array (symbols,).
        test: int64 array (symbols,).
        sequences: What the decay curve is computed on: the training symbols, as one array or, when
            the data are many sequences, as a list of arrays or a (sequences, steps) array.
        vocabulary: The symbols' names; ``vocabulary[i]`` is symbol ``i``.
        unit: What a symbol is: "character", "word", "byte" or "symbol".
    """

    name: str
    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]
    sequences: Any
    vocabulary: tuple[str, ...]
    unit: str = "character"

    task: Literal["language modeling"] = dataclasses.field(default="language modeling", init=False)
    direction: Literal["maximize", "minimize"] = dataclasses.field(default="minimize", init=False)

    def __post_init__(self) -> None:
        instance("name", self.name, str, "a str")
        instance("unit", self.unit, str, "a str, what a symbol is")
        object.__setattr__(self, "vocabulary", check_names(self.vocabulary))
        check_sequences(self.sequences)
        for name in ("train", "valid", "test"):
            stream = getattr(self, name)
            check_array(name, stream, np.int64, "(symbols,)", 1)
            check_codes(name, stream, len(self.vocabulary))

    @property
    def metric(self) -> str:
        """What the objective measures."""
        return f"bits per {self.unit}"

    @property
    def n_symbols(self) -> int:
        """Size of the vocabulary."""
        return len(self.vocabulary)

    @property
    def fingerprint(self) -> str:
        """A short hash of the training data, to tell two data sets of one name apart."""
        return _hash(self.train)

    @property
    def held_out_fingerprint(self) -> str:
        """A short hash of what is not trained on: scores on other data do not compare."""
        return _hash(self.valid, self.test)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RegressionSplit(Short):
    """Sequences and the numbers to be predicted from them, all in standard units.

    Attributes:
        inputs: float32 array (sequences, steps, features), or, of symbols, int64 array (sequences,
            steps); zeros behind the end of a shorter sequence.
        targets: float32 array (sequences, values) of what is read at a sequence's end, or
            (sequences, steps, values) of what is predicted at every step.
        error_scale: float32 array (sequences, values): what an error of 1 counts in the score.
        scored: bool array (sequences, steps), the steps whose predictions count; None where a
            sequence is read at its end.
        lengths: int64 array (sequences,) of valid steps, or None where all are valid.
        once: bool array (sequences, steps), the scored steps with each step of a series marked in
            one window alone, where windows overlap; None where ``scored`` does that.
    """

    inputs: NDArray[Any]
    targets: NDArray[np.float32]
    error_scale: NDArray[np.float32]
    scored: NDArray[np.bool_] | None = None
    lengths: NDArray[np.int64] | None = None
    once: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        shapes = "(sequences, values) or (sequences, steps, values)"
        check_array("targets", self.targets, np.float32, shapes, 2, 3)
        check_array("error_scale", self.error_scale, np.float32, "(sequences, values)", 2)
        check_inputs(self.inputs, len(self.targets), self.lengths)
        if self.error_scale.shape != (len(self), self.targets.shape[-1]):
            raise ValueError(
                "error_scale must have the shape (sequences, values), "
                f"{(len(self), self.targets.shape[-1])}, got {self.error_scale.shape}"
            )
        if self.scored is not None:
            check_array("scored", self.scored, np.bool_, "(sequences, steps)", 2)

    def __len__(self) -> int:
        return len(self.targets)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SequenceRegression(Short):
    """Sequences from which real values are predicted: one per sequence, or the next at each step.

    Attributes:
        name: The name under which the data are known.
        train: What trials train on.
        valid: What the objective is measured on.
        test: Touched only after a trial is complete, never to choose anything.
        sequences: What the decay curve is computed on: the training split's values.
        metric: The score: "MAE", "MSE" (both in the target's own units) or "MASE".
        loss: What training lowers, in standard units: "mae" or "mse".
        input_center: float64 array (series, features), subtracted from the inputs; one row where
            all sequences share it.
        input_scale: float64 array of the same shape, which they are then divided by.
        target_center: float64 array (series, values), likewise.
        target_scale: float64 array (series, values): a prediction times it, plus the center, is in
            the target's own units.
        n_symbols: Size of the alphabet where the inputs are symbols, else None.
    """

    name: str
    train: RegressionSplit
    valid: RegressionSplit
    test: RegressionSplit
    sequences: Any
    metric: Literal["MAE", "MASE", "MSE"]
    loss: Literal["mae", "mse"]
    input_center: NDArray[np.float64]
    input_scale: NDArray[np.float64]
    target_center: NDArray[np.float64]
    target_scale: NDArray[np.float64]
    n_symbols: int | None = None

    task: Literal["regression"] = dataclasses.field(default="regression", init=False)
    direction: Literal["maximize", "minimize"] = dataclasses.field(default="minimize", init=False)

    def __post_init__(self) -> None:
        instance("name", self.name, str, "a str")
        splits = {"train": self.train, "valid": self.valid, "test": self.test}
        check_splits(splits, RegressionSplit, self.sequences, self.n_symbols)
        one_of("metric", self.metric, ("MAE", "MASE", "MSE"))
        one_of("loss", self.loss, ("mae", "mse"))
        for name in ("input_center", "input_scale", "target_center", "target_scale"):
            check_array(name, getattr(self, name), np.float64, "(series, features or values)", 2)

    @property
    def length(self) -> int:
        """Steps of the longest sequence, or of a window."""
        return int(self.train.inputs.shape[1])

    @property
    def every_step(self) -> bool:
        """Whether there is a prediction at every step."""
        return self.train.targets.ndim == 3

    @property
    def n_values(self) -> int:
        """How many numbers a prediction has."""
        return int(self.train.targets.shape[-1])

    @property
    def fingerprint(self) -> str:
        """A short hash of the training data, to tell two data sets of one name apart."""
        return _hash(self.train.inputs, self.train.targets)

    @property
    def held_out_fingerprint(self) -> str:
        """A short hash of what is not trained on: scores on other data do not compare."""
        splits = (self.valid, self.test)
        return _hash(*(array for split in splits for array in (split.inputs, split.targets)))


Dataset = SequenceClassification | SequenceRegression | LanguageModeling


def _hash(*arrays: NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str((array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]
