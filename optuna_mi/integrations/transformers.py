"""The information probe and the learning-rate policies in Hugging Face's Trainer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch.optim.lr_scheduler import LRScheduler

from optuna_mi.exceptions import MissingExtraError
from optuna_mi.integrations._followed import Followed, check_optimizer
from optuna_mi.integrations._record import Record
from optuna_mi.training import InformationProbe, ProbeMeasurement
from optuna_mi.training._policies_base import IHYLLPolicy

if TYPE_CHECKING:
    import optuna

    TrainerCallback = object
else:
    try:
        from transformers import TrainerCallback
    except ModuleNotFoundError:
        TrainerCallback = object

__all__ = ["IHYLLCallback", "PolicyScheduler"]


class PolicyScheduler(LRScheduler):
    """Lets a Trainer hold a policy as its learning-rate scheduler.

    The Trainer steps its scheduler after every optimizer step, a policy needs IHYLL once per epoch:
    this one's `step` changes nothing, and `IHYLLCallback` steps the policy. The Trainer logs the
    policy's rate and saves its state in the checkpoint's ``scheduler.pt``.

    Args:
        policy: Made with the optimizer that the Trainer gets.

    Raises:
        TypeError: If ``policy`` is none.

    Example:
        >>> import torch
        >>> from optuna_mi.training import IHYLLChangePolicy
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        >>> policy = IHYLLChangePolicy(optimizer, lr_min=0.001, lr_max=0.1)
        >>> scheduler = PolicyScheduler(policy)
        >>> # trainer = Trainer(model, args, optimizers=(optimizer, scheduler), ...)
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.001]
    """

    # As the policies, this does not call LRScheduler.__init__, which counts optimizer steps.
    def __init__(self, policy: IHYLLPolicy) -> None:
        if not isinstance(policy, IHYLLPolicy):
            raise TypeError(
                f"policy must be one of optuna_mi.training's, got {type(policy).__name__}"
            )
        self.policy = policy
        self.optimizer = policy.optimizer

    def step(self, epoch: int | None = None) -> None:
        """Leave the rate to the policy."""

    def get_last_lr(self) -> list[Any]:
        """Return the policy's rates, one a parameter group."""
        return self.policy.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """Return the policy's state."""
        return self.policy.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the policy's state and rates."""
        self.policy.load_state_dict(state_dict)


