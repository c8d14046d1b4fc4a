"""One trial's training: epochs, the measurement after each, and what it decides."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import optuna
import torch
from optuna.trial import BaseTrial
from torch import nn
from torch.optim import Optimizer

from optuna_mi import _interruption
from optuna_mi._attributes import REASON_ATTR
from optuna_mi._logging import get_logger
from optuna_mi._progress import Place, tell
from optuna_mi.information import MutualInformation
from optuna_mi.pruners import report_ihyll
from optuna_mi.training._cuda_graph import GraphedStep, set_capturable
from optuna_mi.training._probe import InformationProbe
from optuna_mi.training._task import Batch, Task
from optuna_mi.training._trial_checkpoint import (
    remove_checkpoint,
    resume,
    save_checkpoint,
    state_of,
)

_logger = get_logger(__name__)


class Policy(Protocol):
    """What the loop asks of a learning-rate policy."""

    def step(self, ihyll: MutualInformation) -> Any:
        """Set the next epoch's rate from this epoch's IHYLL."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up a resumed run."""


@dataclasses.dataclass
class History:
    """One number per epoch: the score, IHYLL in nats, and the learning rate trained with."""

    values: list[float] = dataclasses.field(default_factory=list)
    ihyll: list[float] = dataclasses.field(default_factory=list)
    lr: list[float] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Best:
    """The epoch whose score is the trial's value, and the model's state after it."""

    epoch: int = -1
    model: dict[str, torch.Tensor] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(eq=False)
