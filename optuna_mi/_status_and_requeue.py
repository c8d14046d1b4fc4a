"""Looking after a study that many workers share."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import NamedTuple

import optuna
from optuna.storages import RetryHeartbeatStaleTrialCallback
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
    retry = RetryHeartbeatStaleTrialCallback(max_retry=MAX_RETRIES)
    done = Requeued([], [])
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if _age(trial) < older_than:
            continue
        try:
            study.tell(trial.number, state=TrialState.FAIL)
        except ValueError:  # it ended in the meantime
            continue
        retry(study, study.trials[trial.number])
        (done.queued if _has_successor(study, trial.number) else done.given_up).append(trial.number)
    return done


def _has_successor(study: optuna.Study, number: int) -> bool:
    """Return whether another trial was made to go on with this one: the callback does not say."""
    trials = study.get_trials(deepcopy=False)
    return any(number in trial.system_attrs.get("retry_history", ()) for trial in trials)


def _age(trial: FrozenTrial) -> float:
    started = trial.datetime_start
    return 0.0 if started is None else (datetime.now() - started).total_seconds()
