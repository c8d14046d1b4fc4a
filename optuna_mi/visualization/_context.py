"""What the past tells, step by step and lag by lag."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from optuna_mi._checks import instance
from optuna_mi.context import ContextCurve, LagSelection
from optuna_mi.decay import DecayCurve
from optuna_mi.visualization import _style

# share of the highest value below which a candidate is not drawn
_SHOWN = 1e-4


def plot_context_curve(curve: ContextCurve) -> go.Figure:
    """Draw what the last k steps tell against k.

    Shown: the information with a band of two standard errors, the context length with its
    interval, and what smaller budgets reach with theirs.

    Args:
        curve: What `optuna_mi.context_curve` returned, or the ``curve`` of a window.

    Returns:
        A figure; ``figure.show()`` opens it, ``figure.write_html(path)`` saves it.
    """
    instance("curve", curve, ContextCurve, "a ContextCurve", "context_curve makes one")
    steps = np.arange(len(curve))
    figure = go.Figure()
    spread = 2 * curve.std_error
    _style.add_band(figure, steps, curve.information - spread, curve.information + spread)
    figure.add_scatter(
        x=steps,
        y=curve.information,
        name="information",
        mode="lines+markers" if len(steps) <= 100 else "lines",
        line={"color": _style.BLUE},
        hovertemplate="%{x} steps: %{y:.4g} nats",
    )
    best = curve.context_length
    low, high = curve.context_interval
    figure.add_scatter(
        x=[best],
        y=[curve.information[best]],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - best],
            "arrayminus": [best - low],
        },
        name=f"context length {best:,} ({low:,} to {high:,})",
        mode="markers",
        marker={"color": _style.RED, "size": 10, "symbol": "diamond"},
        hovertemplate="nothing is gained beyond %{x} steps",
    )
    if len(curve.budgets) > 1:
        smaller = curve.budgets[:-1]
        figure.add_scatter(
            x=[b.context_length for b in smaller],
            y=[b.information for b in smaller],
            text=[f"{b.n_train:,} steps to learn from" for b in smaller],
            name="smaller budgets",
            mode="markers",
            marker={"color": _style.ORANGE, "size": 8, "symbol": "circle-open"},
            hovertemplate="%{text}: %{x} steps of context, %{y:.4g} nats",
        )
    figure.update_xaxes(title_text="steps of context k", rangemode="tozero")
    figure.update_yaxes(title_text="information about the value ahead (nats)", rangemode="tozero")
    return _style.finish(figure, f"What the past tells: {best:,} steps are enough")


def plot_selected_lags(selection: LagSelection, curve: DecayCurve | None = None) -> go.Figure:
    """Draw the chosen lags, with what each adds, over what every candidate tells alone.

    Args:
        selection: What `optuna_mi.select_lags` returned.
        curve: The decay curve of the same data, to see the lags on it.

    Returns:
        A figure; ``figure.show()`` opens it, ``figure.write_html(path)`` saves it.
    """
    instance("selection", selection, LagSelection, "a LagSelection", "select_lags makes one")
    if curve is not None:
        instance("curve", curve, DecayCurve, "a DecayCurve", "decay_curve makes one")
    figure = go.Figure()
    if curve is not None:
        figure.add_scatter(
            x=curve.lags,
            y=_style.masked(np.asarray(curve.mi_corrected)),
            name="decay curve",
            mode="lines",
            line={"color": _style.GREY, "width": 1},
            hovertemplate="d = %{x}: %{y:.3g} nats",
        )
    figure.add_scatter(
        x=selection.candidates,
        y=_style.masked(selection.alone),
        name="a candidate alone",
        mode="markers",
        marker={"color": _style.BLUE, "size": 5},
        hovertemplate="lag %{x} alone: %{y:.3g} nats",
    )
    figure.add_scatter(
        x=list(selection.lags),
        y=selection.gain,
        text=[f"{i}." for i in range(1, len(selection) + 1)],
        textposition="top center",
        name="adds to those chosen before",
        mode="markers+text",
        marker={"color": _style.RED, "size": 11, "symbol": "diamond"},
        error_y={"type": "data", "array": 2 * selection.gain_error},
        hovertemplate="lag %{x} adds %{y:.3g} nats",
    )
    right = float(selection.candidates[-1] if curve is None else curve.lags[-1])
    left = float(selection.candidates[0] if curve is None else curve.lags[0])
    figure.update_xaxes(
        type="log",
        title_text="lag (steps)",
        range=_style.log_range(left, max(right, left + 1)),
        **_style.log_ticks(left, max(right, left + 1)),
    )
    # what a candidate tells by chance would stretch the axis over many decades
    top = max(float(selection.alone.max()), *map(float, selection.gain), _SHOWN)
    figure.update_yaxes(
        type="log",
        title_text=_style.NATS,
        exponentformat="power",
        range=_style.log_range(_SHOWN * top, 2 * top),
        **_style.log_ticks(_SHOWN * top, 2 * top),
    )
    chosen = ", ".join(f"{d:,}" for d in selection.lags) or "none"
    return _style.finish(figure, f"Lags chosen one by one: {chosen}", height=560)
