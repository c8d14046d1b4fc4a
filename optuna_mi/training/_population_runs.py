"""An epoch of several trials' trainings side by side, as one population."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from optuna_mi import _interruption
from optuna_mi.information import MutualInformation
from optuna_mi.nn import DilatedRNNPopulation
from optuna_mi.nn._population_layout import NETWORKS
from optuna_mi.training._loop import Run, first_word
from optuna_mi.training._population_optimizer import PopulationOptimizer
from optuna_mi.training._probe_population import measure_population


class PopulationRuns:
    """The runs that are trained together; those that are trained next need not be the same.

    Each run keeps its own batches, random numbers, learning rate and states of its optimizer, so
    that its numbers do not depend on who is trained beside it.
    """

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self._population: DilatedRNNPopulation | None = None
        self._optimizer: PopulationOptimizer | None = None

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
        population, optimizer = self._of(runs)
        optimizer.read_rates()
        epochs = [run.epoch for run in runs]
        seeds = [run.begin_epoch() for run in runs]
        for k, seed in enumerate(seeds):
            population.seed(k, first_word(seed))
        streams = [np.random.default_rng(seed) for seed in seeds]
        task = runs[0].task
        population.train()
        # Read once: an accelerator would be waited for at every step.
        total = torch.zeros(len(runs), device=task.device)
        for batch, losses_of in enumerate(task.losses(population, streams, epochs)):
            _interruption.stop_if_asked()
            tell(batch)
            population.weights.grad = None
            losses = losses_of()
            losses.sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += losses.detach()
        optimizer.give_back()
        population.eval()
        for run in runs:
            run.model.eval()
        scores = task.scores(population, "valid").tolist()
        return list(
            zip(total.tolist(), scores, measure_population(runs[0].probe, population), strict=True)
        )

    def _of(self, runs: Sequence[Run]) -> tuple[DilatedRNNPopulation, PopulationOptimizer]:
        if self._population is None or self._optimizer is None or list(runs) != self._runs:
            networks = [run.model for run in runs]
            assert all(isinstance(network, NETWORKS) for network in networks)
            self._runs = list(runs)
            self._population = DilatedRNNPopulation(networks)  # type: ignore[arg-type]
            self._optimizer = PopulationOptimizer(
                self._population, [run.optimizer for run in runs], runs[0].clip
            )
        return self._population, self._optimizer
