"""A study that many may start at once: who makes it, and what all its trials share."""

from __future__ import annotations

import dataclasses
import time
import uuid
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
from optuna.exceptions import DuplicatedStudyError

from optuna_mi._attributes import (
    ANALYSIS_ATTR,
    ASKED_ATTR,
    CREATOR_ATTR,
    DATASET_ATTR,
    SPACE_ATTR,
    TRAINING_ATTR,
)
from optuna_mi._fewer_points import thin
from optuna_mi._main_job import Job
from optuna_mi._storage import open_storage
from optuna_mi._study_data import read_analysis
from optuna_mi.datasets import Dataset
from optuna_mi.decay import DecayAnalysis
from optuna_mi.exceptions import SpaceMismatchError
from optuna_mi.search_space import DilationSpace

# Seconds that a study's creator may take to write what all trials share, and for which of two that
# want to do it in its place each waits to see the other.
_CREATION_SECONDS = 10.0
_TAKEOVER_SECONDS = 2.0


def remembered(
    study: optuna.Study, job: Job, dataset: Dataset
) -> tuple[DecayAnalysis, DilationSpace] | None:
    """Return analysis and space as the study keeps them, or None when it was asked otherwise.

    Raises:
        SpaceMismatchError: The study was made for another data set, or trains other networks.
    """
    check_dataset(study, dataset)
    _check_training(study, job, dataset)
    analysis = read_analysis(study)
    if analysis is None or study.user_attrs.get(ASKED_ATTR) != _asked(job):
        return None
    return analysis, DilationSpace.from_study(study)


def create_study(
    job: Job, dataset: Dataset, space: DilationSpace, analysis: DecayAnalysis
) -> optuna.Study:
    """Create the study, or join the one that another creator made, also at the same time.

    The storage lets one creator win, who writes down what all trials share; the others wait for
    that and compare.

    Raises:
        SpaceMismatchError: The study is there, for other data, networks, space or objective.
    """
    storage = open_storage(job.storage)
    try:
        study = optuna.create_study(
            storage=storage, study_name=job.study_name, direction=dataset.direction
        )
        is_ours, takes_over = True, False
    except DuplicatedStudyError:
        study = optuna.load_study(storage=storage, study_name=job.study_name)
        _check_ours(study, dataset)
        is_ours = takes_over = not _written(study, _CREATION_SECONDS) and _took_over(study)
    if is_ours:
        space.freeze(study)
        study.set_metric_names([dataset.metric])
        study.set_user_attr(DATASET_ATTR, _described(dataset))
        study.set_user_attr(ANALYSIS_ATTR, thinned(analysis).to_json())
        study.set_user_attr(TRAINING_ATTR, _training(job, dataset))
        # Last: whoever finds it finds the others too.
        study.set_user_attr(ASKED_ATTR, _asked(job))
    if takes_over:  # a slow one may think so too: the last one's is what everybody finds
        time.sleep(_TAKEOVER_SECONDS)
    check_dataset(study, dataset)
    _check_training(study, job, dataset)
    space.freeze(study)
    return study


def _written(study: optuna.Study, seconds: float) -> bool:
    """Return whether the study's creator has written all its attributes, waiting so long."""
    until = time.monotonic() + seconds
    while ASKED_ATTR not in study.user_attrs:
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def _took_over(study: optuna.Study) -> bool:
    """Return whether this process is to write what a study lacks whose creator has died.

    Of several who want to, the last to write its name is the one: after the pause all see that.
    A study that somebody made by hand comes here too.
    """
    name = uuid.uuid4().hex
    while not _written(study, 0):
        study.set_user_attr(CREATOR_ATTR, name)
        time.sleep(_TAKEOVER_SECONDS)
        if study.user_attrs[CREATOR_ATTR] == name:
            return not _written(study, 0)
        if _written(study, _CREATION_SECONDS):
            return False
    return False


def check_dataset(study: optuna.Study, dataset: Dataset) -> None:
    """Raise SpaceMismatchError for a study that was made for other data."""
    ours = _described(dataset)
    found = _record(study, DATASET_ATTR, ours)
    if all(found.get(name, value) == value for name, value in ours.items()):
        return
    if found.get("fingerprint") == ours["fingerprint"] and found.get("name") == ours["name"]:
        what = (
            f"{found['name']} with other validation or test data (fingerprint "
            f"{found.get('held_out')}, here {ours['held_out']})"
        )
    else:
        what = (
            f"{found.get('name')} (fingerprint {found.get('fingerprint')}), not for "
            f"{dataset.name} ({dataset.fingerprint})"
        )
    raise SpaceMismatchError(
        f"Study {study.study_name!r} was made for {what}: give another --study-name or --out"
    )


