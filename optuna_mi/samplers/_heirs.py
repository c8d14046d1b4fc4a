"""Which trial tries the recommendation when the one before it has failed, or was not free to.

Trial number 0 tries it. If that trial fails by itself, the next trial to start after its end, its
heir, tries it again. If trial number 0 was no free one (added, enqueued with other values, run
under another sampler, or it never asked for the space), the first free trial is the heir. All
workers see this in the list of trials, so they agree. A trial whose worker died has no heir: it is
queued again with the recommendation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from optuna_mi._attributes import FAILED_ATTR, RECOMMENDED_ATTR

_MOST = 3
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


def carries(trial: FrozenTrial) -> bool:
    """Return whether a trial tries the recommendation, first or after another one's failure."""
    attrs = trial.system_attrs
    return trial.number == 0 or RECOMMENDED_ATTR in attrs or attrs.get("failed_trial") == 0


def is_free(trial: FrozenTrial, recommended: Mapping[str, Any]) -> bool:
    """Return whether nobody has enqueued other values of the space for a trial."""
    fixed = trial.system_attrs.get("fixed_params", {})
    return all(fixed.get(name, value) == value for name, value in recommended.items())


def is_done(trials: Sequence[FrozenTrial], recommended: Mapping[str, Any]) -> bool:
    """Return whether a trial with the recommendation has ended well, or too many have failed."""
    carriers = _carriers(trials, recommended)
    return any(t.state in _ENDED for t in carriers) or _failures(carriers) >= _MOST


def is_heir(
    trial: FrozenTrial, trials: Sequence[FrozenTrial], recommended: Mapping[str, Any]
) -> bool:
    """Return whether a trial that is being asked for is to try the recommendation.

    Args:
        trial: The trial.
        trials: All trials of the study, by number.
        recommended: The recommendation.
    """
    carriers = _carriers(trials, recommended)
    if not carriers:
        running = (t for t in trials if t.state == TrialState.RUNNING and is_free(t, recommended))
        first = next(running, None)
        return first is not None and first.number == trial.number
    if any(other.state != TrialState.FAIL for other in carriers):
        return False
    last = carriers[-1]
    ended = last.datetime_complete
    if ended is None or FAILED_ATTR not in last.system_attrs or _failures(carriers) >= _MOST:
        return False
    for other in trials[last.number + 1 :]:
        started = other.datetime_start
        open_to_it = not {"fixed_params", "failed_trial"} & other.system_attrs.keys()
        if open_to_it and started is not None and started >= ended:
            return other.number == trial.number
    return False


def _carriers(trials: Sequence[FrozenTrial], recommended: Mapping[str, Any]) -> list[FrozenTrial]:
    return [t for t in trials if _has_tried(t, recommended)]


def _has_tried(trial: FrozenTrial, recommended: Mapping[str, Any]) -> bool:
    """Return whether a trial has tried the recommendation, or does, whoever asked for it."""
    if trial.state not in _ENDED:
        return carries(trial) and is_free(trial, recommended)
    if RECOMMENDED_ATTR in trial.system_attrs:
        # what was asked for came from us, or from a sampler around ours
        return any(name in trial.params for name in recommended)
    return recommended.items() <= trial.params.items()


def _failures(carriers: Sequence[FrozenTrial]) -> int:
    return sum(FAILED_ATTR in trial.system_attrs for trial in carriers)
