"""Figures, a note and tables for optuna-dashboard."""

from __future__ import annotations

import io
import json
import re
import textwrap
import uuid
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import ModuleType
from typing import TYPE_CHECKING

import plotly.graph_objects as go
from optuna.artifacts import ArtifactMeta
from optuna.exceptions import ExperimentalWarning
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_mi._checks import instance, shown
from optuna_mi._logging import get_logger
from optuna_mi._small_figure import small_figure
from optuna_mi._study_data import (
    check_single_objective,
    facts,
    metric_name,
    ranked,
    read_analysis,
    read_space,
    summary,
    training_frame,
)
from optuna_mi._terminal import printable
from optuna_mi.exceptions import MissingExtraError
from optuna_mi.search_space._check_arguments import check_analysis
from optuna_mi.visualization import plot_decay_curve, plot_dilations, plot_ihyll, plot_training

if TYPE_CHECKING:
    from optuna.artifacts._protocol import ArtifactStore

    from optuna_mi.decay import DecayAnalysis

__all__ = ["publish"]

_logger = get_logger(__name__)

_TITLES = {
    "mi-decay": "MI decay and the best trials' dilations",
    "mi-training": "Training of the best and the median trial",
    "mi-ihyll": "Objective against IHYLL",
    "mi-dilations": "Dilations of the best trials",
}


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
    gets its series as a CSV file, once.

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
    if analysis is not None:
        check_analysis(analysis)
    if metric is not None:
        instance("metric", metric, str, "a str, the objective's name")
    if artifact_store is not None and not callable(getattr(artifact_store, "write", None)):
        raise TypeError(
            f"artifact_store must be a store of optuna.artifacts, got {shown(artifact_store)}; "
            "FileSystemArtifactStore(folder) is one"
        )
    if metric is not None and study.metric_names is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names([metric])
    if analysis is None:
        analysis = read_analysis(study)
    order = ranked(study)
    written = []
    for graph_id, draw in _figures(study, analysis, order).items():
        figure = small_figure(draw, _TITLES[graph_id])
        dashboard.save_plotly_graph_object(study, figure, graph_object_id=graph_id)
        written.append(graph_id)
    _save_note(dashboard, study, analysis)
    if artifact_store is not None:
        _upload_series(study, artifact_store)
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
    """Return a function for each figure that draws it with at most so many points per series."""
    draw: dict[str, Callable[[int], go.Figure]] = {}
    with_dilations = [f for f in map(facts, order) if f.dilations]
    if analysis is not None and bool((analysis.curve.mi_corrected > 0).any()):
        curve = analysis.curve
        distinct: dict[tuple[int, ...], str] = {}
        for f in with_dilations:
            distinct.setdefault(f.dilations, f"trial {f.number}")
        best = {name: dilations for dilations, name in list(distinct.items())[:3]}
        draw["mi-decay"] = lambda n: plot_decay_curve(curve, analysis, best, max_points=n)
    complete = [t for t in order if t.state == TrialState.COMPLETE]
    if complete:
        pair = _best_and_median(complete)
        target = metric_name(study)
        draw["mi-training"] = lambda n: plot_training(pair, target_name=target, max_points=n)
    if any(f.ihyll_final is not None for f in map(facts, order)):
        draw["mi-ihyll"] = lambda n: plot_ihyll(study, max_points=n)
    if with_dilations:
        draw["mi-dilations"] = lambda n: plot_dilations(study, min(10, max(1, n // 20)))
    return draw


def _best_and_median(complete: list[FrozenTrial]) -> Mapping[str, FrozenTrial]:
    best, median = complete[0], complete[len(complete) // 2]
    named = {f"best: trial {best.number}": best}
    if median.number != best.number:
        named[f"median: trial {median.number}"] = median
    return named


# Markdown that renders as nothing; HTML comments would be shown.
_START, _END = "[//]: # (optuna_mi)", "[//]: # (end of optuna_mi)"


def _save_note(dashboard: ModuleType, study: Study, analysis: DecayAnalysis | None) -> None:
    """Replace our part of the study's note, and nothing else."""
    old = dashboard.get_note(study)
    before, found, rest = old.partition(_START)
    after = rest.partition(_END)[2] if found else ""
    ours = f"{_START}\n\n{_note(study, analysis)}\n\n{_END}"
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
        parts.append(_fenced(summary(analysis)))
    if space is not None:
        parts.append(_fenced(textwrap.fill(space.describe(), 100)))
    parts.append(
        "**Columns of the trial table.** `dilations`: one per layer. `ihyll_final`: what the last "
        "layer tells about the outcome, in nats. `ihyll_reference`: what it is compared with "
        "(what the input holds, or the entropy of the outcome). `epochs`: epochs trained."
    )
    figures = {
        "mi-decay": "the curve, its law, and where each layer's dilation meets it",
        "mi-training": "learning rate, objective and IHYLL by epoch",
        "mi-ihyll": "whether trials that hold more information also score better",
        "mi-dilations": "the distances each of them connects",
    }
    listed = "\n".join(f"- *{_TITLES[name]}*: {text}." for name, text in figures.items())
    parts.append(f"**Figures**, on the study's first page:\n\n{listed}")
    return "\n\n".join(parts)


def _fenced(text: str) -> str:
    """Return text that Markdown leaves as it is, whatever a study's attributes hold."""
    runs = [len(run) for run in re.findall(r"`+", text)]
    fence = "`" * max(3, 1 + max(runs, default=0))
    # Our own marks end our part of the note.
    return f"{fence}text\n{printable(text).replace('[//]', '[ //]')}\n{fence}"


def _upload_series(study: Study, store: ArtifactStore) -> None:
    """Give each finished trial its series as a file.

    Optuna's ``upload_artifact`` refuses finished trials, so the entries are written where the
    dashboard keeps the files that a person adds to a finished trial.
    """
    storage, study_id = study._storage, study._study_id
    present = storage.get_study_system_attrs(study_id)
    states = (TrialState.COMPLETE, TrialState.PRUNED)
    for trial in study.get_trials(deepcopy=False, states=states):
        frame = training_frame(trial)
        # The same id every time: what has been uploaded is not uploaded again.
        artifact_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{study.study_name}/{trial.number}"))
        key = f"dashboard:artifacts:{trial._trial_id}:{artifact_id}"
        if frame.empty or key in present:
            continue
        store.write(artifact_id, io.BytesIO(frame.to_csv().encode()))
        meta = ArtifactMeta(artifact_id, f"trial-{trial.number}-training.csv", "text/csv", None)
        storage.set_study_system_attr(study_id, key, json.dumps(asdict(meta)))
