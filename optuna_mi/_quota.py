"""How many trials a study is to have, kept by any number of workers without a server.

A worker asks for no trial while as many have ended or run as are wanted; it waits, and takes the
place of one that fails. Two that ask at the same moment see each other in the list of trials, where
the higher number gives way.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.storages._heartbeat import is_heartbeat_enabled
from optuna.trial import FrozenTrial, TrialState

from optuna_mi import _interruption
from optuna_mi._main_job import ENDED
from optuna_mi.samplers._forwarding import ForwardingSampler

_LOOK_SECONDS = 1.0
# Where no heart beats, a trial that has run so much longer than all others is taken for dead; none
# has ended yet: after so many seconds.
_LONGER, _AT_LEAST, _FIRST = 2.0, 60.0, 600.0


def counts(trial: FrozenTrial) -> bool:
    """Return whether a trial is one of those wanted: ended with a result, not for want of a cell.

    A grid prunes trials for which no cell is left, as a cell of a worker that has died may be
    queued again.
    """
    if trial.state not in ENDED:
        return False
    return trial.state == TrialState.COMPLETE or bool(trial.params)


def is_free(study: optuna.Study, wanted: int, before: int | None = None) -> bool:
    """Return whether fewer trials have ended or run than are wanted.

    Args:
        study: The study.
        wanted: How many trials it is to have.
        before: Count only trials whose number is lower; None for all.
    """
    trials = study.get_trials(deepcopy=False)
    alive = _is_alive(study, trials)
    claimed = sum(
        counts(t) or (t.state == TrialState.RUNNING and alive(t))
        for t in trials
        if before is None or t.number < before
    )
    return claimed < wanted


def wait_for_a_place(study: optuna.Study, wanted: int, look: Callable[[], None]) -> bool:
    """Wait until a trial may be asked for, or the study has what is wanted.

    Args:
        study: The study.
        wanted: How many trials it is to have.
        look: Called from time to time: finds trials whose worker has died.

    Returns:
        Whether a trial may be asked for.
    """
    while not is_free(study, wanted):
        if sum(map(counts, study.get_trials(deepcopy=False))) >= wanted:
            return False
        _interruption.sleep(_LOOK_SECONDS)
        look()
    return True


class QuotaSampler(ForwardingSampler):
    """Tells which trial is asked for, and prunes it at its first ``suggest`` if it is one too many.

    Args:
        base_sampler: Who does the sampling.
        wanted: How many trials the study is to have; None for no limit.
        note: Told the number of each trial, as soon as there is one.
    """

    def __init__(
        self,
        base_sampler: BaseSampler,
        wanted: int | None,
        note: Callable[[int], None],
    ) -> None:
        super().__init__(base_sampler)
        self._wanted = wanted
        self._note = note
        self._too_many: int | None = None

    def _prepare(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self._note(trial.number)
        self._too_many = None
        if self._wanted is not None and not is_free(study, self._wanted, before=trial.number):
            self._too_many = trial.number

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Hand on.

        Raises:
            TrialPruned: The study has its trials without this one.
        """
        if self._too_many == trial.number:
            raise optuna.TrialPruned("The study has its trials without this one.")
        return super().infer_relative_search_space(study, trial)


def _is_alive(study: optuna.Study, trials: list[FrozenTrial]) -> Callable[[FrozenTrial], bool]:
    """Return a function that tells whether a running trial may be expected to end."""
    if is_heartbeat_enabled(study._storage):
        return lambda trial: True  # the dead are found by their hearts
    now = datetime.datetime.now()
    took = [t.duration.total_seconds() for t in trials if counts(t) and t.duration is not None]
    limit = max(_AT_LEAST, _LONGER * max(took)) if took else _FIRST

    def is_young(trial: FrozenTrial) -> bool:
        started = trial.datetime_start
        return started is not None and abs((now - started).total_seconds()) < limit

    return is_young
