"""Looking after a study that many workers share."""

from __future__ import annotations

import copy
import time
from collections import Counter
from datetime import datetime
from typing import NamedTuple

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState

from optuna_mi._study_data import check_single_objective

MAX_RETRIES = 3


class Requeued(NamedTuple):
    """What became of the trials that no worker runs any more.

    Attributes:
        queued: Numbers of the trials that were failed and wait to be run again.
        given_up: Numbers of those that were failed for good: they have been retried as often as
            any trial may be.
    """

    queued: list[int]
    given_up: list[int]


def status_text(study: optuna.Study) -> str:
    """Return how many trials are in which state, the best value and the running trials' ages.

    Raises:
        ValueError: The study has several objectives.
    """
    check_single_objective(study)
    trials = study.get_trials(deepcopy=False)
    counts = Counter(trial.state.name.lower() for trial in trials)
    lines = [
        f"Study {study.study_name!r}: {len(trials)} trials"
        + "".join(f", {n} {state}" for state, n in sorted(counts.items()))
    ]
    if counts["complete"]:
        best = study.best_trial
        dilations = best.user_attrs.get("dilations", "?")
        lines.append(f"Best: {best.value:.6g} in trial {best.number}, dilations {dilations}")
    lines += [
        f"Running: trial {trial.number} for {_age(trial):.0f} s, "
        f"{len(trial.intermediate_values)} epochs"
        for trial in trials
        if trial.state == TrialState.RUNNING
    ]
    return "\n".join(lines)


def requeue(study: optuna.Study, *, older_than: float = 0.0) -> Requeued:
    """Fail trials that no worker runs any more and queue them again, to go on from checkpoints.

    Only you know that the workers are dead: a trial that one still trains would be trained twice.
    Storages with a heartbeat (SQLite, PostgreSQL, MySQL as opened here) do it by themselves. As
    there, a trial is retried three times at most.

    Args:
        study: The study.
        older_than: Only trials that started more than so many seconds ago.

    Returns:
        The numbers of the trials that were failed: queued again, and given up.

    Raises:
        ValueError: ``older_than`` is negative or not a number.
    """
    if not older_than >= 0:
        raise ValueError(f"older_than must be a time of at least 0, got {older_than:g} s")
    done = Requeued([], [])
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if _age(trial) >= older_than:
            queued = release(study, trial.number)
            if queued is not None:
                (done.queued if queued else done.given_up).append(trial.number)
    return done


def release(study: optuna.Study, number: int, *, counts: bool = True) -> bool | None:
    """Fail a trial that nobody runs any more, and queue it again, to go on from its checkpoint.

    Args:
        study: The study.
        number: The trial's number.
        counts: Whether this is one of the three retries that a trial has: it may be what killed
            its worker. A worker that stopped by itself is none.

    Returns:
        Whether it was queued again; None where it was not running.
    """
    storage = study._storage
    trial = study.get_trials(deepcopy=False)[number]
    if trial.state != TrialState.RUNNING:
        return None
    try:
        storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    except UpdateFinishedTrialError:  # it ended in the meantime
        return None
    # Read again: its last attributes may be younger than the list. Copied: it may be a cache's.
    trial = copy.deepcopy(storage.get_trial(trial._trial_id))
    # As RetryHeartbeatStaleTrialCallback does it.
    attrs = {"failed_trial": number, "retry_history": [], **trial.system_attrs}
    if counts:
        attrs["retry_history"].append(number)
        if len(attrs["retry_history"]) > MAX_RETRIES:
            return False
    waiting = optuna.create_trial(
        state=TrialState.WAITING,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=trial.user_attrs,
        system_attrs=attrs,
    )
    study.add_trial(waiting)
    return True


def requeue_lost(study: optuna.Study, *, pause: float = 3.0) -> list[int]:
    """Queue trials again whose worker was killed before the first beat of its heart.

    Optuna looks for hearts that stand still, and such a trial has none. Its worker would have
    written one at once; so a trial that is old and has none, now and after a pause, is dead.

    Args:
        study: The study; one whose storage has no heartbeat is left alone.
        pause: Seconds between two looks. Clocks of other machines may be wrong, this one is not.

    Returns:
        The numbers of the trials that were queued again.
    """
    storage = getattr(study._storage, "_backend", study._storage)  # behind optuna's cache
    if not isinstance(storage, RDBStorage) or not storage.heartbeat_interval:
        return []
    grace = storage.grace_period or 2 * storage.heartbeat_interval
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    old = {trial.number for trial in running if _age(trial) > grace}
    lost = old & _heartless(study, storage) if old else set()
    if not lost:
        return []
    time.sleep(pause)
    lost &= _heartless(study, storage)
    return [number for number in sorted(lost) if release(study, number)]


def _heartless(study: optuna.Study, storage: RDBStorage) -> set[int]:
    """Return the numbers of the running trials without a heartbeat."""
    trial, beat = models.TrialModel, models.TrialHeartbeatModel
    with _create_scoped_session(storage.scoped_session) as session:
        rows = (
            session.query(trial.number)
            .outerjoin(beat, beat.trial_id == trial.trial_id)
            .filter(trial.study_id == study._study_id)
            .filter(trial.state == TrialState.RUNNING)
            .filter(beat.trial_id.is_(None))
        )
        return {int(number) for (number,) in rows}


def _age(trial: FrozenTrial) -> float:
    started = trial.datetime_start
    return 0.0 if started is None else (datetime.now() - started).total_seconds()
