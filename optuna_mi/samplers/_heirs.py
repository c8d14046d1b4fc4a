"""Which trial tries the recommendation when the one before it has failed.

Trial number 0 tries it. If that trial fails by itself, the next trial to start after its end, its
heir, tries it again. All workers see this in the list of trials, so they agree. A trial whose
worker died has no heir: it is queued again with the recommendation.
"""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from optuna_mi._attributes import FAILED_ATTR, RECOMMENDED_ATTR

_MOST = 3


def carries(trial: FrozenTrial) -> bool:
    """Return whether a trial tries the recommendation, first or after another one's failure."""
    attrs = trial.system_attrs
    return trial.number == 0 or RECOMMENDED_ATTR in attrs or attrs.get("failed_trial") == 0


def is_done(trials: Sequence[FrozenTrial]) -> bool:
    """Return whether a trial with the recommendation has ended well, or too many have failed."""
    carriers = [trial for trial in trials if carries(trial)]
    ended = (TrialState.COMPLETE, TrialState.PRUNED)
    return any(t.state in ended for t in carriers) or _failures(carriers) >= _MOST


def is_heir(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> bool:
    """Return whether a trial that is being asked for is to try the recommendation.

    Args:
        trial: The trial.
        trials: All trials of the study, by number.
    """
    carriers = [other for other in trials if carries(other)]
    if any(other.state != TrialState.FAIL for other in carriers):
        return False
    last = carriers[-1]
    ended = last.datetime_complete
    if ended is None or FAILED_ATTR not in last.system_attrs or _failures(carriers) >= _MOST:
        return False
    for other in trials[last.number + 1 :]:
        started = other.datetime_start
        is_free = not {"fixed_params", "failed_trial"} & other.system_attrs.keys()
        if is_free and started is not None and started >= ended:
            return other.number == trial.number
    return False


def _failures(carriers: Sequence[FrozenTrial]) -> int:
    return sum(FAILED_ATTR in trial.system_attrs for trial in carriers)
