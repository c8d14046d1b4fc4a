"""What a trial asks of a data set: batches, a model, a score and a probe."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from optuna_mi.datasets import SequenceClassification, SequenceRegression
from optuna_mi.training._probe import InformationProbe
from optuna_mi.training._probe_model import as_parameters

# Forward passes without gradients take this many sequences at once.
EVAL_BATCH = 500


class Task(abc.ABC):
    """A data set made trainable. No state: the model and the random stream come from outside."""

    device: torch.device

    model_class: type[nn.Module]

    @abc.abstractmethod
    def model_arguments(
        self, dilations: Sequence[int], hidden_size: int, **settings: Any
    ) -> dict[str, Any]:
        """Return what ``model_class`` is called with, as plain Python values."""

    def build(self, dilations: Sequence[int], hidden_size: int, **settings: Any) -> nn.Module:
        """Return a fresh model."""
        arguments = self.model_arguments(dilations, hidden_size, **settings)
        with torch.device("cpu"):  # the initial values must not depend on the device
            model = self.model_class(**arguments)
        return model.to(self.device)

    @abc.abstractmethod
    def losses(
        self, model: nn.Module, rng: np.random.Generator, epoch: int
    ) -> Iterator[Callable[[], Tensor]]:
        """Yield an epoch's batches, each as a closure that returns its mean loss in nats."""

    @abc.abstractmethod
    def score(self, model: nn.Module, split: str) -> float:
        """Return the data set's metric on ``"valid"`` or ``"test"``."""

    @abc.abstractmethod
    def probe(self, model: nn.Module, *, size: int, seed: int) -> InformationProbe:
        """Return the probe of a model on a fixed subset of the training split."""


def input_arguments(
    dataset: SequenceClassification | SequenceRegression, embedding_size: int
) -> dict[str, Any]:
    """Return a head's arguments that say what it reads: features, or symbols to embed."""
    if dataset.n_symbols is None:
        return {"input_size": int(dataset.train.inputs.shape[2])}
    return {"input_size": embedding_size, "vocab_size": dataset.n_symbols}


class Inputs:
    """Sequences of a split, with their lengths where these differ.

    Args:
        inputs: float32 (sequences, steps, features), or int64 (sequences, steps) of symbols.
        lengths: Valid steps of each, or None where all are valid.
    """

    def __init__(self, inputs: NDArray[Any], lengths: NDArray[np.int64] | None) -> None:
        self.tensor = torch.from_numpy(inputs)
        self._lengths = None if lengths is None else torch.from_numpy(lengths)

    def __len__(self) -> int:
        return len(self.tensor)

    def run(self, model: nn.Module, rows: Tensor | slice) -> Tensor:
        """Return what the model says of some of the sequences."""
        x = as_parameters(self.tensor[rows], model)
        found: Tensor = model(x) if self._lengths is None else model(x, self._lengths[rows])
        return found

    def probed(self, model: nn.Module) -> tuple[Tensor, Callable[[Tensor], Tensor] | None]:
        """Return inputs and forward pass for an `InformationProbe`, which knows no lengths.

        What lies behind a sequence's end is marked there: NaN, or -1 for symbols.
        """
        if self._lengths is None:
            return self.tensor, None
        behind = torch.arange(self.tensor.shape[1]) >= self._lengths[:, None]
        real = self.tensor.is_floating_point()
        if real:
            behind = behind.unsqueeze(-1)
        marked = self.tensor.masked_fill(behind, float("nan") if real else -1)

        def forward(x: Tensor) -> Tensor:
            valid = x[..., 0].isfinite() if real else x >= 0
            clean = x.nan_to_num(0.0) if real else x.clamp(min=0)
            found: Tensor = model(clean, valid.sum(dim=1))
            return found

        return marked, forward


class SequenceTask(Task):
    """Short sequences with targets of their own, a random batch at a time.

    Args:
        dataset: The sequences, or the windows of series.
        batch_size: Sequences per batch.
        steps: Batches per epoch at most; None for all of the training split.
        embedding_size: Size of a symbol's embedding, where the inputs are symbols.
        device: Where the model lives.
    """

    def __init__(
        self,
        dataset: SequenceClassification | SequenceRegression,
        *,
        batch_size: int,
        steps: int | None,
        embedding_size: int,
        device: torch.device,
    ) -> None:
        self._batch_size = batch_size
        self._steps = steps
        self.device = device
        self._reads = input_arguments(dataset, embedding_size)
        self._inputs = Inputs(dataset.train.inputs, dataset.train.lengths)
        self._targets = torch.from_numpy(dataset.train.targets)

    def losses(
        self, model: nn.Module, rng: np.random.Generator, epoch: int
    ) -> Iterator[Callable[[], Tensor]]:
        order = torch.from_numpy(rng.permutation(len(self._targets)))
        for rows in torch.split(order, self._batch_size)[: self._steps]:
            yield functools.partial(self._loss, model, rows)

    @abc.abstractmethod
    def _loss(self, model: nn.Module, rows: Tensor) -> Tensor:
        """Return the mean loss of some of the training sequences."""
