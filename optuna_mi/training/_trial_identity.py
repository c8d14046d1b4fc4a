"""Which trial this is: in what study, with what number, and so with which random numbers."""

from __future__ import annotations

import zlib

import numpy as np
import optuna
from optuna.storages._base import DEFAULT_STUDY_NAME_PREFIX
from optuna.trial import BaseTrial, FrozenTrial

from optuna_mi._attributes import SEED_ATTR

# A trial's attribute: the entropy of its random stream. With it a finished trial, which knows no
# study any more, can be trained again with the same numbers.


def study_of(trial: BaseTrial) -> optuna.Study | None:
    """Return the study of a running trial; ``FrozenTrial`` and ``FixedTrial`` have none."""
    return trial.study if isinstance(trial, optuna.Trial) else None


def check_direction(study: optuna.Study | None, direction: str, metric: str) -> None:
    """Refuse a study that looks in the wrong direction, or for several values.

    Raises:
        ValueError: It does.
    """
    if study is None:
        return
    directions = [direction.name.lower() for direction in study.directions]
    if directions != [direction]:
        raise ValueError(
            f"the study's direction is {', '.join(directions)}, but the score is "
            f"{metric}: create_study(direction={direction!r})"
        )


def first_number(trial: BaseTrial) -> int:
    """Return the number of the trial that this one retries, or its own."""
    frozen: BaseTrial | FrozenTrial = trial
    if isinstance(trial, optuna.Trial):
        frozen = trial.study._storage.get_trial(trial._trial_id)
    # What RetryHeartbeatStaleTrialCallback.retried_trial_number reads, without its warning that
    # it is experimental at every trial.
    attrs = frozen.system_attrs if isinstance(frozen, FrozenTrial) else {}
    number: int = attrs.get("failed_trial", frozen.number)
    return number


def random_stream(trial: BaseTrial, seed: int) -> np.random.SeedSequence:
    """Return the entropy of all the trial's random numbers.

    Args:
        trial: Any trial. One without a study takes what it was trained with, where it was.
        seed: The objective's.
    """
    study = study_of(trial)
    if study is None and SEED_ATTR in trial.user_attrs:
        return np.random.SeedSequence(trial.user_attrs[SEED_ATTR])
    name = "" if study is None else study.study_name
    # The name that Optuna gives an unnamed study is random: it must not move the numbers.
    named = "" if name.startswith(DEFAULT_STUDY_NAME_PREFIX) else name
    entropy = [int(seed), zlib.crc32(named.encode()), first_number(trial)]
    trial.set_user_attr(SEED_ATTR, entropy)
    return np.random.SeedSequence(entropy)
