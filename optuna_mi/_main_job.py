"""The main job: measure the data, design the space, open the study, search it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

import optuna
import pandas as pd
import sqlalchemy
from optuna.trial import TrialState

from optuna_mi._analysis_files import write_analysis
from optuna_mi._presets import Preset
from optuna_mi._storage import find_study, open_storage
from optuna_mi.datasets import Dataset
from optuna_mi.datasets._reading import Reading
from optuna_mi.decay import DecayAnalysis, analyze_decay, decay_curve
from optuna_mi.search_space import DilationSpace

# Steps that `select_lags` predicts: half a minute's work on text. The benchmarks' number, too.
_PLACES = 300_000
ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclasses.dataclass(frozen=True)
class Job:
    """What a search was asked for; plain values, so that it can be sent to a worker process.

    Attributes:
        dataset: Name or path of the data set.
        reading: How a user's file is read.
        preset: Budgets and sizes.
        storage: URL of the storage; may hold a password, so it is never shown as it is.
        study_name: Name of the study.
        folder: Where results go.
        sampler: One of ``optuna_mi._command_parts.SAMPLERS``.
        pruner: One of ``optuna_mi._command_parts.PRUNERS``.
        policy: One of ``optuna_mi._command_parts.POLICIES``.
        max_lag: Largest distance of the decay curve; None for the default.
        threshold: Nats below which dependence ends.
        seed: Seed of all random numbers.
        device: Where to train.
        values: What numbers are measured as: "auto", "symbols", "bins" or "ksg".
        n_bins: Quantile bins of real values; None for the default.
        population: Trials that are trained side by side in a process.
        ranges: How far the space looks around the recommendation: "paper" or "wide".
        spacing: Where layers stand: where the "decay" curve falls, or at "lags" by which a
            predictor gains.
        quiet: Show no progress.
        verbose: Let Optuna speak of each trial.
    """

    dataset: str
    reading: Reading
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
    values: Literal["auto", "symbols", "bins", "ksg"] = "auto"
    n_bins: int | None = None
    population: int = 1
    ranges: Literal["paper", "wide"] = "paper"
    spacing: Literal["decay", "lags"] = "decay"
    quiet: bool = False
    verbose: bool = False


def measure(job: Job, dataset: Dataset) -> DecayAnalysis:
    """Return the analysis of a data set's decay curve, its curve within."""
    asked: dict[str, Any] = {"values": job.values}
    if job.n_bins is not None:
        # it alone says that values are real; those of symbols have been refused
        asked = {"values": "ksg" if job.values == "ksg" else "bins", "n_bins": job.n_bins}
    curve = decay_curve(
        dataset.sequences,
        max_lag=job.max_lag,
        seed=job.seed,
        progress=not job.quiet,
        **asked,
    )
    return analyze_decay(curve, threshold=job.threshold, seed=job.seed)


def design(job: Job, dataset: Dataset, analysis: DecayAnalysis) -> DilationSpace:
    """Return the space of a data set's analysis."""
    window = job.preset.window if dataset.task == "language modeling" else dataset.length
    learnt: dict[str, Any] = {}
    if job.spacing == "lags":
        from optuna_mi.context import context_curve, select_lags  # compiles for seconds

        values: Any = "real" if job.values in ("bins", "ksg") or job.n_bins else job.values
        x = dataset.sequences
        learnt["context"] = context_curve(x, values=values, budgets=False)
        learnt["lags"] = select_lags(x, values=values, max_places=_PLACES)
    return DilationSpace.from_analysis(
        analysis, window=window, max_layers=job.preset.max_layers, ranges=job.ranges, **learnt
    )


def complete_analysis(analysis: DecayAnalysis, folder: Path) -> list[Path]:
    """Write again what a full disk or another folder left out; return the paths written.

    Args:
        analysis: As the study keeps it, with fewer lags; a whole ``analysis.json`` is preferred.
        folder: Where results go.
    """
    try:
        analysis = DecayAnalysis.load(folder / "analysis.json")
        frame = pd.read_csv(folder / "curve.csv")
        if len(frame) == len(analysis.curve.lags) and not frame.iloc[-1].isna().all():
            return []
    except (ValueError, OSError, IndexError):
        pass  # missing, cut short or of another time: both are made again
    return write_analysis(analysis, folder)


def existing_study(job: Job) -> optuna.Study | None:
    """Return the job's study where there is one, without making a file of a new storage."""
    own_file = job.storage == default_storage(job.folder)
    if own_file and not job.folder.joinpath("study.db").exists():
        return None
    return find_study(open_storage(job.storage), job.study_name)


def default_storage(folder: Path) -> str:
    """Return the URL of a folder's own study file, whatever characters its name has."""
    path = str(folder / "study.db")
    plain = f"sqlite:///{path}"
    if sqlalchemy.make_url(plain).database == path:
        return plain
    return sqlalchemy.URL.create("sqlite", database=path).render_as_string()
