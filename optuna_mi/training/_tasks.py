"""The tasks a trial can train: what a batch, a model, a score and a probe are for each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from optuna_mi.datasets import (
    ClassificationSplit,
    Dataset,
    LanguageModeling,
    SequenceClassification,
    SequenceRegression,
)
from optuna_mi.nn import DilatedRNNClassifier, DilatedRNNLanguageModel, detach_state
from optuna_mi.training._probe import InformationProbe
from optuna_mi.training._regression_task import RegressionTask
from optuna_mi.training._task import EVAL_BATCH, Inputs, SequenceTask, Task


class ClassificationTask(SequenceTask):
    """Sequences with one class each; the score is the accuracy."""

    model_class = DilatedRNNClassifier

    def __init__(self, dataset: SequenceClassification, **settings: Any) -> None:
        super().__init__(dataset, **settings)
        self._dataset = dataset

    def model_arguments(
        self, dilations: Sequence[int], hidden_size: int, **settings: Any
    ) -> dict[str, Any]:
        return {
            **self._reads,
            "hidden_sizes": hidden_size,
            "dilations": list(dilations),
            "n_classes": self._dataset.n_classes,
            "batch_first": True,
            **settings,
        }

    def _loss(self, model: nn.Module, rows: Tensor) -> Tensor:
        targets = self._targets[rows].to(self.device)
        return F.cross_entropy(self._inputs.run(model, rows), targets)

    @torch.no_grad()
    def score(self, model: nn.Module, split: str) -> float:
        data: ClassificationSplit = getattr(self._dataset, split)
        inputs = Inputs(data.inputs, data.lengths)
        correct = 0
        for start in range(0, len(data), EVAL_BATCH):
            rows = slice(start, start + EVAL_BATCH)
            logits = inputs.run(model, rows)
            predicted = logits.argmax(dim=1).cpu().numpy()
            if not torch.isfinite(logits).all():
                return math.nan
            correct += int((predicted == data.targets[rows]).sum())
        return correct / len(data)

    def probe(self, model: nn.Module, *, size: int, seed: int) -> InformationProbe:
        inputs, forward = self._inputs.probed(model)
        return InformationProbe(model, inputs, self._targets, size=size, seed=seed, forward=forward)


class LanguageModelTask(Task):
    """A stream of symbols; the score is bits per symbol.

    The stream is cut into ``batch_size`` parallel streams, and these into windows. The state is
    carried from one window into the next. An epoch starts where the last one stopped, with a state
    of zeros.

    Args:
        dataset: The stream.
        batch_size: Parallel streams.
        window: Steps through which a gradient flows; dilations stay below it.
        steps: Windows per epoch at most; None for all of the stream.
        valid_symbols: How much of the held-out streams is scored, from their beginning.
        embedding_size: Size of a symbol's embedding.
        device: Where the model lives.

    Raises:
        ValueError: The stream is shorter than one batch of windows.
    """

    model_class = DilatedRNNLanguageModel

    def __init__(
        self,
        dataset: LanguageModeling,
        *,
        batch_size: int,
        window: int,
        steps: int | None,
        valid_symbols: int,
        embedding_size: int,
        device: torch.device,
    ) -> None:
        self._dataset = dataset
        self._window = window
        self._embedding_size = embedding_size
        self._valid_symbols = valid_symbols
        self.device = device
        self._train = _streams(dataset.train, batch_size)
        self._n_windows = (len(self._train) - 1) // window
        if self._n_windows < 1:
            raise ValueError(
                f"{len(dataset.train)} training symbols are fewer than one batch of {batch_size} "
                f"windows of {window}: lower batch_size or window"
            )
        self._steps = min(steps or self._n_windows, self._n_windows)

    def model_arguments(
        self, dilations: Sequence[int], hidden_size: int, **settings: Any
    ) -> dict[str, Any]:
        return {
            "vocab_size": self._dataset.n_symbols,
            "embedding_size": self._embedding_size,
            "hidden_sizes": hidden_size,
            "dilations": list(dilations),
            **settings,
        }

    def losses(
        self, model: nn.Module, rng: np.random.Generator, epoch: int
    ) -> Iterator[Callable[[], Tensor]]:
        state: Any = None

        def loss(window: Tensor) -> Tensor:
            nonlocal state
            logits, new_state = model(window[:-1], state)
            state = detach_state(new_state)
            return F.cross_entropy(logits.flatten(0, 1), window[1:].flatten())

        for step in range(self._steps):
            at = (epoch * self._steps + step) % self._n_windows * self._window
            if at == 0:  # back at the beginning of the stream: what came before is not its past
                state = None
            window = self._train[at : at + self._window + 1].to(self.device)
            yield lambda window=window: loss(window)  # type: ignore[misc]

    @torch.no_grad()
    def score(self, model: nn.Module, split: str) -> float:
        stream = getattr(self._dataset, split)[: self._valid_symbols]
        tokens = _streams(stream, max(1, min(32, len(stream) // (4 * self._window))))
        nats, scored, state = 0.0, 0, None
        for at in range(0, len(tokens) - 1, self._window):
            window = tokens[at : at + self._window + 1].to(self.device)
            logits, state = model(window[:-1], state)
            targets = window[1:].flatten()
            nats += float(F.cross_entropy(logits.flatten(0, 1), targets, reduction="sum"))
            scored += targets.numel()
        return nats / scored / math.log(2)

    def probe(self, model: nn.Module, *, size: int, seed: int) -> InformationProbe:
        # The first half of a window only warms the state up: there the past is not yet in view.
        n_windows = (len(self._dataset.train) - 1) // self._window
        symbols = torch.from_numpy(self._dataset.train[: n_windows * self._window + 1])
        return InformationProbe(
            model,
            symbols[:-1].view(n_windows, self._window).T,
            symbols[1:].view(n_windows, self._window).T,
            size=size,
            seed=seed,
            batch_dim=1,
            burn_in=self._window // 2,
        )


def make_task(dataset: Dataset, **settings: Any) -> Task:
    """Return the task of a data set."""
    if isinstance(dataset, SequenceClassification):
        return ClassificationTask(dataset, **settings)
    if isinstance(dataset, SequenceRegression):
        return RegressionTask(dataset, **settings)
    return LanguageModelTask(dataset, **settings)


def _streams(symbols: NDArray[np.int64], n_streams: int) -> Tensor:
    """Cut one stream into parallel ones: int64 (steps, n_streams)."""
    steps = len(symbols) // n_streams
    return torch.from_numpy(
        np.ascontiguousarray(symbols[: steps * n_streams].reshape(n_streams, steps).T)
    )
