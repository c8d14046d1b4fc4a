"""The main job: measure the data, design the space, open the study, search it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import optuna
from optuna.trial import TrialState

from optuna_mi._fewer_points import thin
from optuna_mi._presets import Preset
from optuna_mi._storage import find_study, open_storage
from optuna_mi.datasets import Dataset
from optuna_mi.decay import DecayAnalysis, analyze_decay, decay_curve
from optuna_mi.exceptions import SpaceMismatchError
from optuna_mi.search_space import DilationSpace

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclasses.dataclass(frozen=True)
class Job:
    """What a search was asked for; plain values, so that it can be sent to a worker process.

    Attributes:
        dataset: Name or path of the data set.
        unit: What a symbol of a user's text is; None for the default.
        preset: Budgets and sizes.
        storage: URL of the storage; may hold a password, so it is never shown as it is.
        study_name: Name of the study.
        folder: Where results go.
        sampler: One of ``optuna_mi._command_parts.SAMPLERS``.
        pruner: One of ``optuna_mi._command_parts.PRUNERS``.
        policy: One of ``optuna_mi._command_parts.POLICIES``.
        max_lag: Largest distance of the decay curve; None for the default.
        threshold: Nats below which dependence ends.
        seed: Seed of everything random.
        device: Where to train.
    """

    dataset: str
    unit: str | None
    preset: Preset
    storage: str
    study_name: str
    folder: Path
    sampler: str
    pruner: str
    policy: Literal["reference", "change", "none"]
    max_lag: int | None
    threshold: float
    seed: int
    device: str


def measure(sequences: Any, *, max_lag: int | None, threshold: float, seed: int) -> DecayAnalysis:
    """Return the analysis of the sequences' decay curve, its curve within."""
    curve = decay_curve(sequences, max_lag=max_lag, seed=seed, progress=True)
    return analyze_decay(curve, threshold=threshold, seed=seed)


def design(job: Job, dataset: Dataset, analysis: DecayAnalysis) -> DilationSpace:
    """Return the space of a data set's analysis."""
    window = job.preset.window if dataset.task == "language modeling" else dataset.length
    return DilationSpace.from_analysis(analysis, window=window, max_layers=job.preset.max_layers)


def write_analysis(analysis: DecayAnalysis, folder: Path) -> list[Path]:
    """Write ``curve.csv``, ``analysis.json`` and ``decay.html``; return their paths."""
    from optuna_mi._report_page import CONFIG
    from optuna_mi.visualization import plot_decay_curve

    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("curve.csv", "analysis.json", "decay.html")]
    analysis.curve.to_frame().to_csv(paths[0], index=False)
    analysis.save(paths[1])
    plot_decay_curve(analysis.curve, analysis).write_html(paths[2], config=CONFIG)
    return paths


def existing_study(job: Job) -> optuna.Study | None:
    """Return the job's study where there is one, without making a file of a new storage."""
    own_file = job.storage == default_storage(job.folder)
    if own_file and not job.folder.joinpath("study.db").exists():
        return None
    return find_study(open_storage(job.storage), job.study_name)


def default_storage(folder: Path) -> str:
    """Return the URL of a folder's own study file."""
    return f"sqlite:///{folder / 'study.db'}"


def remembered(
    study: optuna.Study, job: Job, dataset: Dataset
) -> tuple[DecayAnalysis, DilationSpace] | None:
    """Return analysis and space as the study keeps them, or None when it was asked otherwise.

    Raises:
        SpaceMismatchError: The study was made for another data set, or trains other networks.
    """
    found = study.user_attrs.get("mi:dataset")
    if found is not None and found != _described(dataset):
        raise SpaceMismatchError(
            f"Study {study.study_name!r} was made for {found['name']} (fingerprint "
            f"{found['fingerprint']}), not for {dataset.name} ({dataset.fingerprint}): give "
            "another --study-name or --out"
        )
    _check_training(study, job)
    if study.user_attrs.get("mi:asked") != _asked(job):
        return None
    return (
        DecayAnalysis.from_json(study.user_attrs["mi:analysis"]),
        DilationSpace.from_study(study),
    )


def create_study(
    job: Job, dataset: Dataset, space: DilationSpace, analysis: DecayAnalysis
) -> optuna.Study:
    """Create the study, or open the one that another creator made at the same time.

    Raises:
        SpaceMismatchError: The study is there, for another space or objective.
    """
    study = optuna.create_study(
        storage=open_storage(job.storage),
        study_name=job.study_name,
        direction=dataset.direction,
        load_if_exists=True,
    )
    _check_ours(study, dataset)
    _check_training(study, job)
    space.freeze(study)
    if "mi:asked" not in study.user_attrs:
        study.set_metric_names([dataset.metric])
        study.set_user_attr("mi:dataset", _described(dataset))
        study.set_user_attr("mi:analysis", thinned(analysis).to_json())
        study.set_user_attr("mi:training", _training(job))
        # Last: whoever finds it finds the others too.
        study.set_user_attr("mi:asked", _asked(job))
    return study


def _check_ours(study: optuna.Study, dataset: Dataset) -> None:
    """Raise SpaceMismatchError for a study whose trials a search must not be mixed with."""
    directions = [direction.name.lower() for direction in study.directions]
    remedy = "give another --study-name"
    if directions != [dataset.direction]:
        raise SpaceMismatchError(
            f"Study {study.study_name!r} has the direction {' and '.join(directions)}, but "
            f"{dataset.metric} is to {dataset.direction}: {remedy}"
        )
    if "mi:space" not in study.user_attrs and study.get_trials(deepcopy=False):
        raise SpaceMismatchError(
            f"Study {study.study_name!r} has trials that know no dilation space: {remedy}"
        )


def _check_training(study: optuna.Study, job: Job) -> None:
    """Raise SpaceMismatchError where trials would differ in more than a study's parameters."""
    asked = _training(job)
    found = study.user_attrs.get("mi:training", asked)
    differ = [name for name in asked if found.get(name) != asked[name]]
    if differ:
        raise SpaceMismatchError(
            f"Study {study.study_name!r} trains with "
            + ", ".join(f"--{name.replace('_', '-')} {found.get(name)}" for name in differ)
            + ", not "
            + ", ".join(str(asked[name]) for name in differ)
            + ": scores of both would mix. Ask for the same, or give another --study-name or --out"
        )


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
        "task": dataset.task,
        "metric": dataset.metric,
    }


def _asked(job: Job) -> dict[str, Any]:
    """Return the settings that decide analysis and space.

    Not the seed: it moves the noise of the baseline alone, and workers with other seeds join.
    """
    return {
        "max_lag": job.max_lag,
        "threshold": job.threshold,
        "window": job.preset.window,
        "max_layers": job.preset.max_layers,
    }


def _training(job: Job) -> dict[str, Any]:
    """Return the settings that all trials of a study share."""
    names = ("cell", "hidden_size", "epochs", "steps", "batch_size")
    return {name: getattr(job.preset, name) for name in names} | {"policy": job.policy}