def _check_ours(study: optuna.Study, dataset: Dataset) -> None:
    """Raise SpaceMismatchError for a study whose trials a search must not be mixed with."""
    directions = [direction.name.lower() for direction in study.directions]
    remedy = "give another --study-name"
    if directions != [dataset.direction]:
        raise SpaceMismatchError(
            f"Study {study.study_name!r} has the direction {' and '.join(directions)}, but "
            f"{dataset.metric} is to {dataset.direction}: {remedy}"
        )
    if SPACE_ATTR not in study.user_attrs and study.get_trials(deepcopy=False):
        raise SpaceMismatchError(
            f"Study {study.study_name!r} has trials that know no dilation space: {remedy}"
        )


def _check_training(study: optuna.Study, job: Job, dataset: Dataset) -> None:
    """Raise SpaceMismatchError where trials would differ in more than a study's parameters."""
    asked = _training(job, dataset)
    found = _record(study, TRAINING_ATTR, asked)
    differ = [name for name in asked if found.get(name, asked[name]) != asked[name]]
    if differ:
        raise SpaceMismatchError(
            f"Study {study.study_name!r} trains with "
            + ", ".join(f"--{name.replace('_', '-')} {found.get(name)}" for name in differ)
            + ", not "
            + ", ".join(str(asked[name]) for name in differ)
            + ": scores of both would mix. Ask for the same, or give another --study-name or --out"
        )


def _record(study: optuna.Study, key: str, default: dict[str, Any]) -> dict[str, Any]:
    """Return one of the study's attributes.

    Raises:
        SpaceMismatchError: Somebody has changed it into something else.
    """
    found = study.user_attrs.get(key, default)
    if not isinstance(found, dict):
        raise SpaceMismatchError(
            f"Study {study.study_name!r} holds {str(found)[:50]!r} in its attribute {key}, which "
            "somebody has changed: give another --study-name"
        )
    return found


def thinned(analysis: DecayAnalysis, n: int = 100) -> DecayAnalysis:
    """Return the analysis with about ``n`` lags of its curve at most, in six digits.

    A study's attributes are read with it again and again and shown in full by the dashboard, so
    they stay small.
    """
    curve = analysis.curve
    keep = thin(curve.lags.astype(np.float64), curve.mi_corrected, n, log=True)
    fields = {field.name: getattr(curve, field.name) for field in dataclasses.fields(curve)}
    arrays: dict[str, Any] = {
        name: _six_digits(value[keep])
        for name, value in fields.items()
        if isinstance(value, np.ndarray) and value.shape == curve.lags.shape
    }
    return dataclasses.replace(analysis, curve=dataclasses.replace(curve, **arrays))


def _six_digits(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype.kind != "f":
        return values
    return np.array([float(f"{value:.6g}") for value in values])


def _described(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "held_out": dataset.held_out_fingerprint,
        "task": dataset.task,
        "metric": dataset.metric,
    }


def _asked(job: Job) -> dict[str, Any]:
    """Return the settings that decide analysis and space.

    Not the seed: it moves the noise of the baseline alone, and workers with other seeds join.
    """
    asked: dict[str, Any] = {
        "max_lag": job.max_lag,
        "threshold": job.threshold,
        "window": job.preset.window,
        "max_layers": job.preset.max_layers,
    }
    if job.values in ("bins", "ksg") or job.n_bins is not None:
        asked["values"] = [job.values, job.n_bins]
    if job.ranges != "paper":
        asked["ranges"] = job.ranges
    if job.spacing != "decay":
        asked["spacing"] = job.spacing
    return asked


def _training(job: Job, dataset: Dataset) -> dict[str, Any]:
    """Return the settings that all trials of a study share."""
    names = ["cell", "hidden_size", "epochs", "steps", "batch_size"]
    if dataset.task == "language modeling":
        names.append("window")
    return {name: getattr(job.preset, name) for name in names} | {"policy": job.policy}
