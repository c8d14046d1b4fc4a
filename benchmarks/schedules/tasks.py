"""The trainings that the schedules are compared on: small networks, some hundred steps each."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.papers._cifar10 import cifar10
from benchmarks.papers._mnist_cnn import mnist
from benchmarks.worth._data import load
from optuna_mi import load_dataset
from optuna_mi.datasets import LanguageModeling, SequenceClassification
from optuna_mi.nn import DilatedRNNClassifier, DilatedRNNLanguageModel, detach_state
from optuna_mi.training import InformationProbe

_HELD = 500
_PROBE = 500
_PERMUTATION_SEED = 92916  # as in worth/_data.py
# Training images and classes, test images and classes.
Data = tuple[Tensor, Tensor, Tensor, Tensor]


class Task(abc.ABC):
    """Data, a network, batches and scores.

    Attributes:
        metric: "accuracy" (%, higher is better) or "bits" (lower is better).
        level: Of the metric on the validation split; counts the steps until it is reached. Fixed by
            a constant rate of 3e-3 with seeds that are not reported.
        steps: Batches an epoch.
    """

    metric: str
    level: float
    steps: int

    @abc.abstractmethod
    def model(self) -> nn.Module:
        """Return a fresh network, from torch's random stream."""

    @abc.abstractmethod
    def losses(self, model: nn.Module, order: np.random.Generator, epoch: int) -> Iterator[Tensor]:
        """Yield the mean loss of each batch of an epoch, nats."""

    @abc.abstractmethod
    def score(self, model: nn.Module, split: str) -> tuple[float, float]:
        """Return the metric, and the mean loss in nats, on "valid" or "test"."""

    @abc.abstractmethod
    def probe(self, model: nn.Module, **settings: Any) -> InformationProbe:
        """Return the probe: the same examples for every schedule and seed."""


class Images(Task):
    """Pictures, or sequences, with a class each."""

    metric = "accuracy"

    def __init__(
        self,
        data: Data,
        build: Callable[[], nn.Module],
        *,
        n_train: int,
        batch: int,
        level: float,
    ) -> None:
        x, y, x_test, y_test = data
        held = slice(n_train, n_train + _HELD)
        self._splits = {"valid": (x[held], y[held]), "test": (x_test[:2000], y_test[:2000])}
        self._x, self._y = x[:n_train], y[:n_train]
        self._build = build
        self._batch = batch
        self.level = level
        self.steps = n_train // batch

    def model(self) -> nn.Module:
        return self._build()

    def losses(self, model: nn.Module, order: np.random.Generator, epoch: int) -> Iterator[Tensor]:
        rows = torch.from_numpy(order.permutation(len(self._y)))
        for batch in rows[: self.steps * self._batch].split(self._batch):
            yield F.cross_entropy(model(self._x[batch]), self._y[batch])

    @torch.no_grad()
    def score(self, model: nn.Module, split: str) -> tuple[float, float]:
        x, y = self._splits[split]
        logits = torch.cat([model(part) for part in x.split(500)])
        accuracy = 100 * float((logits.argmax(1) == y).double().mean())
        return accuracy, float(F.cross_entropy(logits, y))

    def probe(self, model: nn.Module, **settings: Any) -> InformationProbe:
        return InformationProbe(model, self._x, self._y, size=_PROBE, seed=0, **settings)


