"""The tasks a trial can train: what a batch, a model, a score and a probe are for each."""

from __future__ import annotations

import functools
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
from optuna_mi.nn import (
    DilatedRNNClassifier,
    DilatedRNNLanguageModel,
    DilatedRNNPopulation,
)
from optuna_mi.training._carried_state import CarriedState, CarriedStates
from optuna_mi.training._probe import InformationProbe
from optuna_mi.training._regression_task import RegressionTask
from optuna_mi.training._task import EVAL_BATCH, Batch, SequenceTask, Task, examples_at_once


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
        return _nats(self._inputs.run(model, rows), self._targets[rows]).mean(dim=-1)

    @torch.no_grad()
    def scores(self, model: nn.Module, split: str) -> Tensor:
        data: ClassificationSplit = getattr(self._dataset, split)
        inputs = self._inputs_of(split, data)
        targets = torch.from_numpy(data.targets).to(self.device)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        finite = torch.ones((), dtype=torch.bool, device=self.device)
        step = examples_at_once(EVAL_BATCH, model)
        for start in range(0, len(data), step):
            rows = slice(start, start + step)
            logits = inputs.run(model, rows)
            correct = correct + (logits.argmax(dim=-1) == targets[rows]).sum(dim=-1)
            finite = finite & logits.isfinite().flatten(-2).all(dim=-1)
        share = correct.cpu().double() / len(data)
        return torch.where(finite.cpu(), share, math.nan)

    def probe(self, model: nn.Module, *, size: int, seed: int) -> InformationProbe:
        inputs, forward = self._inputs.probed()
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
        self._train = _streams(dataset.train, batch_size, device)
        self._held_out: dict[str, Tensor] = {}
        self._carried = CarriedStates()
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
        self, model: nn.Module, streams: Sequence[np.random.Generator], epochs: Sequence[int]
    ) -> Iterator[Callable[[], Tensor]]:
        state = self._carried.setdefault(model, CarriedState())
        state.forget()
        steps = torch.arange(self._window + 1, device=self.device)
        firsts = torch.tensor(epochs, device=self.device) * self._steps
        for step in range(self._steps):
            windows = [(epoch * self._steps + step) % self._n_windows for epoch in epochs]
            # back at the beginning of the stream: what came before is not its past
            begin = [k for k, window in enumerate(windows) if window == 0]
            if isinstance(model, DilatedRNNPopulation):
                state.forget_some(model, begin)
                # On the device: an index made here at every step would be a copy to wait for.
                at = (firsts + step) % self._n_windows * self._window
                window = self._train[at[:, None] + steps]
            else:
                if begin:
                    state.forget()
                window = self._train[windows[0] * self._window :][: self._window + 1]
            yield Batch(functools.partial(self._loss, model), (window,), fits_graph=True)

    def _loss(self, model: nn.Module, window: Tensor) -> Tensor:
        """Return the mean loss of the windows, of each network; the state goes on from them."""
        window, state = window.long(), self._carried[model]
        logits, after = model(window[..., :-1, :], state.read())
        state.write(after)
        return _nats(logits, window[..., 1:, :]).mean(dim=(-2, -1))

    @torch.no_grad()
    def scores(self, model: nn.Module, split: str) -> Tensor:
        if split not in self._held_out:
            stream = getattr(self._dataset, split)[: self._valid_symbols]
            n_streams = max(1, min(32, len(stream) // (4 * self._window)))
            self._held_out[split] = _streams(stream, n_streams, self.device)
        tokens = self._held_out[split]
        nats: list[Tensor] = []
        scored, state = 0, None
        for at in range(0, len(tokens) - 1, self._window):
            window = tokens[at : at + self._window + 1].long()
            logits, state = model(window[:-1], state)
            nats.append(_nats(logits, window[1:]).sum(dim=(-2, -1)))
            scored += window[1:].numel()
        # float64 on the CPU: Apple's GPUs have none
        return torch.stack(nats).cpu().double().sum(dim=0) / scored / math.log(2)

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


def _streams(symbols: NDArray[np.int64], n_streams: int, device: torch.device) -> Tensor:
    """Cut one stream into parallel ones on the device: (steps, n_streams), of few bytes each."""
    steps = len(symbols) // n_streams
    cut = symbols[: steps * n_streams].reshape(n_streams, steps).T
    dtype = next(d for d in (np.uint8, np.int16, np.int64) if symbols.max() <= np.iinfo(d).max)
    return torch.from_numpy(np.ascontiguousarray(cut, dtype=dtype)).to(device)


def _nats(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropy of every prediction.

    Args:
        logits: ``(..., classes)``.
        targets: int64, of that shape less the classes; or of fewer axes, the same for all networks.
    """
    each = targets.expand(logits.shape[:-1]).reshape(-1)
    nats = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), each, reduction="none")
    return nats.view(logits.shape[:-1])
