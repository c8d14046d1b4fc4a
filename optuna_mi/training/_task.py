"""What a trial asks of a data set: batches, a model, a score and a probe."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from optuna_mi.datasets import (
    ClassificationSplit,
    RegressionSplit,
    SequenceClassification,
    SequenceRegression,
)
from optuna_mi.nn import DilatedRNNPopulation
from optuna_mi.training._probe import InformationProbe
from optuna_mi.training._probe_model import as_parameters

# Forward passes without gradients take this many sequences at once.
EVAL_BATCH = 500


@dataclass(frozen=True)
class Batch:
    """A batch's mean loss, in nats, as a function of tensors and of the model's weights alone."""

    loss: Callable[..., Tensor]
    tensors: tuple[Tensor, ...]
    # Whether the host need not look at the tensors' values.
    fits_graph: bool

    def __call__(self) -> Tensor:
        """Return the loss."""
        return self.loss(*self.tensors)


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
        self, model: nn.Module, streams: Sequence[np.random.Generator], epochs: Sequence[int]
    ) -> Iterator[Callable[[], Tensor]]:
        """Yield an epoch's batches, each a function that returns its mean loss in nats.

        Args:
            model: A network; or a population, whose losses are ``(K,)``.
            streams: Randomness, of each network.
            epochs: Which epoch it is, counted from 0, for each network.
        """

    @abc.abstractmethod
    def scores(self, model: nn.Module, split: str) -> Tensor:
        """Return the data set's metric on ``"valid"`` or ``"test"``, float64.

        Of a network a scalar, of a population ``(K,)``; NaN where an output is not finite.
        """

    def score(self, model: nn.Module, split: str) -> float:
        """Return the data set's metric of one network on ``"valid"`` or ``"test"``."""
        return float(self.scores(model, split))

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
    """Sequences of a split on the device, with their lengths where these differ.

    Args:
        inputs: float32 (sequences, steps, features), or int64 (sequences, steps) of symbols.
        lengths: Valid steps of each, or None where all are valid.
        device: Where the sequences go, all of them once.
    """

    def __init__(
        self, inputs: NDArray[Any], lengths: NDArray[np.int64] | None, device: torch.device
    ) -> None:
        self.tensor = torch.from_numpy(inputs).to(device)
        self._lengths = None if lengths is None else torch.from_numpy(lengths)

    def __len__(self) -> int:
        return len(self.tensor)

    @property
    def is_ragged(self) -> bool:
        """Whether the sequences' lengths differ."""
        return self._lengths is not None

    def run(self, model: nn.Module, rows: Tensor | slice) -> Tensor:
        """Return what the model says of some of the sequences.

        Args:
            model: A network, or a population.
            rows: Which ones, ``(B,)``; or of a population ``(K, B)``, for each network its own.
        """
        x = as_parameters(self.tensor[rows], model)
        if self._lengths is None:
            found: Tensor = model(x)
        else:  # they decide where a batch is cut, on the host
            found = model(
                x, lengths=self._lengths[rows.cpu() if isinstance(rows, Tensor) else rows]
            )
        return found

    def probed(self) -> tuple[Tensor, Callable[[nn.Module, Tensor], Tensor] | None]:
        """Return inputs and forward pass for an `InformationProbe`, which knows no lengths.

        What lies behind a sequence's end is marked there: NaN, or -1 for symbols.
        """
        if self._lengths is None:
            return self.tensor, None
        behind = torch.arange(self.tensor.shape[1], device="cpu") >= self._lengths[:, None]
        real = self.tensor.is_floating_point()
        if real:
            behind = behind.unsqueeze(-1)
        marked = self.tensor.masked_fill(
            behind.to(self.tensor.device), float("nan") if real else -1
        )

        def forward(model: nn.Module, x: Tensor) -> Tensor:
            valid = x[..., 0].isfinite() if real else x >= 0
            clean = x.nan_to_num(0.0) if real else x.clamp(min=0)
            found: Tensor = model(clean, lengths=valid.sum(dim=1))
            return found

        return marked, forward


class SequenceTask(Task):
    """Short sequences with targets of their own, a random batch at a time.

    Args:
        dataset: The sequences, or the windows of series.
        batch_size: Sequences per batch.
        steps: Batches per epoch at most; None for all of the training split.
        embedding_size: Size of a symbol's embedding, where the inputs are symbols.
        device: Where the model and the data live.
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
        self._inputs = Inputs(dataset.train.inputs, dataset.train.lengths, device)
        self._held_out: dict[str, Inputs] = {}
        self._targets = torch.from_numpy(dataset.train.targets).to(device)

    def losses(
        self, model: nn.Module, streams: Sequence[np.random.Generator], epochs: Sequence[int]
    ) -> Iterator[Callable[[], Tensor]]:
        orders = np.stack([stream.permutation(len(self._targets)) for stream in streams])
        order = torch.from_numpy(orders if is_population(model) else orders[0]).to(self.device)
        for rows in torch.split(order, self._batch_size, dim=-1)[: self._steps]:
            loss = functools.partial(self._loss, model)
            yield Batch(loss, (rows,), not self._inputs.is_ragged)

    def _inputs_of(self, split: str, data: ClassificationSplit | RegressionSplit) -> Inputs:
        """Return a held-out split's inputs, which are on the device from the first time on."""
        if split not in self._held_out:
            self._held_out[split] = Inputs(data.inputs, data.lengths, self.device)
        return self._held_out[split]

    @abc.abstractmethod
    def _loss(self, model: nn.Module, rows: Tensor) -> Tensor:
        """Return the mean loss of some of the training sequences, of each network."""


def examples_at_once(n: int, model: nn.Module) -> int:
    """Return how many examples a forward pass without gradients takes.

    Args:
        n: As many as one network takes. A population needs the memory of all its networks: it
            takes fewer, but enough that it is not the launches that take the time.
        model: A network, or a population.
    """
    return max(64, 4 * n // len(model)) if isinstance(model, DilatedRNNPopulation) else n


def is_population(model: nn.Module) -> bool:
    """Return whether a model is several networks, and what it returns has an axis more."""
    return isinstance(model, DilatedRNNPopulation)
