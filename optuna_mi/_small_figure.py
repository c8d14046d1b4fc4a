"""Figures for optuna-dashboard: small in bytes, and in the room it gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go

# A figure is read again by every open page, every few seconds.
MAX_BYTES = 20_000

_HEIGHT = 440  # of the dashboard's cards, which cut off what is higher
_NO_LEGEND = ("raw estimate", "baseline", "noise floor", "± 2", "break's interval", "reference")


def small_figure(draw: Callable[[int], go.Figure], title: str) -> go.Figure:
    """Draw a figure with as many points as fit ``MAX_BYTES``.

    Args:
        draw: Returns the figure with at most so many points per series.
        title: A title for half a page's width.
    """
    for n in (400, 200, 140, 100, 70, 50, 30, 20):
        figure = _compact(draw(n), title)
        if len(figure.to_json()) < MAX_BYTES:
            break
    return figure


def _compact(figure: go.Figure, title: str) -> go.Figure:
    """Drop the template, write numbers as short decimals, shorten title and legend.

    The dashboard's plotly.js need not know the binary arrays of this plotly.
    """
    layout = figure.layout.to_plotly_json()
    layout |= {
        "template": "none",
        "title": {**layout["title"], "text": title, "font": {"size": 15}},
        "height": _HEIGHT,
        "margin": {"l": 60, "r": 10, "t": 64, "b": 40},
        "font": {"size": 11},
    }
    layout["legend"] |= {"font": {"size": 10}, "y": -0.2}
    for axis in (key for key in layout if key.startswith("xaxis")):
        layout[axis]["title"] = {**layout[axis].get("title", {}), "standoff": 4}
    return go.Figure(data=[_trace(trace.to_plotly_json()) for trace in figure.data], layout=layout)


def _trace(trace: dict[str, Any]) -> dict[str, Any]:
    trace = {key: _short(value) for key, value in trace.items()}
    if trace.get("name", "").startswith(_NO_LEGEND):
        trace["showlegend"] = False
    return trace


def _short(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _short(value.tolist())
    if isinstance(value, dict):
        return {key: _short(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_short(v) for v in value]
    if isinstance(value, float):
        if not np.isfinite(value):
            return None
        rounded = float(f"{value:.4g}")
        return int(rounded) if rounded.is_integer() else rounded
    return value
