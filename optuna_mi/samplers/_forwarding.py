"""A sampler that hands all its hooks on to another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler
from optuna.storages._heartbeat import BaseHeartbeat, is_heartbeat_enabled
from optuna.trial import TrialState

from optuna_mi._attributes import FAILED_ATTR
from optuna_mi._checks import instance
from optuna_mi._logging import get_logger

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial


_logger = get_logger(__name__)


class ForwardingSampler(BaseSampler):
    """A sampler that hands every one of the six hooks on to another one.

    Args:
        base_sampler: Who does the sampling.
    """

    def __init__(self, base_sampler: BaseSampler) -> None:
        instance("base_sampler", base_sampler, BaseSampler, "an Optuna sampler")
        self._base_sampler = base_sampler

    def __str__(self) -> str:
        return f"{type(self).__name__}({self._base_sampler})"

    @property
    def base_sampler(self) -> BaseSampler:
        """The sampler inside."""
        return self._base_sampler

    def reseed_rng(self) -> None:
        """Give the sampler inside a new seed; Optuna calls it in every thread."""
        self._base_sampler.reseed_rng()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Prepare the trial, then hand on; see :meth:`optuna.samplers.BaseSampler.before_trial`."""
        try:
            # Optuna's own heartbeat starts after the ask; a worker lost here must be found as well.
            beat(study, trial)
            self._prepare(study, trial)
            self._base_sampler.before_trial(study, trial)
        except BaseException:
            _fail(study, trial)
            raise

    def _prepare(self, study: Study, trial: FrozenTrial) -> None:
        """Do what has to be done for a trial before anything is sampled."""

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Hand on; see :meth:`optuna.samplers.BaseSampler.infer_relative_search_space`."""
        return self._base_sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Hand on; see :meth:`optuna.samplers.BaseSampler.sample_relative`."""
        return self._base_sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Hand on; see :meth:`optuna.samplers.BaseSampler.sample_independent`."""
        return self._base_sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Hand on; see :meth:`optuna.samplers.BaseSampler.after_trial`."""
        self._base_sampler.after_trial(study, trial, state, values)


def _fail(study: Study, trial: FrozenTrial) -> None:
    # Optuna has no trial object yet to finish, and would leave this one running for ever.
    try:
        study._storage.set_trial_system_attr(trial._trial_id, FAILED_ATTR, True)
        study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    except Exception as error:  # the storage itself may be what failed
        _logger.warning(
            f"Trial {trial.number} could not be set to FAIL ({type(error).__name__}): it stays "
            "RUNNING until a heartbeat or optuna-mi requeue finds it."
        )


def has_heartbeat(study: Study) -> bool:
    """Return whether the trials of this loop have a heartbeat."""
    # Trials asked by hand have none: nobody would keep it up.
    return bool(study._thread_local.in_optimize_loop) and is_heartbeat_enabled(study._storage)


def beat(study: Study, trial: FrozenTrial) -> None:
    """Record a heartbeat of a trial that is still being asked for, where the storage has one."""
    storage = study._storage
    if has_heartbeat(study) and isinstance(storage, BaseHeartbeat):
        storage.record_heartbeat(trial._trial_id)
