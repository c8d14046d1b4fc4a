"""An epoch of several trials' trainings side by side, as one population."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from optuna_mi import _interruption
from optuna_mi.information import MutualInformation
from optuna_mi.nn import DilatedRNNPopulation
from optuna_mi.nn._population_layout import NETWORKS
from optuna_mi.training._cuda_graph import GraphedStep
from optuna_mi.training._loop import Run, first_word
from optuna_mi.training._population_optimizer import PopulationOptimizer
from optuna_mi.training._probe_population import measure_population
from optuna_mi.training._task import Batch


class PopulationRuns:
    """The runs that are trained together; those that are trained next need not be the same.

    Each run keeps its own batches, random numbers, learning rate and states of its optimizer, so
    that its numbers do not depend on who is trained beside it.
    """

    def __init__(self) -> None:
        self._part: _Part | None = None

    def train_epoch(
        self, runs: Sequence[Run], tell: Callable[[int], None] = lambda batch: None
    ) -> list[tuple[float, float, MutualInformation]]:
        """Train each run for an epoch.

        Args:
            runs: Of one task and shape of network; none is over.
            tell: Told how many batches are done, before each.

        Returns:
            Of each run the sum of its batches' losses (not finite if one of them is not), the score
            on the validation split, and IHYLL in nats.
        """
        if self._part is None or list(runs) != self._part.runs:
            self._part = None  # first: its graph holds memory
            self._part = _Part(list(runs))
        part, task = self._part, runs[0].task
        part.optimizer.read_rates()
        epochs = [run.epoch for run in runs]
        seeds = [run.begin_epoch() for run in runs]
        for k, seed in enumerate(seeds):
            part.population.seed(k, first_word(seed))
        streams = [np.random.default_rng(seed) for seed in seeds]
        part.population.train()
        # Read once: an accelerator would be waited for at every step.
        total = torch.zeros(len(runs), device=task.device)
        for batch, losses_of in enumerate(task.losses(part.population, streams, epochs)):
            _interruption.stop_if_asked()
            tell(batch)
            total += part.step(losses_of)
        part.optimizer.give_back()
        part.population.eval()
        for run in runs:
            run.model.eval()
        scores = task.scores(part.population, "valid").tolist()
        informations = measure_population(runs[0].probe, part.population)
        return list(zip(total.tolist(), scores, informations, strict=True))


class _Part:
    """The networks and optimizers of runs that are trained together, and their step."""

    def __init__(self, runs: list[Run]) -> None:
        networks = [run.model for run in runs]
        assert all(isinstance(network, NETWORKS) for network in networks)
        self.runs = runs
        self.population = DilatedRNNPopulation(networks)  # type: ignore[arg-type]
        self.optimizer = PopulationOptimizer(
            self.population, [run.optimizer for run in runs], runs[0].clip
        )
        self._graphs = runs[0].cuda_graph
        self._graph: GraphedStep | None = None

    def step(self, losses_of: Callable[[], Tensor]) -> Tensor:
        """Train by a batch; return each network's loss."""
        if not (self._graphs and isinstance(losses_of, Batch) and losses_of.fits_graph):
            return self._step(losses_of)
        if self._graph is None:
            # Without a way back to this part: in a cycle the graph would keep its memory on the
            # device while that of the next part is recorded.
            train = functools.partial(_train_step, self.population, self.optimizer)
            loss = losses_of.loss
            self._graph = GraphedStep(
                lambda *tensors: train(functools.partial(loss, *tensors)),
                self.population.weights.device,
                generators=self.population.generators,
            )
        return self._graph(*losses_of.tensors)

    def _step(self, losses_of: Callable[[], Tensor]) -> Tensor:
        return _train_step(self.population, self.optimizer, losses_of)


def _train_step(
    population: DilatedRNNPopulation,
    optimizer: PopulationOptimizer,
    losses_of: Callable[[], Tensor],
) -> Tensor:
    """Train by a batch; return each network's loss."""
    population.weights.grad = None
    losses = losses_of()
    losses.sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return losses.detach()