class Text(Task):
    """The next symbol of a stream; the state is carried from window to window."""

    metric = "bits"

    def __init__(
        self, data: LanguageModeling, *, batch: int, window: int, steps: int, level: float
    ) -> None:
        self._n_symbols, self._window, self.steps, self.level = data.n_symbols, window, steps, level
        self._train = _streams(data.train, batch)
        self._n_windows = (len(self._train) - 1) // window
        self._splits = {"valid": _streams(data.valid[:5000], 32)}
        self._splits["test"] = _streams(data.test[:10000], 32)

    def model(self) -> nn.Module:
        return DilatedRNNLanguageModel(
            vocab_size=self._n_symbols, embedding_size=16, hidden_sizes=48, dilations=[1, 2, 4],
            cell="gru", init="deep",
        )  # fmt: skip

    def losses(self, model: nn.Module, order: np.random.Generator, epoch: int) -> Iterator[Tensor]:
        # Streams swap their places from seed to seed: so do the batches' past and the noise.
        streams = self._train[:, torch.from_numpy(order.permutation(self._train.shape[1]))]
        state: Any = None
        for step in range(epoch * self.steps, (epoch + 1) * self.steps):
            first = step % self._n_windows * self._window
            part = streams[first : first + self._window + 1]
            logits, state = model(part[:-1], state)
            state = detach_state(state)
            yield F.cross_entropy(logits.flatten(0, 1), part[1:].flatten())

    @torch.no_grad()
    def score(self, model: nn.Module, split: str) -> tuple[float, float]:
        streams = self._splits[split]
        logits, _ = model(streams[:-1])
        nats = float(F.cross_entropy(logits.flatten(0, 1), streams[1:].flatten()))
        if not np.isfinite(nats):  # diverged: it knows nothing, as one that guesses
            nats = float(np.log(self._n_symbols))
        return nats / np.log(2), nats

    def probe(self, model: nn.Module, **settings: Any) -> InformationProbe:
        windows = self._train[: 64 * 32 + 1].T  # the first of each stream
        x = torch.cat([row[:-1].view(-1, 64) for row in windows])
        y = torch.cat([row[1:].view(-1, 64) for row in windows])
        return InformationProbe(
            model, x.T, y.T, size=2 * _PROBE, seed=0, batch_dim=1, burn_in=32, **settings
        )


def _streams(symbols: np.ndarray, n: int) -> Tensor:
    steps = len(symbols) // n
    return torch.from_numpy(symbols[: steps * n].reshape(n, steps).T.copy()).long()


def mnist_cnn() -> nn.Module:
    """Return logits of 14 x 14 pixels."""
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
    )


def cifar_cnn() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 5, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(512, 10)),
    )


def classifier(dilations: tuple[int, ...]) -> nn.Module:
    return DilatedRNNClassifier(
        input_size=1, hidden_sizes=32, dilations=list(dilations), n_classes=10, cell="rnn",
        init="deep", batch_first=True,
    )  # fmt: skip


def _cifar() -> Data:
    x, y, x_test, y_test = cifar10()
    mean, sd = x.mean(axis=(0, 2, 3), keepdims=True), x.std(axis=(0, 2, 3), keepdims=True)
    x, x_test = (((part[:10_000] - mean) / sd).astype(np.float32) for part in (x, x_test))
    train, test = torch.from_numpy(x), torch.from_numpy(x_test)
    return train, torch.from_numpy(y), test, torch.from_numpy(y_test)


def _mnist() -> Data:
    """Return MNIST, pixels averaged 2 x 2."""
    x, y, x_test, y_test = mnist()
    return F.avg_pool2d(x[:10_000], 2), y, F.avg_pool2d(x_test, 2), y_test


def _permuted() -> Data:
    """Return MNIST, pixels averaged 4 x 4 and permuted: 49 steps."""
    x, y, x_test, y_test = mnist()
    order = torch.from_numpy(np.random.RandomState(_PERMUTATION_SEED).permutation(49))
    x, x_test = (F.avg_pool2d(part[:10_000], 4).flatten(1)[:, order, None] for part in (x, x_test))
    return x, y, x_test, y_test


def _digits() -> Data:
    data = load_dataset("digits")
    assert isinstance(data, SequenceClassification)
    parts = (data.train, data.valid, data.test)
    x, y = (np.concatenate([getattr(p, name) for p in parts[:2]]) for name in ("inputs", "targets"))
    return tuple(map(torch.from_numpy, (x, y, data.test.inputs, data.test.targets)))


@functools.cache
def task_of(name: str) -> Task:
    """Return a task."""
    if name == "mnist":
        return Images(_mnist(), mnist_cnn, n_train=1000, batch=50, level=80)
    if name == "cifar10":
        return Images(_cifar(), cifar_cnn, n_train=1500, batch=60, level=40)
    if name == "psmnist":
        build = functools.partial(classifier, (1, 2, 4, 8, 16, 32))
        return Images(_permuted(), build, n_train=1000, batch=50, level=70)
    if name == "digits":
        build = functools.partial(classifier, (1, 2, 4, 8))
        return Images(_digits(), build, n_train=1000, batch=50, level=70)
    data = load("ptb-char" if name == "ptb" else name)
    assert isinstance(data, LanguageModeling)
    return Text(data, batch=32, window=32, steps=20, level=3.0)
