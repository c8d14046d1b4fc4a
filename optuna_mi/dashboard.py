"""Figures, a note and tables for optuna-dashboard."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from optuna.artifacts import get_all_artifact_meta, upload_artifact
from optuna.exceptions import ExperimentalWarning
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_mi._logging import get_logger
from optuna_mi._study_data import (
    check_single_objective,
    facts,
    metric_name,
    ranked,
    read_analysis,
    read_space,
    training_frame,
)
from optuna_mi.exceptions import MissingExtraError
from optuna_mi.visualization import plot_decay_curve, plot_dilations, plot_ihyll, plot_training

if TYPE_CHECKING:
    from optuna.artifacts._protocol import ArtifactStore

    from optuna_mi.decay import DecayAnalysis

__all__ = ["publish"]

_logger = get_logger(__name__)

# A figure is read again by every open page, every few seconds.
_MAX_BYTES = 20_000


def publish(
    study: Study,
    *,
    analysis: DecayAnalysis | None = None,
    artifact_store: ArtifactStore | None = None,
    metric: str | None = None,
) -> list[str]:
    """Write what optuna-dashboard shows of a study beside its own plots.

    Figures (page *Analytics*): the decay curve with the best trials' dilations, the training of
    the best and the median trial, the objective against IHYLL, the best trials' dilations. They
    have fixed ids, so publishing again replaces them. The study's note tells where the space came
    from; a note that somebody wrote is kept below it. With an artifact store each finished trial
    gets its series as ``training.csv``, once.

    Let one process publish at a time: the dashboard keeps a figure in several attributes.

    Args:
        study: A study with one objective, running or not.
        analysis: The decay analysis; by default the one kept in the study (``mi:analysis``).
        artifact_store: Where the dashboard reads artifacts (its option ``--artifact-dir``).
        metric: The objective's name, set where the study has none.

    Returns:
        The ids of the figures written; a figure without data is left out.

    Raises:
        MissingExtraError: If optuna-dashboard is not installed.
        ValueError: If the study has several objectives.
    """
    dashboard = _import_dashboard()
    check_single_objective(study)
    if metric is not None and study.metric_names is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names([metric])
    if analysis is None:
        analysis = read_analysis(study)
    order = ranked(study)
    written = []
    for graph_id, draw in _figures(study, analysis, order).items():
        dashboard.save_plotly_graph_object(study, _small(draw), graph_object_id=graph_id)
        written.append(graph_id)
    _save_note(dashboard, study, analysis)
    if artifact_store is not None:
        for trial in study.get_trials(
            deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)
        ):
            _upload_series(study, trial, artifact_store)
    _logger.info(f"Published {len(written)} figures for the dashboard: {', '.join(written)}.")
    return written


def _import_dashboard() -> ModuleType:
    try:
        import optuna_dashboard
    except ImportError as error:
        raise MissingExtraError("optuna-dashboard", "dashboard") from error
    module: ModuleType = optuna_dashboard
    return module


def _figures(
    study: Study, analysis: DecayAnalysis | None, order: list[FrozenTrial]
) -> dict[str, Callable[[int], go.Figure]]:
    """Return a function for each figure that draws it with at most so many points a series."""
    draw: dict[str, Callable[[int], go.Figure]] = {}
    with_dilations = [f for f in map(facts, order) if f.dilations]
    if analysis is not None and bool((analysis.curve.mi_corrected > 0).any()):
        curve = analysis.curve
        best = {f"trial {f.number}": f.dilations for f in with_dilations[:3]}
        draw["mi-decay"] = lambda n: plot_decay_curve(curve, analysis, best, max_points=n)
    complete = [t for t in order if t.state == TrialState.COMPLETE]
    if complete:
        pair = _best_and_median(complete)
        target = metric_name(study)
        draw["mi-training"] = lambda n: plot_training(pair, target_name=target, max_points=n)
    if any(f.ihyll_final is not None for f in map(facts, order)):
        draw["mi-ihyll"] = lambda n: plot_ihyll(study, max_points=n)
    if with_dilations:
        draw["mi-dilations"] = lambda n: plot_dilations(study, min(10, n))
    return draw


def _best_and_median(complete: list[FrozenTrial]) -> Mapping[str, FrozenTrial]:
    best, median = complete[0], complete[len(complete) // 2]
    named = {f"best: trial {best.number}": best}
    if median.number != best.number:
        named[f"median: trial {median.number}"] = median
    return named


def _small(draw: Callable[[int], go.Figure]) -> go.Figure:
    """Draw with as many points as fit the limit."""
    for n in (400, 200, 140, 100, 70, 50, 30, 20):
        figure = _plain(draw(n))
        if len(figure.to_json()) < _MAX_BYTES:
            break
    return figure


def _plain(figure: go.Figure) -> go.Figure:
    """Drop the template, and write numbers as short decimals.

    The dashboard's plotly.js need not know the binary arrays of this plotly.
    """
    record = figure.to_plotly_json()
    layout = {**record["layout"], "template": "none"}
    return go.Figure(data=[_short(trace) for trace in record["data"]], layout=layout)


def _short(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _short(value.tolist())
    if isinstance(value, dict):
        return {key: _short(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_short(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.4g}") if np.isfinite(value) else None
    return value


_START, _END = "<!-- optuna_mi -->", "<!-- /optuna_mi -->"


def _save_note(dashboard: ModuleType, study: Study, analysis: DecayAnalysis | None) -> None:
    """Replace our part of the study's note, and nothing else."""
    old = dashboard.get_note(study)
    before, found, rest = old.partition(_START)
    after = rest.partition(_END)[2] if found else ""
    ours = f"{_START}\n{_note(study, analysis)}\n{_END}"
    others = [part.strip() for part in (before, after) if part.strip()]
    body = "\n\n".join([ours, *others])
    if body != old:
        dashboard.save_note(study, body)


def _note(study: Study, analysis: DecayAnalysis | None) -> str:
    """Return the Markdown that explains the study."""
    space = read_space(study)
    parts = ["## Where this search space comes from"]
    parts.append(
        "Mutual information (MI) between two symbols was measured against their distance; its "
        "decay says how far back it pays to look, and where to look densely."
    )
    if analysis is not None:
        parts.append(f"```text\n{analysis.summary()}\n```")
    if space is not None:
        parts.append(space.describe())
    parts.append(
        "**Columns of the trial table.** `dilations`: one a layer. `ihyll_final`: information the "
        "last layer holds about the outcome, in nats. `ixy`: what it is compared with (the "
        "information the input holds, or the entropy of the outcome). `epochs`: epochs trained."
    )
    parts.append(
        "**Figures.** *mi-decay*: the curve, its law and the best trials' dilations. "
        "*mi-training*: learning rate, objective and IHYLL of the best and the median trial. "
        "*mi-ihyll*: objective against IHYLL. *mi-dilations*: the best trials' distances."
    )
    return "\n\n".join(parts)


def _upload_series(study: Study, trial: FrozenTrial, store: ArtifactStore) -> None:
    frame = training_frame(trial)
    name = "training.csv"
    storage = study._storage
    present = {meta.filename for meta in get_all_artifact_meta(trial, storage=storage)}
    if frame.empty or name in present:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        frame.to_csv(path)
        upload_artifact(
            artifact_store=store, file_path=str(path), study_or_trial=trial, storage=storage
        )
