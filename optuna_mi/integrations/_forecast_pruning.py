"""Pruning inside the searches of neuralforecast's Auto models."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import optuna

from optuna_mi._checks import instance
from optuna_mi.exceptions import MissingExtraError

if TYPE_CHECKING:
    Callback = object
else:
    try:  # neuralforecast trains with Lightning's older name, and its trainer wants its own class
        from pytorch_lightning import Callback
    except ModuleNotFoundError:
        Callback = object

Config = Callable[[Any], dict[str, Any]]


def with_pruning(config: Config, *, monitor: str = "ptl/val_loss") -> Config:
    """Let the study's pruner end trials of an Auto model's search before all their steps.

    After each validation (``val_check_steps``) the trial is told the validation loss and the pruner
    is asked. Optuna's own default is the median pruner; give another one by
    ``OptunaOptions(create_study_kwargs={"pruner": ...})``.

    Args:
        config: A config function of an Auto model with ``backend="optuna"``:
            `ForecastDesign.dilated_rnn`, `ForecastDesign.tcn`, or one of your own.
        monitor: The metric that is reported.

    Returns:
        The config function to pass on. A sampler comes from ``config`` itself, as before.

    Raises:
        TypeError: ``config`` is no function.
        MissingExtraError: neuralforecast is not installed.

    Example:
        >>> # config = design.dilated_rnn(max_steps=500, val_check_steps=50)
        >>> # AutoDilatedRNN(h=12, backend="optuna", config=with_pruning(config),
        >>> #                search_alg=config.sampler())
    """
    if not callable(config):
        raise TypeError(f"config must be a function from a trial to keywords, got {config!r}")
    instance("monitor", monitor, str, "the name of a logged metric")
    if Callback is object:
        raise MissingExtraError("neuralforecast", "neuralforecast")

    def pruned(trial: Any) -> dict[str, Any]:
        keywords = config(trial)
        # the Auto models first call their config with a stand-in
        if isinstance(trial, optuna.Trial):
            given = keywords.get("callbacks") or ()
            return {**keywords, "callbacks": _Callbacks(given, _ReportAndPrune(trial, monitor))}
        return keywords

    return pruned


class _Callbacks(list[Any]):
    """Callbacks whose copy has one more, as long as the trial runs.

    The Auto models train with a deep copy of their keywords, and write the keywords themselves into
    the study, where no callback can be kept; from there the best ones are taken for the last
    training, whose trial is over.
    """

    def __init__(self, given: Iterable[Any], callback: _ReportAndPrune) -> None:
        super().__init__(given)
        self._callback = callback

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        copied = [copy.deepcopy(each, memo) for each in self]
        return copied if self._callback.is_over else [*copied, self._callback]

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


class _ReportAndPrune(Callback):
    def __init__(self, trial: optuna.Trial, monitor: str) -> None:
        super().__init__()
        self._trial = trial
        self._monitor = monitor

    def __deepcopy__(self, _: dict[int, Any]) -> _ReportAndPrune:
        return self  # it speaks for its trial

    @property
    def is_over(self) -> bool:
        """Whether the trial has ended."""
        found = self._trial.study._storage.get_trial(self._trial._trial_id)
        return found.state.is_finished()

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Report, and ask the pruner.

        Raises:
            optuna.TrialPruned: If the study's pruner ends the trial, or the loss is not finite.
            ValueError: If no such metric is logged.
        """
        if trainer.sanity_checking or self.is_over:
            return
        value = trainer.callback_metrics.get(self._monitor)
        if value is None:
            raise ValueError(
                f"monitor={self._monitor!r} is not logged; logged are "
                f"{sorted(trainer.callback_metrics)}"
            )
        step = int(trainer.global_step)
        if not math.isfinite(float(value)):
            raise optuna.TrialPruned(f"Diverged: {self._monitor} is not finite at step {step}.")
        self._trial.report(float(value), step)
        if self._trial.should_prune():
            raise optuna.TrialPruned(f"Pruned after step {step}.")
