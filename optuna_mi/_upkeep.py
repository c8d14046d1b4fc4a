"""Looking after a study that many workers share."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import optuna
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

_MAX_RETRIES = 3


def status_text(study: optuna.Study) -> str:
    """Return how many trials are in which state, the best value and the running trials' ages."""
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


def requeue(study: optuna.Study, *, older_than: float = 0.0) -> list[int]:
    """Fail trials that no worker runs any more and queue them again, to go on from checkpoints.

    Only you know that the workers are dead: a trial that one still trains would be trained twice.
    Storages with a heartbeat (SQLite, PostgreSQL, MySQL as opened here) do it by themselves.

    Args:
        study: The study.
        older_than: Only trials that started more than so many seconds ago.

    Returns:
        The numbers of the trials that were failed.

    Raises:
        ValueError: ``older_than`` is negative or not a number.
    """
    if not older_than >= 0:
        raise ValueError(f"older_than must be a time of at least 0, got {older_than:g} s")
    retry = RetryHeartbeatStaleTrialCallback(max_retry=_MAX_RETRIES)
    done = []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if _age(trial) < older_than:
            continue
        try:
            study.tell(trial.number, state=TrialState.FAIL)
        except ValueError:  # it ended in the meantime
            continue
        retry(study, study.trials[trial.number])
        done.append(trial.number)
    return done


def _age(trial: FrozenTrial) -> float:
    started = trial.datetime_start
    return 0.0 if started is None else (datetime.now() - started).total_seconds()
