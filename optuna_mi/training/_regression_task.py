"""Real values predicted from sequences, at their end or at every step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from optuna_mi.datasets import RegressionSplit, SequenceRegression
from optuna_mi.nn import DilatedRNNRegressor
from optuna_mi.training._probe import InformationProbe
from optuna_mi.training._task import EVAL_BATCH, SequenceTask, examples_at_once, is_population


class RegressionTask(SequenceTask):
    """Sequences with real targets; the score is the data set's error."""

    model_class = DilatedRNNRegressor

    def __init__(self, dataset: SequenceRegression, **settings: Any) -> None:
        super().__init__(dataset, **settings)
        self._dataset = dataset
        scored = dataset.train.scored
        self._scored = None if scored is None else torch.from_numpy(scored).to(self.device)

    def model_arguments(
        self, dilations: Sequence[int], hidden_size: int, **settings: Any
    ) -> dict[str, Any]:
        return {
            **self._reads,
            "hidden_sizes": hidden_size,
            "dilations": list(dilations),
            "n_values": self._dataset.n_values,
            "every_step": self._dataset.every_step,
            "batch_first": True,
            **settings,
        }

    def _loss(self, model: nn.Module, rows: Tensor) -> Tensor:
        found = self._inputs.run(model, rows)
        error = found - self._targets[rows].to(found)
        each = tuple(range(rows.dim() - 1, error.dim()))
        count: Tensor | int = math.prod(error.shape[rows.dim() - 1 :])
        if self._scored is not None:
            # Zeros, not a choice of places: how many there are would have to be waited for.
            scored = self._scored[rows].unsqueeze(-1)
            error = error.masked_fill(~scored, 0.0)
            count = scored.sum(dim=each) * error.shape[-1]
        return (error.abs() if self._dataset.loss == "mae" else error.square()).sum(each) / count

    @torch.no_grad()
    def scores(self, model: nn.Module, split: str) -> Tensor:
        data: RegressionSplit = getattr(self._dataset, split)
        inputs = self._inputs_of(split, data)
        squared = self._dataset.metric == "MSE"
        total, count = torch.zeros((), dtype=torch.float64, device="cpu"), 0
        step = examples_at_once(EVAL_BATCH, model)
        for start in range(0, len(data), step):
            rows = slice(start, start + step)
            found = inputs.run(model, rows).cpu().double()
            scale = torch.from_numpy(data.error_scale[rows]).double()
            error = found - torch.from_numpy(data.targets[rows])
            error = error * (scale[:, None] if self._dataset.every_step else scale)
            if data.scored is not None:
                error = error[..., torch.from_numpy(data.scored[rows]), :]
            each = tuple(range(int(is_population(model)), error.dim()))
            total = total + (error.square() if squared else error.abs()).sum(dim=each)
            count += error.numel() // (len(error) if is_population(model) else 1)
        return torch.where(total.isfinite(), total / count, math.nan)

    def probe(self, model: nn.Module, *, size: int, seed: int) -> InformationProbe:
        inputs, forward = self._inputs.probed()
        targets = self._targets
        split = self._dataset.train
        # a step that several windows predict would be its own neighbour
        measured = split.scored if split.once is None else split.once
        if measured is not None:
            targets = targets.cpu().masked_fill(~torch.from_numpy(measured).unsqueeze(-1), math.nan)
        return InformationProbe(model, inputs, targets, size=size, seed=seed, forward=forward)
