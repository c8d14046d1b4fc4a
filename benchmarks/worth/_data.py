"""The data sets of the searches, and what one training of each budget is."""

from __future__ import annotations

import dataclasses
import functools
import os
import pydoc_data.topics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from optuna_mi import load_dataset
from optuna_mi.datasets import Dataset, SequenceClassification

# The permutation of the DilatedRNN authors' public code, drawn for as many pixels as there are.
_PERMUTATION_SEED = 92916


@dataclasses.dataclass(frozen=True)
class Training:
    """Fixed settings of every training on one data set; no pruning, a constant learning rate.

    Attributes:
        cell: Of the network.
        hidden_size: Units a layer.
        epochs: Epochs a training.
        batch_size: Sequences or parallel streams a batch.
        steps: Batches an epoch at most.
        window: Steps of a training sequence, which no dilation reaches.
        lr: Learning rate of Adam.
        seconds: CPU seconds of one training on one core, about.
    """

    cell: str
    hidden_size: int
    epochs: int
    batch_size: int
    steps: int
    window: int
    lr: float
    seconds: float

    @property
    def text(self) -> str:
        """All that decides a training, as it stands in a cell."""
        return (
            f"{self.cell}-{self.hidden_size}/{self.epochs}x{self.steps}/"
            f"b{self.batch_size}w{self.window}/lr{self.lr:g}"
        )

    @property
    def doubling_layers(self) -> int:
        """Layers of the longest standard progression 1, 2, 4, … that the window holds."""
        return 1 + int(np.log2(self.window - 1))


TRAININGS: Mapping[str, Mapping[str, Training]] = {
    "small": {
        "pdigits": Training("gru", 16, 8, 64, 19, 64, 1e-2, 0.8),
        "psmnist14": Training("rnn", 20, 8, 50, 20, 196, 1e-2, 2.0),
        "ptb-char": Training("gru", 32, 4, 32, 40, 64, 1e-2, 2.6),
        "stdlib": Training("gru", 32, 4, 32, 40, 64, 1e-2, 2.8),
    },
    "paper": {
        "pdigits": Training("gru", 20, 40, 64, 19, 64, 1e-2, 4.0),
        "psmnist": Training("rnn", 20, 20, 128, 430, 784, 1e-2, 400.0),
        "ptb-char": Training("gru", 64, 10, 32, 400, 256, 4e-3, 600.0),
        "stdlib": Training("gru", 64, 10, 32, 400, 256, 4e-3, 600.0),
    },
}
VALID_SYMBOLS = 20_000


@functools.cache
def load(name: str) -> Dataset:
    """Return a data set of the searches."""
    if name == "psmnist14":
        return pooled_mnist()
    if name == "stdlib":
        return stdlib_text()
    if name == "topics":
        return topics_text()
    return load_dataset(name)


def describe(name: str) -> str:
    """Return what a data set is, in a line."""
    return {
        "pdigits": "permuted digits (scikit-learn, 64 steps; 1,197 images to train on)",
        "psmnist": "permuted MNIST (784 steps)",
        "psmnist14": "permuted MNIST, a subset: pixels averaged 2 x 2 to 196 steps, 5,000 images "
        "to train on",
        "ptb-char": "Penn Treebank characters",
        "stdlib": "this Python's standard library: the source text of its top modules, characters",
        "topics": "the language reference that this Python's `help` shows, characters",
    }[name]


def pooled_mnist(n_train: int = 5_000, n_held: int = 2_000) -> SequenceClassification:
    """Return a subset of MNIST, pixels averaged 2 x 2, permuted: 196 steps."""
    full = load_dataset("smnist")
    assert isinstance(full, SequenceClassification)
    order = np.random.RandomState(_PERMUTATION_SEED).permutation(196)

    def shrink(pixels: np.ndarray) -> np.ndarray:
        blocks = pixels.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
        return blocks.reshape(-1, 196)[:, order]

    def cut(split: Any, n: int) -> Any:
        inputs = shrink(split.inputs[:n, :, 0])[:, :, None].astype(np.float32)
        return dataclasses.replace(split, inputs=inputs, targets=split.targets[:n])

    # Sixteen levels of grey: the decay is estimated from the same images that are trained on.
    levels = shrink(full.sequences[:n_train].astype(float)) // 16
    return dataclasses.replace(
        full,
        name="psmnist14",
        train=cut(full.train, n_train),
        valid=cut(full.valid, n_held),
        test=cut(full.test, n_held),
        sequences=levels.astype(np.int64),
    )


def stdlib_text() -> Dataset:
    """Return the text of the running Python's own modules."""
    sources = [path.read_bytes() for path in sorted(Path(os.__file__).parent.glob("*.py"))]
    return _own_text("stdlib", b"".join(source for source in sources if source.isascii()))


def topics_text() -> Dataset:
    """Return the running Python's language reference, English prose with examples."""
    return _own_text("topics", "\n".join(pydoc_data.topics.topics.values()).encode())


def _own_text(name: str, text: bytes) -> Dataset:
    """Read a text as a user reads his own file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.txt"
        path.write_bytes(text)
        return load_dataset(path)
