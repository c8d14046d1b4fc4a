"""The main job: measure the data, design the space, search it, show what was found."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from optuna.distributions import FloatDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

from optuna_mi._presets import Preset
from optuna_mi.datasets import Dataset
from optuna_mi.decay import DecayAnalysis, analyze_decay, decay_curve
from optuna_mi.exceptions import SpaceMismatchError
from optuna_mi.pruners import IHYLLPruner
from optuna_mi.samplers import MIGridSampler, MISampler
from optuna_mi.search_space import DilationSpace
from optuna_mi.training import DilatedRNNObjective

SAMPLERS = ("mi", "grid", "tpe", "random")
PRUNERS = ("ihyll", "median", "hyperband", "none")
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


def measure(dataset: Dataset, *, max_lag: int | None, threshold: float, seed: int) -> DecayAnalysis:
    """Return the analysis of the training split's decay curve, its curve within."""
    curve = decay_curve(dataset.sequences, max_lag=max_lag, seed=seed, progress=True)
    return analyze_decay(curve, threshold=threshold, seed=seed)


def write_analysis(analysis: DecayAnalysis, folder: Path) -> list[Path]:
    """Write ``curve.csv``, ``analysis.json`` and ``decay.html``; return their paths."""
    from optuna_mi.visualization import plot_decay_curve

    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("curve.csv", "analysis.json", "decay.html")]
    analysis.curve.to_frame().to_csv(paths[0], index=False)
    analysis.save(paths[1])
    plot_decay_curve(analysis.curve, analysis).write_html(paths[2])
    return paths


def open_study(
    storage: optuna.storages.BaseStorage,
    name: str,
    dataset: Dataset,
    space: DilationSpace,
    analysis: DecayAnalysis,
) -> optuna.Study:
    """Create the study, or open it again for the same data set and space.

    Raises:
        SpaceMismatchError: The study was made for another data set or space.
    """
    study = optuna.create_study(
        storage=storage, study_name=name, direction=dataset.direction, load_if_exists=True
    )
    described = describe_dataset(dataset)
    found = study.user_attrs.get("mi:dataset", described)
    if found != described:
        raise SpaceMismatchError(
            f"Study {name!r} was made for {found['name']} (fingerprint {found['fingerprint']}), "
            f"not for {described['name']} ({described['fingerprint']}): give another --study-name "
            "or --out"
        )
    space.freeze(study)
    if "mi:dataset" not in study.user_attrs:
        study.set_user_attr("mi:dataset", described)
        study.set_user_attr("mi:analysis", thinned(analysis).to_json())
        study.set_metric_names([dataset.metric])
    return study


def describe_dataset(dataset: Dataset) -> dict[str, Any]:
    """Return what a study remembers of its data set."""
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "task": dataset.task,
        "metric": dataset.metric,
    }


def thinned(analysis: DecayAnalysis, n: int = 200) -> DecayAnalysis:
    """Return the analysis with at most about ``n`` lags of its curve, for a study's attributes.

    Every trial that is read brings the study's attributes along, so they stay small.
    """
    curve = analysis.curve
    if len(curve) <= n:
        return analysis
    keep = np.unique(np.geomspace(1, len(curve), n).round().astype(int)) - 1
    fields = {field.name: getattr(curve, field.name) for field in dataclasses.fields(curve)}
    arrays = {
        name: value[keep]
        for name, value in fields.items()
        if isinstance(value, np.ndarray) and value.shape == curve.lags.shape
    }
    return dataclasses.replace(analysis, curve=dataclasses.replace(curve, **arrays))


def make_objective(
    dataset: Dataset,
    space: DilationSpace,
    preset: Preset,
    *,
    seed: int,
    device: str,
    checkpoint_dir: Path,
) -> DilatedRNNObjective:
    """Return the main job's objective, which searches dilations and the highest learning rate."""
    return DilatedRNNObjective(
        dataset,
        space,
        cell=preset.cell,
        hidden_size=preset.hidden_size,
        lr_max=FloatDistribution(3e-3, 3e-2, log=True),
        epochs=preset.epochs,
        steps=preset.steps,
        batch_size=preset.batch_size,
        window=preset.window,
        seed=seed,
        device=device,
        checkpoint_dir=checkpoint_dir,
    )


def make_sampler(name: str, space: DilationSpace, seed: int) -> BaseSampler:
    """Return one of ``SAMPLERS``."""
    if name == "mi":
        return MISampler(space, seed=seed)
    if name == "grid":
        return MIGridSampler(space, base_sampler=RandomSampler(seed=seed))
    if name == "tpe":
        return TPESampler(seed=seed)
    return RandomSampler(seed=seed)


def make_pruner(name: str, epochs: int) -> BasePruner:
    """Return one of ``PRUNERS``."""
    if name == "ihyll":
        return IHYLLPruner(MedianPruner(n_startup_trials=4, n_warmup_steps=epochs // 4))
    if name == "median":
        return MedianPruner(n_startup_trials=4, n_warmup_steps=epochs // 4)
    if name == "hyperband":
        return HyperbandPruner(min_resource=1, max_resource=epochs)
    return NopPruner()


def run_trials(study: optuna.Study, objective: DilatedRNNObjective, n_trials: int) -> int:
    """Run trials until the study has ``n_trials`` that ended; return how many were run here.

    A trial that runs out of the accelerator's memory fails; the others go on.
    """
    missing = n_trials - len(study.get_trials(deepcopy=False, states=_ENDED))
    if missing <= 0:
        return 0
    before = len(study.trials)
    study.optimize(
        objective,
        n_trials=missing,
        callbacks=[MaxTrialsCallback(n_trials, states=_ENDED)],
        catch=(torch.OutOfMemoryError,),
        show_progress_bar=True,
    )
    return len(study.trials) - before
