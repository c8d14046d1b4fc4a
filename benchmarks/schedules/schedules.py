"""Optimizers and what sets their rates, each by name, from the highest rate alone.

AdamW (weight decay 0.01, PyTorch's default) everywhere but where a name says otherwise.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer, lr_scheduler

from optuna_mi.exceptions import MissingExtraError
from optuna_mi.training import IHYLLChangePolicy, IHYLLRangeTestPolicy, IHYLLReferencePolicy

FIXED = ("constant", "linear to 0", "OneCycle", "on plateau", "schedule-free", "NAdamW", "Prodigy")
POLICIES = ("policy 1", "policy 2", "objective's", "range test")
FEEDS = ("IHYLL", "loss")
# These look for the rate themselves and are run once a seed: Prodigy at the multiplier of 1 that
# its authors advise, the range test between 1e-3 and 0.1 everywhere.
WITHOUT_RATE = {"Prodigy": 1.0, "range test": 1e-3}
_DECAY = 0.01
# Highest over lowest rate: as [V] has it on MNIST, and of the objective's defaults.
_RANGE, _OBJECTIVE_RANGE = 100, 10
_COOLDOWN = 0.4  # share of the steps in which "linear to 0" falls


class Schedule:
    """An optimizer and its rate.

    Args:
        optimizer: Of the model's parameters.
        after_step: Called after each batch.
        after_epoch: Called with the probe's measurement and the validation loss in nats.
    """

    def __init__(
        self,
        optimizer: Any,
        *,
        after_step: Callable[[], Any] = lambda: None,
        after_epoch: Callable[[Any, float], Any] = lambda found, loss: None,
    ) -> None:
        self.optimizer, self.after_step, self.after_epoch = optimizer, after_step, after_epoch

    def trains(self, on: bool) -> None:
        """Swap weights, where an optimizer trains others than it is scored with."""
        if hasattr(self.optimizer, "eval"):
            self.optimizer.train() if on else self.optimizer.eval()

    @property
    def rate(self) -> float:
        group = self.optimizer.param_groups[0]
        return float(group["lr"] * group.get("d", 1.0))  # Prodigy's estimate is d


def schedule_of(
    name: str,
    parameters: list[torch.nn.Parameter],
    rate: float,
    reference: float,
    epochs: int,
    steps: int,
) -> Schedule:
    """Return a schedule.

    Args:
        name: One of FIXED or POLICIES.
        parameters: What is trained.
        rate: The highest rate; where there is none to choose, that of WITHOUT_RATE.
        reference: H(Y) in nats, for the policies.
        epochs: Of the whole training.
        steps: Batches an epoch.
    """
    total = epochs * steps
    if name == "schedule-free":
        free = _library("schedulefree").AdamWScheduleFree
        # its authors advise a short warm-up, as it cannot lower a rate
        return Schedule(free(parameters, lr=rate, weight_decay=_DECAY, warmup_steps=total // 20))
    if name == "Prodigy":
        return Schedule(_library("prodigyopt").Prodigy(parameters, lr=rate, weight_decay=_DECAY))
    if name == "NAdamW":
        settings = {"weight_decay": _DECAY, "decoupled_weight_decay": True}
        return Schedule(torch.optim.NAdam(parameters, lr=rate, **settings))
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=_DECAY)
    if name in POLICIES:
        policy = policy_of(name, optimizer, rate, reference, epochs)
        return Schedule(optimizer, after_epoch=lambda found, loss: policy.step(found))
    if name == "on plateau":
        plateau = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
        return Schedule(optimizer, after_epoch=lambda found, loss: plateau.step(loss))
    by_step: Any = None
    if name == "linear to 0":
        by_step = lr_scheduler.LambdaLR(
            optimizer, lambda step: min(1.0, (total - step) / (_COOLDOWN * total))
        )
    elif name == "OneCycle":
        by_step = lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=total + 1)
    return Schedule(optimizer, after_step=by_step.step) if by_step else Schedule(optimizer)


def policy_of(name: str, optimizer: Optimizer, rate: float, reference: float, epochs: int) -> Any:
    """Return a policy: of [V] by the paper's rules, as `DilatedRNNObjective` has it, or ours."""
    if name == "range test":
        return IHYLLRangeTestPolicy(
            optimizer, lr_min=rate, lr_max=0.1, reference=reference, epochs=epochs
        )
    bounds = {"lr_min": rate / (_OBJECTIVE_RANGE if name == "objective's" else _RANGE)}
    bounds |= {"lr_max": rate}
    if name == "policy 1":
        return IHYLLChangePolicy(optimizer, noise=0.0, **bounds)
    if name == "policy 2":
        return IHYLLReferencePolicy(optimizer, reference=reference, noise=0.0, **bounds)
    policy = IHYLLReferencePolicy(optimizer, reference=reference, gamma2=0.3 * rate, **bounds)
    policy.value_only(1)
    return policy


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(name, "benchmarks") from error
