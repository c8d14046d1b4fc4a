"""What the callbacks keep of a training run, and tell a trial."""

from __future__ import annotations

import math
from typing import Any

import optuna

from optuna_mi._attributes import (
    EPOCHS_ATTR,
    IHYLL_FINAL_ATTR,
    IHYLL_REFERENCE_ATTR,
    LEARNING_RATES_ATTR,
)
from optuna_mi.pruners import flush_ihyll, report_ihyll


class Record:
    """IHYLL and the learning rate of every epoch, reported to a trial where there is one.

    The trial gets what `optuna_mi.training.DilatedRNNObjective` gives it, so that reports, figures
    and the dashboard treat both alike.

    Attributes:
        ihyll: IHYLL in nats by epoch; NaN where it could not be measured.
        lr: The first parameter group's learning rate by epoch, as trained with.
        values: What was reported as the objective's intermediate value, by epoch.

    Args:
        trial: The running trial, or ``None``.
    """

    def __init__(self, trial: optuna.trial.BaseTrial | None) -> None:
        self._trial = trial
        self.clear()

    def clear(self) -> None:
        """Forget every epoch; what the trial was told stays told."""
        self.ihyll: dict[int, float] = {}
        self.lr: dict[int, float] = {}
        self.values: dict[int, float] = {}

    def begin(self, upper_bound: float) -> None:
        """Tell the trial the bound of IHYLL in nats, and the epochs that a checkpoint brought."""
        if self._trial is None:
            return
        self._trial.set_user_attr(IHYLL_REFERENCE_ATTR, upper_bound)
        for epoch, ihyll in self.ihyll.items():
            report_ihyll(self._trial, epoch, ihyll)
        for epoch, value in self.values.items():
            self._trial.report(value, epoch)

    def measured(self, epoch: int, ihyll: float) -> None:
        """Take an epoch's IHYLL, nats."""
        # The estimate of an infinite activation is NaN already; this only guards the contract.
        self.ihyll[epoch] = ihyll if math.isfinite(ihyll) else math.nan
        if self._trial is not None:
            report_ihyll(self._trial, epoch, self.ihyll[epoch])

    def scored(self, epoch: int, value: float) -> None:
        """Take an epoch's intermediate value of the objective.

        Raises:
            optuna.TrialPruned: If the study's pruner ends the trial.
        """
        self.values[epoch] = value
        if self._trial is None:
            return
        self._trial.report(value, epoch)
        if self._trial.should_prune():
            raise optuna.TrialPruned(f"Pruned after epoch {epoch}.")

    def end(self) -> None:
        """Write the rest of the series into the trial's attributes."""
        if self._trial is None:
            return
        self._trial.set_user_attr(EPOCHS_ATTR, len(self.ihyll))
        self._trial.set_user_attr(
            LEARNING_RATES_ATTR, [self.lr[epoch] for epoch in sorted(self.lr)]
        )
        if self.ihyll:
            self._trial.set_user_attr(IHYLL_FINAL_ATTR, self.ihyll[max(self.ihyll)])
        flush_ihyll(self._trial)

    def state_dict(self) -> dict[str, Any]:
        """Return the series as JSON types: lists of [epoch, value], NaN as None."""
        return {
            name: [[e, None if math.isnan(v) else v] for e, v in series.items()]
            for name, series in self._series().items()
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the series that `state_dict` returned."""
        for name, series in self._series().items():
            series.clear()
            series.update({int(e): math.nan if v is None else float(v) for e, v in state[name]})

    def _series(self) -> dict[str, dict[int, float]]:
        return {"ihyll": self.ihyll, "lr": self.lr, "values": self.values}
