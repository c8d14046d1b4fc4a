"""One trial, epoch by epoch: the four panels of [V]."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from optuna.trial import FrozenTrial
from plotly.subplots import make_subplots

from optuna_mi._checks import instance, whole
from optuna_mi._fewer_points import thin
from optuna_mi._study_data import TrialFacts, facts
from optuna_mi.visualization import _style

_NO_DATA = {
    (1, 1): "no learning rates recorded",
    (1, 2): "no intermediate values reported",
    (2, 1): "no IHYLL recorded",
    (2, 2): "needs both series",
}


def plot_training(
    trial: FrozenTrial | Mapping[str, FrozenTrial],
    *,
    target_name: str = "objective value",
    max_points: int = 1000,
) -> go.Figure:
    """Draw learning rate, objective and IHYLL against epoch, and the objective against IHYLL.

    The dashed line in IHYLL's panel is the reference the trial was steered by: IXY, the mutual
    information between input and outcome, or the entropy of the outcome (attribute
    ``ihyll_reference``).

    Args:
        trial: A trial of :class:`~optuna_mi.DilatedRNNObjective`, or of any objective that
            reports intermediate values and IHYLL (:func:`optuna_mi.report_ihyll`) and keeps its
            learning rates, one per epoch, in the attribute ``mi:lr``; or several trials by name.
        target_name: What the objective is: "validation accuracy", "bits per character".
        max_points: Longer series are thinned to this many points.

    Returns:
        A figure; a panel whose series the trial lacks says so.

    Raises:
        ValueError: If ``max_points`` is below 10 or there is no trial.
    """
    max_points = whole("max_points", max_points, 10)
    instance("target_name", target_name, str, "a str")
    several = trial if isinstance(trial, Mapping) else {None: trial}
    for one in several.values():
        instance("trial", one, FrozenTrial, "a trial of study.trials, or a mapping of several")
    trials = {f"trial {one.number}" if name is None else name: one for name, one in several.items()}
    if not trials:
        raise ValueError("trial is an empty mapping: pass at least one trial to draw")
    target = html.escape(target_name)
    figure = make_subplots(
        rows=2,
        cols=2,
        horizontal_spacing=0.12,
        vertical_spacing=0.18,
        subplot_titles=("learning rate", target, "IHYLL", f"{target} against IHYLL"),
    )
    drawn: set[tuple[int, int]] = set()
    for i, (name, one) in enumerate(trials.items()):
        color = _style.SERIES[i % len(_style.SERIES)]
        drawn |= _add_trial(figure, html.escape(str(name)), facts(one), color, max_points)
    _axes(figure, target, trials)
    for (row, col), text in _NO_DATA.items():
        if (row, col) not in drawn:
            ref = {"xref": "x domain", "yref": "y domain"}
            figure.add_annotation(
                text=text, x=0.5, y=0.5, showarrow=False, row=row, col=col, opacity=0.6, **ref
            )
    figure.update_annotations(font_size=13)
    _style.finish(figure, _title(trials), height=640)
    return figure.update_layout(legend_y=-0.1)


def _title(trials: Mapping[str, FrozenTrial]) -> str:
    parts = []
    for name, trial in trials.items():
        dilations = ",".join(map(str, facts(trial).dilations)) or "unknown"
        parts.append(f"{html.escape(str(name))} (dilations {dilations})")
    title = "Training of " + ", ".join(parts)
    return title if len(title) < 110 else f"Training of {', '.join(map(html.escape, trials))}"


def _add_trial(
    figure: go.Figure, name: str, f: TrialFacts, color: str, max_points: int
) -> set[tuple[int, int]]:
    """Add one trial's traces; return the panels that got one."""
    both = sorted(f.values.keys() & f.ihyll.keys())
    panels: dict[tuple[int, int], tuple[list[Any], list[Any], str]] = {
        (1, 1): ([*f.lr], [*f.lr.values()], "epoch %{x}: rate %{y:.3g}"),
        (1, 2): ([*f.values], [*f.values.values()], "epoch %{x}: %{y:.4g}"),
        (2, 1): ([*f.ihyll], [*f.ihyll.values()], "epoch %{x}: %{y:.4g} nats"),
    }
    drawn: set[tuple[int, int]] = set()
    for (row, col), (x, y, hover) in panels.items():
        if not x:
            continue
        keep = thin(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64), max_points)
        figure.add_scatter(
            x=[x[k] for k in keep],
            y=[y[k] for k in keep],
            name=name,
            legendgroup=name,
            showlegend=not drawn,
            mode="lines+markers",
            marker={"size": 4, "color": color},
            line={"color": color, "width": 1.6, "shape": "hv" if (row, col) == (1, 1) else None},
            hovertemplate=hover,
            row=row,
            col=col,
        )
        drawn.add((row, col))
    if f.ihyll_reference is not None and f.ihyll:
        figure.add_trace(
            _style.line_trace(
                [min(f.ihyll), max(f.ihyll)],
                [f.ihyll_reference, f.ihyll_reference],
                f"reference {f.ihyll_reference:.3g} nats",
                color,
                dash="dash",
                width=1.2,
            ),
            row=2,
            col=1,
        )
    if both:
        keep = thin(
            np.asarray(both, dtype=np.float64),
            np.asarray([f.values[s] for s in both]),
            max_points,
        )
        steps = [both[k] for k in keep]
        figure.add_scatter(
            x=[f.ihyll[s] for s in steps],
            y=[f.values[s] for s in steps],
            customdata=steps,
            name=name,
            legendgroup=name,
            showlegend=False,
            mode="lines+markers",
            line={"color": color, "width": 0.8, "dash": "dot"},
            marker={
                "size": [5] * (len(steps) - 1) + [11],
                "symbol": ["circle"] * (len(steps) - 1) + ["star"],
                "color": color,
                "opacity": 1,
                "line": {"width": 0},
            },
            hovertemplate="epoch %{customdata}: IHYLL %{x:.3g} nats, %{y:.4g}",
            row=2,
            col=2,
        )
        drawn.add((2, 2))
    return drawn


def _axes(figure: go.Figure, target: str, trials: Mapping[str, FrozenTrial]) -> None:
    for row, col in ((1, 1), (1, 2), (2, 1)):
        figure.update_xaxes(title_text="epoch", rangemode="tozero", row=row, col=col)
    figure.update_xaxes(title_text="IHYLL (nats)", row=2, col=2)
    figure.update_xaxes(title_standoff=4)
    figure.update_yaxes(title_text="nats", row=2, col=1)
    figure.update_yaxes(title_text=target, row=2, col=2)
    rates = [rate for t in trials.values() for rate in facts(t).lr.values() if rate > 0]
    if rates and max(rates) / min(rates) > 30:
        figure.update_yaxes(type="log", exponentformat="power", row=1, col=1)