class IHYLLCallback(TrainerCallback):
    """Measures IHYLL after every epoch and lets it set the learning rate.

    ``ihyll`` is logged through ``trainer.log``, so that it is in ``trainer.state.log_history``, in
    the checkpoints and at every service that the Trainer reports to (``ihy/<layer>`` for the
    probe's layers). A policy that the Trainer holds in a `PolicyScheduler` is stepped; any other
    scheduler is left alone. Where the Trainer builds the model anew (``model_init``,
    ``hyperparameter_search``) the probe follows it. Under several processes the first one measures
    and all step alike.

    Args:
        trainer: The Trainer that trains the probe's model; give it the callback with
            ``trainer.add_callback``.
        probe: Measures. ``InformationProbe(model, input_ids, labels)`` does where ``input_ids`` is
            all that the model needs; give it a ``forward=`` that adds an attention mask or picks
            another output than the first.
        layer_wise: Step the policy with the IHY of the probe's layers instead of IHYLL.
        trial: Gets IHYLL (`optuna_mi.report_ihyll`) and the learning rates.
        monitor: A metric of the evaluation after each epoch (``eval_strategy="epoch"``), such as
            ``"eval_loss"``, that is reported to the trial as its intermediate value; the study's
            pruner is then asked.

    Raises:
        MissingExtraError: If transformers or accelerate is not installed.
        TypeError: If ``probe`` is no `InformationProbe`.
        ValueError: If ``monitor`` comes without a trial or without an evaluation each epoch,
            ``trial`` with several processes, or the probe is of another model than the Trainer's.
    """

    def __init__(
        self,
        trainer: Any,
        probe: InformationProbe,
        *,
        layer_wise: bool = False,
        trial: optuna.trial.BaseTrial | None = None,
        monitor: str | None = None,
    ) -> None:
        if TrainerCallback is object:
            raise MissingExtraError("transformers[torch]", "transformers")
        if not isinstance(probe, InformationProbe):
            raise TypeError(f"probe must be an InformationProbe, got {type(probe).__name__}")
        if monitor is not None and trial is None:
            raise ValueError(f"monitor={monitor!r} is reported to a trial: pass trial= too")
        if monitor is not None and str(trainer.args.eval_strategy.value) != "epoch":
            raise ValueError(
                f"monitor={monitor!r} needs TrainingArguments(eval_strategy='epoch'), got "
                f"{trainer.args.eval_strategy.value!r}"
            )
        if trial is not None and trainer.args.world_size > 1:
            raise ValueError(
                f"trial= works in one process, and there are {trainer.args.world_size}; leave it "
                "out and report the logged 'ihyll' yourself"
            )
        self._followed = Followed(probe, trainer.model)
        self._trainer = trainer
        self._probe = probe
        self._layer_wise = layer_wise
        self._trial = trial
        self._monitor = monitor
        self._record = Record(trial)

    @property
    def policy(self) -> IHYLLPolicy | None:
        """The policy in the Trainer's `PolicyScheduler`, or ``None``."""
        scheduler = self._trainer.lr_scheduler
        return scheduler.policy if isinstance(scheduler, PolicyScheduler) else None

    @property
    def ihyll(self) -> dict[int, float]:
        """IHYLL in nats by epoch."""
        return dict(self._record.ihyll)

    @property
    def lr(self) -> dict[int, float]:
        """The first parameter group's learning rate by epoch, at the epoch's end."""
        return dict(self._record.lr)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Find the model that is trained this time, and take up the log of a resumed run.

        Raises:
            ValueError: If the policy, or a ``forward`` of the probe, holds a model of before.
        """
        self._followed.follow(self._trainer.model)
        if self.policy is not None:
            check_optimizer(self.policy.optimizer, self._trainer.model)
        self._record.clear()
        for entry in state.log_history:
            if "ihyll" in entry:
                self._record.ihyll[_index(entry["epoch"])] = entry["ihyll"]
                self._record.lr[_index(entry["epoch"])] = entry["learning_rate"]
            if self._monitor in entry:
                self._record.values[_index(entry["epoch"])] = entry[self._monitor]
        self._record.begin(self._probe.target_entropy)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure, step the policy, log, report."""
        measured = self._measure(state)
        epoch = _index(state.epoch)
        self._record.lr[epoch] = float(self._trainer.optimizer.param_groups[0]["lr"])
        self._record.measured(epoch, float(measured.ihyll))
        if self.policy is not None:
            self.policy.step(measured.layers if self._layer_wise else measured.ihyll)
        logs = {"ihyll": float(measured.ihyll), "learning_rate": self._record.lr[epoch]}
        logs |= {f"ihy/{name}": float(value) for name, value in measured.layers.items()}
        # A log entry takes back the wish for another, and the Trainer's own may be due now.
        due = control.should_log
        self._trainer.log(logs)
        control.should_log = due

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: dict[str, float], **kwargs: Any
    ) -> None:
        """Report the monitored metric.

        Raises:
            KeyError: If the evaluation does not give the metric.
            optuna.TrialPruned: If the study's pruner ends the trial.
        """
        epoch = _index(state.epoch or 0)
        # Evaluations before training, or called by hand after it, are no epoch's.
        of_an_epoch = self._trainer.is_in_train and epoch in self._record.ihyll
        if self._monitor is None or not of_an_epoch:
            return
        if self._monitor not in metrics:
            raise KeyError(
                f"monitor={self._monitor!r} is none of the evaluation's metrics {sorted(metrics)}"
            )
        try:
            self._record.scored(epoch, float(metrics[self._monitor]))
        except BaseException:
            self._record.end()
            raise

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Write what the trial has not been told yet."""
        self._record.end()

    def _measure(self, state: Any) -> ProbeMeasurement:
        # A dependency of the Trainer's own, so it is there by now.
        from accelerate.utils import (  # type: ignore[import-untyped,import-not-found,unused-ignore]
            broadcast_object_list,
        )

        shared = [self._probe.measure() if state.is_world_process_zero else None]
        broadcast_object_list(shared)
        assert shared[0] is not None
        return shared[0]


def _index(epoch: float) -> int:
    """Return the index from 0 of the epoch that ends at this fraction of epochs."""
    return max(math.ceil(epoch - 1e-6) - 1, 0)
