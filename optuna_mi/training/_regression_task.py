"""Real values predicted from sequences, at their end or at every step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from optuna_mi.datasets import RegressionSplit, SequenceRegression
from optuna_mi.nn import DilatedRNNRegressor
from optuna_mi.training._probe import InformationProbe
from optuna_mi.training._task import EVAL_BATCH, Inputs, SequenceTask


class RegressionTask(SequenceTask):
    """Sequences with real targets; the score is the data set's error."""

    model_class = DilatedRNNRegressor

    def __init__(self, dataset: SequenceRegression, **settings: Any) -> None:
        super().__init__(dataset, **settings)
        self._dataset = dataset
        scored = dataset.train.scored
        self._scored = None if scored is None else torch.from_numpy(scored)

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
