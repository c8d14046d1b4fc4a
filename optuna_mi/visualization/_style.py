"""Colours and axes shared by every figure.

The colours keep their contrast on white and on near-black (a report follows the reader's theme),
and no figure sets a template: ``plotly.io.templates.default`` applies, as to Optuna's own figures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

# After Okabe and Ito's palette, which the colour-blind can tell apart.
BLUE = "#2b83ba"
SKY = "rgba(43, 131, 186, 0.22)"
GREEN = "#1a9e77"
ORANGE = "#e08214"
RED = "#d7301f"
PURPLE = "#9467bd"
BROWN = "#a6761d"
GREY = "#8d959e"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, RED, BROWN, GREY)
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star")

NATS = "mutual information (nats)"


def log_range(low: float, high: float, margin: float = 0.03) -> list[float]:
    """Return a log axis' range (exponents of ten) from ``low`` to ``high`` with a margin."""
    a, b = math.log10(low), math.log10(high)
    pad = margin * max(b - a, 0.1)
    return [a - pad, b + pad]


def log_ticks(low: float, high: float) -> dict[str, Any]:
    """Return a log axis' ticks: powers of ten, with 2 and 5 between on a short axis."""
    if high / low > 300:
        return {"dtick": 1}
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return {"tickvals": [float(f"{m}e{k}") for k in decades for m in (1, 2, 5)]}


def octave_ticks(high: float) -> dict[str, Any]:
    """Return ticks at powers of two up to ``high``, at most a dozen."""
    top = math.ceil(math.log2(high))
    return {"tickvals": [2**k for k in range(0, top + 1, 1 + top // 12)]}


def short(value: float) -> str:
    """Format a number in few characters: ``1e-5``, not ``1e-05``."""
    return re.sub(r"e([+-])0+(?=\d)", r"e\1", f"{value:.3g}").replace("e+", "e")


def masked(values: NDArray[np.float64], bottom: float = 0.0) -> NDArray[np.float64]:
    """Replace what a log axis cannot show (or what lies below the axis) by NaN: a gap."""
    return np.where(values > bottom, values, np.nan)


def segments(
    lines: Iterable[tuple[tuple[float, float], tuple[float, float]]],
) -> tuple[list[float | None], list[float | None]]:
    """Return x and y of one trace that draws separate two-point lines.

    Layout shapes and annotated ``add_hline`` misplace themselves on log axes; data does not.
    """
    x: list[float | None] = []
    y: list[float | None] = []
    for (x0, y0), (x1, y1) in lines:
        x += [x0, x1, None]
        y += [y0, y1, None]
    return x, y


def line_trace(
    x: Sequence[float | None],
    y: Sequence[float | None],
    name: str,
    color: str,
    *,
    dash: str = "solid",
    width: float = 1.5,
    **extra: Any,
) -> go.Scatter:
    """Return a line trace without hover."""
    line = {"color": color, "dash": dash, "width": width}
    options: dict[str, Any] = {"mode": "lines", "hoverinfo": "skip", **extra}
    return go.Scatter(x=list(x), y=list(y), name=name, line=line, **options)


def add_band(
    figure: go.Figure, x: NDArray[Any], low: NDArray[np.float64], high: NDArray[np.float64]
) -> None:
    """Add the band of two standard errors between two curves."""
    for edge, fill in ((low, None), (high, "tonexty")):
        figure.add_scatter(
            x=x,
            y=edge,
            name="± 2 standard errors",
            mode="lines",
            line={"width": 0, "color": BLUE},
            fill=fill,
            fillcolor=SKY,
            hoverinfo="skip",
            showlegend=fill is not None,
        )


def finish(figure: go.Figure, title: str, *, height: int = 480) -> go.Figure:
    """Give a figure its title, margins and a legend below the plot."""
    figure.update_layout(
        title={"text": title, "x": 0.01, "xanchor": "left", "font": {"size": 17}},
        height=height,
        margin={"l": 70, "r": 24, "t": 64, "b": 60},
        legend={"orientation": "h", "yanchor": "top", "y": -0.16, "x": 0},
        hoverlabel={"namelength": -1},
    )
    return figure
