"""What a data set hands to the decay analysis and to training."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, eq=False)
class ClassificationSplit:
    """Labelled sequences.

    Attributes:
        inputs: float32 array (sequences, steps, features).
        targets: int64 array (sequences,) of classes.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.targets)


@dataclasses.dataclass(frozen=True, eq=False)
class SequenceClassification:
    """Sequences of one length, each with one class.

    Attributes:
        name: The name under which the data are known.
        train: What trials train on.
        valid: What the objective is measured on.
        test: Touched only after a trial is complete, never to choose anything.
        sequences: int array (sequences, steps), the training split's symbols: what the decay curve
            is computed on.
        n_classes: Number of classes.
    """

    name: str
    train: ClassificationSplit
    valid: ClassificationSplit
    test: ClassificationSplit
    sequences: NDArray[Any]
    n_classes: int

    task: Literal["classification"] = dataclasses.field(default="classification", init=False)
    metric: str = dataclasses.field(default="accuracy", init=False)
    direction: Literal["maximize", "minimize"] = dataclasses.field(default="maximize", init=False)

    @property
    def length(self) -> int:
        """Steps of a sequence."""
        return int(self.train.inputs.shape[1])

    @property
    def fingerprint(self) -> str:
        """A short hash of the training data, to tell two data sets of one name apart."""
        return _hash(self.train.inputs, self.train.targets)


@dataclasses.dataclass(frozen=True, eq=False)
class LanguageModeling:
    """One stream of symbols a split; the task is the next symbol.

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


Dataset = SequenceClassification | LanguageModeling


def _hash(*arrays: NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str((array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]