class Run:
    """All that one trial's training needs.

    Attributes:
        task: The data set made trainable.
        model: The network.
        optimizer: Its optimizer.
        policy: The learning-rate policy; None leaves the rate as it is.
        probe: Measures IHYLL.
        epochs: How many epochs to train.
        seed: Entropy of the random stream; the same seed gives the same numbers on one thread.
        clip: Largest norm of a gradient.
        direction: "maximize" or "minimize", of the score.
        cuda_graph: Run the steps as a CUDA graph, where a task's batches allow it.
        checkpoint: Where to save after each epoch; None for nowhere.
        resume: Go on from the checkpoint; else it is removed.
        identity: What a checkpoint must have in common with this run to be resumed; plain values.
        build: The model's class by name and its arguments, for those who load the checkpoint.
    """

    task: Task
    model: nn.Module
    optimizer: Optimizer
    policy: Policy | None
    probe: InformationProbe
    epochs: int
    seed: np.random.SeedSequence
    clip: float
    direction: str
    cuda_graph: bool = False
    checkpoint: Path | None = None
    resume: bool = False
    identity: dict[str, Any] = dataclasses.field(default_factory=dict)
    build: dict[str, Any] = dataclasses.field(default_factory=dict)
    history: History = dataclasses.field(default_factory=History)
    best: Best = dataclasses.field(default_factory=Best)
    _graph: GraphedStep | None = None

    @property
    def value(self) -> float:
        """The best epoch's score."""
        return self.history.values[self.best.epoch]

    def train(self, trial: BaseTrial) -> None:
        """Train to the end or until the trial is pruned; the model is then that of the best epoch.

        Raises:
            optuna.TrialPruned: The pruner said so, or the loss is no longer finite.
        """
        self.begin(trial)
        while not self.is_over:
            self._train_epoch(trial, self.epoch)
            self.model.eval()
            value = self.task.score(self.model, "valid")
            check_finite(trial, self.epoch, value, "the validation score")
            self.end_epoch(trial, value, self.probe.measure().ihyll)
        self.end()

    @property
    def epoch(self) -> int:
        """The epoch that is trained next, from 0."""
        return len(self.history.values)

    @property
    def is_over(self) -> bool:
        """Whether all epochs are trained."""
        return self.epoch >= self.epochs

    def begin(self, trial: BaseTrial) -> None:
        """Take up a checkpoint, if there is one, and report the epochs that it has behind it."""
        for epoch, value in enumerate(self._resume()):
            self._report(trial, epoch, value)
        set_capturable(self.optimizer, self.cuda_graph)

    def begin_epoch(self) -> np.random.SeedSequence:
        """Note the learning rate of an epoch; return the entropy of its random numbers."""
        self.history.lr.append(float(self.optimizer.param_groups[0]["lr"]))
        # Each epoch has its own random stream, so a resumed trial needs no saved generator.
        return np.random.SeedSequence(self.seed.entropy, spawn_key=(self.epoch + 1,))

    def end_epoch(self, trial: BaseTrial, value: float, ihyll: MutualInformation) -> None:
        """Take down what an epoch came to, save it and report it.

        Raises:
            optuna.TrialPruned: The pruner said so.
        """
        epoch = self.epoch
        self.history.values.append(value)
        self.history.ihyll.append(float(ihyll))
        self._keep_best(epoch)
        if self.policy is not None:
            self.policy.step(ihyll)
        self._save()
        self._report(trial, epoch, value)
        if trial.should_prune():
            raise optuna.TrialPruned(f"Pruned after epoch {epoch}.")

    def end(self) -> None:
        """Give the model the weights of its best epoch."""
        self.model.load_state_dict(self.best.model)
        self.model.eval()  # a resumed run may have no epoch left, and would be tested with dropout

    def _train_epoch(self, trial: BaseTrial, epoch: int) -> None:
        seed = self.begin_epoch()
        torch.manual_seed(first_word(seed))
        self.model.train()
        # Read once: an accelerator would be waited for at every step.
        total = torch.zeros((), device=self.task.device)
        losses = self.task.losses(self.model, [np.random.default_rng(seed)], [epoch])
        if self._graph is not None and self.history.lr[-2:-1] != self.history.lr[-1:]:
            self._graph.forget()  # the rate is a number in it
        for batch, loss_of in enumerate(losses):
            _interruption.stop_if_asked()
            tell(Place(trial.number, epoch, self.epochs, batch))
            if self.cuda_graph and isinstance(loss_of, Batch) and loss_of.fits_graph:
                total += self._graphed(loss_of)
            else:
                total += self._step(loss_of)
        if self._graph is not None:
            # A replay leaves no trace on them, and the policy would take them for untrained.
            for parameter in self.model.parameters():
                torch.autograd.graph.increment_version(parameter)
        check_finite(trial, epoch, float(total), "the training loss")

    def _graphed(self, batch: Batch) -> torch.Tensor:
        if self._graph is None:
            # Without a way back to this run: in a cycle the graph of a trial that has ended would
            # keep its memory on the device until Python looks for cycles.
            train = functools.partial(_train_step, self.model, self.optimizer, self.clip)
            loss = batch.loss
            self._graph = GraphedStep(
                lambda *tensors: train(functools.partial(loss, *tensors)), self.task.device
            )
        return self._graph(*batch.tensors)

    def _step(self, loss_of: Callable[[], torch.Tensor]) -> torch.Tensor:
        return _train_step(self.model, self.optimizer, self.clip, loss_of)

    def _keep_best(self, epoch: int) -> None:
        values = self.history.values
        choose = max if self.direction == "maximize" else min
        # Of equal scores the first counts, as in Optuna and in the report.
        if epoch == values.index(choose(values)):
            state = {name: value.clone() for name, value in self.model.state_dict().items()}
            self.best = Best(epoch, state)

    def _report(self, trial: BaseTrial, epoch: int, value: float) -> None:
        report_ihyll(trial, epoch, self.history.ihyll[epoch])
        trial.report(value, epoch)

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        try:
            save_checkpoint(self.checkpoint, state_of(self))
        except OSError as error:  # a full disk must not cost the trial, only its resumption
            _logger.warning("No checkpoint was written to %s: %s", self.checkpoint, error)

    def _resume(self) -> list[float]:
        if self.checkpoint is None:
            return []
        if self.resume:
            resume(self)
        else:
            remove_checkpoint(self.checkpoint)
        return self.history.values


def _train_step(
    model: nn.Module, optimizer: Optimizer, clip: float, loss_of: Callable[[], torch.Tensor]
) -> torch.Tensor:
    """Train by a batch; return its loss."""
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return loss.detach()


def check_finite(trial: BaseTrial, epoch: int, value: float, what: str) -> None:
    """Raise optuna.TrialPruned, and write the reason down, where a number is not finite."""
    if math.isfinite(value):
        return
    reason = f"{what} is not finite in epoch {epoch}"
    trial.set_user_attr(REASON_ATTR, reason)
    raise optuna.TrialPruned(f"Diverged: {reason}.")


def first_word(seed: np.random.SeedSequence) -> int:
    """Return 32 bits of a seed, which torch takes."""
    return int(seed.generate_state(1)[0])
