"""Real values predicted from sequences, at their end or at every step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from optuna_mi.datasets import RegressionSplit, SequenceRegression
from optuna_mi.nn import DilatedRNNRegressor
from optuna_mi.training._probe import InformationProbe
from optuna_mi.training._task import EVAL_BATCH, Inputs, Task, input_arguments


class RegressionTask(Task):
    """Sequences with real targets; the score is the data set's error.

    Args:
        dataset: The sequences, or the windows of series.
        batch_size: Sequences a batch.
        steps: Batches an epoch at most; None for all of the training split.
        embedding_size: Size of a symbol's embedding, where the inputs are symbols.
        device: Where the model lives.
    """

    model_class = DilatedRNNRegressor

    def __init__(
        self,
        dataset: SequenceRegression,
        *,
        batch_size: int,
        steps: int | None,
        embedding_size: int,
        device: torch.device,
    ) -> None:
        self._dataset = dataset
        self._batch_size = batch_size
        self._steps = steps
        self._embedding_size = embedding_size
        self.device = device
        self._inputs = Inputs(dataset.train.inputs, dataset.train.lengths)
        self._targets = torch.from_numpy(dataset.train.targets)
        scored = dataset.train.scored
        self._scored = None if scored is None else torch.from_numpy(scored)

    def model_arguments(
        self, dilations: Sequence[int], hidden_size: int, **settings: Any
    ) -> dict[str, Any]:
        return {
            **input_arguments(self._dataset, self._embedding_size),
            "hidden_sizes": hidden_size,
            "dilations": list(dilations),
            "n_values": self._dataset.n_values,
            "every_step": self._dataset.every_step,
            "batch_first": True,
            **settings,
        }

    def losses(
        self, model: nn.Module, rng: np.random.Generator, epoch: int
    ) -> Iterator[Callable[[], Tensor]]:
        order = torch.from_numpy(rng.permutation(len(self._targets)))
        for batch in torch.split(order, self._batch_size)[: self._steps]:
            yield lambda rows=batch: self._loss(model, rows)  # type: ignore[misc]

    def _loss(self, model: nn.Module, rows: Tensor) -> Tensor:
        found = self._inputs.run(model, rows)
        error = found - self._targets[rows].to(found)
        if self._scored is not None:
            error = error[self._scored[rows].to(self.device)]
        return error.abs().mean() if self._dataset.loss == "mae" else error.square().mean()

    @torch.no_grad()
    def score(self, model: nn.Module, split: str) -> float:
        data: RegressionSplit = getattr(self._dataset, split)
        inputs = Inputs(data.inputs, data.lengths)
        squared = self._dataset.metric == "MSE"
        total, count = 0.0, 0
        for start in range(0, len(data), EVAL_BATCH):
            rows = slice(start, start + EVAL_BATCH)
            found = inputs.run(model, rows).cpu().double().numpy()
            scale = data.error_scale[rows].astype(np.float64)
            error = (found - data.targets[rows]) * (
                scale[:, None] if self._dataset.every_step else scale
            )
            if data.scored is not None:
                error = error[data.scored[rows]]
            total += float((error**2 if squared else np.abs(error)).sum())
            count += error.size
        return total / count if math.isfinite(total) else math.nan

    def probe(self, model: nn.Module, *, size: int, seed: int) -> InformationProbe:
        inputs, forward = self._inputs.probed(model)
        targets = self._targets
        split = self._dataset.train
        # a step that several windows predict would be its own neighbour
        measured = split.scored if split.once is None else split.once
        if measured is not None:
            targets = targets.masked_fill(~torch.from_numpy(measured).unsqueeze(-1), math.nan)
        return InformationProbe(model, inputs, targets, size=size, seed=seed, forward=forward)
