"""The information probe and the learning-rate policies in PyTorch Lightning's training loop."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from optuna_mi.exceptions import MissingExtraError
from optuna_mi.integrations._followed import Followed
from optuna_mi.integrations._record import Record
from optuna_mi.training import InformationProbe
from optuna_mi.training._policies_base import IHYLLPolicy

if TYPE_CHECKING:
    import optuna
    from torch.optim import Optimizer

    Callback = object
else:
    try:
        from lightning.pytorch import Callback
    except ModuleNotFoundError:
        try:  # the same code under the older name, which libraries on top of it still install
            from pytorch_lightning import Callback
        except ModuleNotFoundError:
            Callback = object

__all__ = ["IHYLLCallback"]


class IHYLLCallback(Callback):
    """Measures IHYLL after every training epoch and lets it set the learning rate.

    ``ihyll`` is logged as any other metric (``ihy/<layer>`` for the probe's layers), so that
    loggers, ``EarlyStopping`` and ``ModelCheckpoint`` can use it. The policy's state and the series
    so far are saved in Lightning's checkpoints and come back with ``trainer.fit(ckpt_path=...)``.
    Under several processes the first one measures and all of them step alike.

    Without ``policy`` the rate is left alone. A policy may then stand in ``configure_optimizers``
    too, as ``{"scheduler": policy, "monitor": "ihyll", "reduce_on_plateau": True}``; Lightning
    steps it after the checkpoint of the epoch is written, and with a plain number.

    Args:
        probe: Made for the module that is trained, or for a part of it.
        policy: Called with the optimizer when training starts; returns the policy, as
            ``functools.partial(IHYLLChangePolicy, lr_min=1e-3, lr_max=0.1)`` does.
        layer_wise: Step the policy with the IHY of the probe's layers instead of IHYLL; needs
            parameter groups named like them (`optuna_mi.training.layer_parameter_groups`).
        trial: Gets IHYLL (`optuna_mi.report_ihyll`) and the learning rates.
        monitor: A logged metric that is reported to the trial as its intermediate value after each
            epoch; the study's pruner is then asked. Use this instead of a pruning callback of the
            validation loop, which would ask before IHYLL is known.

    Raises:
        MissingExtraError: If Lightning is not installed.
        TypeError: If ``probe`` is no `InformationProbe`.
        ValueError: If ``monitor`` comes without a trial.

    Example:
        >>> import functools
        >>> from optuna_mi.training import IHYLLChangePolicy
        >>> policy = functools.partial(IHYLLChangePolicy, lr_min=0.001, lr_max=0.1)
        >>> # trainer = Trainer(callbacks=[IHYLLCallback(probe, policy, trial=trial)])
    """

    def __init__(
        self,
        probe: InformationProbe,
        policy: Callable[[Optimizer], IHYLLPolicy] | None = None,
        *,
        layer_wise: bool = False,
        trial: optuna.trial.BaseTrial | None = None,
        monitor: str | None = None,
    ) -> None:
        if Callback is object:
            raise MissingExtraError("lightning", "lightning")
        super().__init__()
        if not isinstance(probe, InformationProbe):
            raise TypeError(f"probe must be an InformationProbe, got {type(probe).__name__}")
        if monitor is not None and trial is None:
            raise ValueError(f"monitor={monitor!r} is reported to a trial: pass trial= too")
        self._probe = probe
        self._make_policy = policy
        self._layer_wise = layer_wise
        self._trial = trial
        self._monitor = monitor
        self._record = Record(trial)
        self._policy: IHYLLPolicy | None = None
        self._restored: dict[str, Any] | None = None
        self._followed: Followed | None = None
        self._validated = False
        self._warned = False

    @property
    def policy(self) -> IHYLLPolicy | None:
        """The policy; ``None`` before training starts, or if there is none."""
        return self._policy

    @property
    def ihyll(self) -> dict[int, float]:
        """IHYLL in nats by epoch."""
        return dict(self._record.ihyll)

    @property
    def lr(self) -> dict[int, float]:
        """The first parameter group's learning rate by epoch."""
        return dict(self._record.lr)

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Check that probe and trainer fit; a checkpoint is read after this hook."""
        if stage != "fit":
            return
        self._followed = Followed(self._probe, pl_module)
        if self._trial is not None and trainer.world_size > 1:
            raise ValueError(
                f"trial= works in one process, and this trainer starts {trainer.world_size}; leave "
                "it out and report trainer.callback_metrics['ihyll'] yourself"
            )
        self._record.clear()
        self._policy = self._restored = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Find the model again, and make the policy for the optimizer that Lightning has made.

        The module's own ``setup`` and ``configure_model`` may have built what the probe measures
        anew since this callback's `setup`.
        """
        assert self._followed is not None
        self._followed.follow(pl_module)
        if self._make_policy is not None:
            if len(trainer.optimizers) != 1:
                raise ValueError(
                    f"a policy steers one optimizer, and the module has {len(trainer.optimizers)}"
                )
            if trainer.lr_scheduler_configs:
                raise ValueError(
                    "the module's own learning-rate scheduler would work against the policy; "
                    "return only the optimizer from configure_optimizers, or leave policy= out"
                )
            self._policy = self._make_policy(trainer.optimizers[0])
            if self._restored is not None:
                self._policy.load_state_dict(self._restored)
        self._record.begin(self._probe.target_entropy)

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Note the rate that the epoch is trained with."""
        self._validated = False
        if trainer.optimizers:
            rate = float(trainer.optimizers[0].param_groups[0]["lr"])
            self._record.lr[trainer.current_epoch] = rate

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Note that the monitored metric is of this epoch."""
        self._validated = True

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Measure, log, step the policy, report.

        Raises:
            optuna.TrialPruned: If the study's pruner ends the trial.
        """
        measured = self._probe.measure() if trainer.is_global_zero else None
        measured = trainer.strategy.broadcast(measured)
        # The value is the same everywhere, but Lightning warns unless told to average it.
        pl_module.log("ihyll", float(measured.ihyll), sync_dist=True)
        for name, value in measured.layers.items():
            pl_module.log(f"ihy/{name}", float(value), sync_dist=True)
        if self._policy is not None:
            self._policy.step(measured.layers if self._layer_wise else measured.ihyll)
        self._record.measured(trainer.current_epoch, float(measured.ihyll))
        self._report(trainer)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Write what the trial has not been told yet."""
        self._record.end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Write what the trial has not been told yet: it may be pruned, or fail."""
        self._record.end()

    def state_dict(self) -> dict[str, Any]:
        """Return the policy's state and the series, for Lightning's checkpoint."""
        policy = None if self._policy is None else self._policy.state_dict()
        return {"policy": policy, "record": self._record.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what a checkpoint holds; the policy itself is made when training starts."""
        self._restored = state_dict["policy"]
        self._record.load_state_dict(state_dict["record"])

    def _report(self, trainer: Any) -> None:
        if self._monitor is None or (trainer.enable_validation and not self._validated):
            return
        value = trainer.callback_metrics.get(self._monitor)
        if value is not None:
            self._record.scored(trainer.current_epoch, float(value))
        elif not self._warned:
            self._warned = True
            known = sorted(trainer.callback_metrics)
            warnings.warn(
                f"monitor={self._monitor!r} was not logged, so the trial is told no intermediate "
                f"value; logged were {known}. Log it with self.log in validation_step or "
                "training_step(..., on_epoch=True)",
                stacklevel=2,
            )
