"""A study at a glance: IHYLL across trials, and the best trials' dilations."""

from __future__ import annotations

import html

import numpy as np
import plotly.graph_objects as go
from optuna.study import Study

from optuna_mi._checks import whole
from optuna_mi._study_data import TrialFacts, facts, metric_name, ranked
from optuna_mi.visualization import _style

_STATES = {
    "complete": (_style.BLUE, "circle"),
    "pruned": (_style.ORANGE, "x"),
    "running": (_style.GREY, "circle-open"),
}


def plot_ihyll(study: Study, *, max_points: int = 2000) -> go.Figure:
    """Draw each trial's objective against its last IHYLL.

    When the points rise together, what the last layer tells about the outcome shows
    early how good a trial will become. The dashed line is the reference (IXY or H(Y)).

    Args:
        study: A study with one objective.
        max_points: If there are more trials, the best half of that number is shown and an even
            choice of the others; the title says so.

    Returns:
        A figure; empty with a sentence when no trial has both values.

    Raises:
        ValueError: If the study has several objectives.
    """
    max_points = whole("max_points", max_points, 1)
    both = [f for f in map(facts, ranked(study)) if f.ihyll_final is not None]
    shown = both
    if len(both) > max_points:
        best, rest = both[: max_points // 2], both[max_points // 2 :]
        chosen = np.linspace(0, len(rest) - 1, max_points - len(best)).round().astype(int)
        shown = best + [rest[i] for i in chosen]
    figure = go.Figure()
    for state, (color, symbol) in _STATES.items():
        group = [f for f in shown if f.state == state]
        if group:
            figure.add_scatter(
                x=[f.ihyll_final for f in group],
                y=[f.value for f in group],
                customdata=[[f.number, _join(f), f.epochs] for f in group],
                name=state,
                mode="markers",
                marker={"color": color, "symbol": symbol, "size": 8, "opacity": 0.85},
                hovertemplate=(
                    "trial %{customdata[0]}: %{y:.4g}, IHYLL %{x:.3g} nats<br>"
                    "dilations %{customdata[1]}, %{customdata[2]} epochs"
                ),
            )
    if shown:
        _add_best_and_reference(figure, shown)
    else:
        _say(figure, "no trial has both an objective value and IHYLL yet")
    target = html.escape(metric_name(study))
    figure.update_xaxes(title_text="last IHYLL (nats)")
    figure.update_yaxes(title_text=target)
    title = f"{target} against IHYLL across trials"
    if len(shown) < len(both):
        title += f" ({len(shown)} of {len(both)} trials)"
    return _style.finish(figure, title[0].upper() + title[1:])


def _add_best_and_reference(figure: go.Figure, shown: list[TrialFacts]) -> None:
    best = shown[0]
    if best.state == "complete":
        figure.add_scatter(
            x=[best.ihyll_final],
            y=[best.value],
            name=f"best: trial {best.number}",
            mode="markers",
            marker={"symbol": "circle-open", "size": 16, "color": _style.RED, "line_width": 2},
            hoverinfo="skip",
        )
    references = [f.ihyll_reference for f in shown if f.ihyll_reference is not None]
    values = [f.value for f in shown if f.value is not None]
    if references:
        reference = float(np.median(references))
        figure.add_trace(
            _style.line_trace(
                [reference, reference],
                [min(values), max(values)],
                f"reference (IXY or H(Y)) {reference:.3g}",
                _style.GREEN,
                dash="dash",
            )
        )


def plot_dilations(study: Study, n: int = 10) -> go.Figure:
    """Draw the dilations of the best trials, one row per trial, the best on top.

    Args:
        study: A study with one objective.
        n: How many trials.

    Returns:
        A figure with a log axis of distances; empty with a sentence when no trial has dilations.

    Raises:
        ValueError: If ``n`` is below 1 or the study has several objectives.
    """
    n = whole("n", n, 1)
    best = [f for f in map(facts, ranked(study)) if f.dilations][:n]
    figure = go.Figure()
    for f in best:
        color, symbol = _STATES[f.state]
        row = f"#{f.number}  {f.value:.4g}"
        figure.add_scatter(
            x=list(f.dilations),
            y=[row] * len(f.dilations),
            name=row,
            mode="lines+markers",
            line={"color": color, "width": 1},
            marker={"color": color, "symbol": symbol, "size": 9},
            hovertemplate="dilation %{x}<extra>" + _join(f) + "</extra>",
            showlegend=False,
        )
    if not best:
        _say(figure, "no trial with dilations has a value yet")
    high = max((d for f in best for d in f.dilations), default=10)
    figure.update_xaxes(
        type="log",
        title_text="dilation (steps)",
        range=_style.log_range(1, max(high, 2)),
        **_style.octave_ticks(max(high, 2)),
    )
    figure.update_yaxes(type="category", autorange="reversed", automargin=True)
    title = f"Dilations of the {len(best)} best trials ({html.escape(metric_name(study))})"
    return _style.finish(figure, title, height=170 + 32 * max(len(best), 3))


def _join(f: TrialFacts) -> str:
    return ",".join(map(str, f.dilations))


def _say(figure: go.Figure, text: str) -> None:
    figure.add_annotation(
        text=text, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font_size=14
    )
