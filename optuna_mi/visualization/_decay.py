"""The decay curve with everything that was read off it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from optuna_mi._checks import instance, whole
from optuna_mi._fewer_points import thin
from optuna_mi.decay import DecayCurve
from optuna_mi.search_space._check_arguments import check_analysis
from optuna_mi.visualization import _style
from optuna_mi.visualization._findings import add_findings
from optuna_mi.visualization._layers import (
    Dilations,
    add_layers,
    crossing_heights,
    named_dilations,
)

if TYPE_CHECKING:
    from optuna_mi.decay import DecayAnalysis

Floats = NDArray[np.float64]

_LAW_NAMES = {
    "power": "power law",
    "exponential": "exponential law",
    "broken_power": "broken power law",
    "periodic_power": "periodic power law",
    "flat": "flat",
    "delays": "single distances",
    "none": "no dependence",
}


def plot_decay_curve(
    curve: DecayCurve,
    analysis: DecayAnalysis | None = None,
    dilations: Dilations | None = None,
    *,
    max_points: int = 2000,
) -> go.Figure:
    """Draw mutual information against distance on log-log axes.

    Shown where the curve has them: the corrected curve with a band of two standard errors, the raw
    curve and its baseline, the noise floor; from the analysis the fitted law, the threshold, the
    breaks with their intervals, the period and the maximum dilation; from ``dilations`` each
    layer's horizontal line and its crossing with the fit ([MK20], Fig. 2). Values at or below zero
    cannot be drawn on a log axis and are left out.

    Args:
        curve: The decay curve, in nats.
        analysis: What :func:`optuna_mi.decay.analyze_decay` made of it.
        dilations: The layers' dilations, or a mapping from a name (of a trial, say) to dilations.
            Without an analysis the crossings lie on the corrected curve.
        max_points: Longer curves are thinned to this many points, keeping peaks and troughs.

    Returns:
        A figure; ``figure.show()`` opens it, ``figure.write_html(path)`` saves it.

    Raises:
        ValueError: If ``max_points`` is below 10, a dilation below 1, or no value of the curve is
            above zero.
    """
    instance("curve", curve, DecayCurve, "a DecayCurve", "decay_curve makes one")
    if analysis is not None:
        check_analysis(analysis)
    max_points = whole("max_points", max_points, 10)
    named = named_dilations(dilations)
    lags = np.asarray(curve.lags, dtype=np.float64)
    raw = np.asarray(curve.mi, dtype=np.float64)
    corrected = np.asarray(curve.mi_corrected, dtype=np.float64)
    positive = corrected[corrected > 0]
    if len(positive) == 0:
        positive = raw[raw > 0]
    if len(positive) == 0:
        raise ValueError(
            f"none of the curve's {len(lags)} values is above zero (largest: {raw.max():.3g} "
            "nats), so a log axis can show nothing: the data show no dependence at these lags"
        )
    right = max([lags[-1], *(float(d) for ds in named.values() for d in ds)])
    heights = {
        name: crossing_heights(np.asarray(ds, dtype=np.float64), lags, corrected, analysis)
        for name, ds in named.items()
    }
    highest = max([raw.max(), *(h for hs in heights.values() for h in hs)])
    bottom, top = _value_range(curve, analysis, positive, float(highest))
    keep = thin(lags, corrected, max_points, log=True)

    figure = go.Figure()
    _add_floor(figure, curve, lags, keep, bottom)
    if curve.baseline is not None:
        _add_reference(figure, lags[keep], raw[keep], "raw estimate", _style.GREY)
        baseline = np.asarray(curve.baseline, dtype=np.float64)[keep]
        _add_reference(figure, lags[keep], baseline, "baseline", _style.BROWN, dash="dot")
    _add_curve(figure, curve, lags, corrected, keep, bottom)
    if analysis is not None:
        add_findings(figure, analysis, lags[0], right, bottom, top, min(200, max_points // 2))
    for i, (name, ds) in enumerate(named.items()):
        add_layers(figure, name, ds, heights[name], i, float(lags[0]))

    figure.update_xaxes(
        type="log",
        title_text="distance d (steps)",
        range=_style.log_range(float(lags[0]), right),
        **_style.log_ticks(float(lags[0]), right),
    )
    figure.update_yaxes(
        type="log",
        title_text=_style.NATS,
        range=[np.log10(bottom), np.log10(top)],
        exponentformat="power",
        **_style.log_ticks(bottom, top),
    )
    return _style.finish(figure, _title(analysis), height=560)


def _title(analysis: DecayAnalysis | None) -> str:
    if analysis is None:
        return "Mutual information decay"
    law = _LAW_NAMES.get(analysis.law, analysis.law)
    told = f" (given: {', '.join(analysis.forced)})" if analysis.forced else ""
    return f"Mutual information decay: {law}{told}, max dilation {analysis.max_dilation}"


def _value_range(
    curve: DecayCurve, analysis: DecayAnalysis | None, positive: Floats, highest: float
) -> tuple[float, float]:
    """Choose the y axis so that noise far below the threshold does not squeeze the curve."""
    top = highest * 3
    marks = []
    if analysis is not None:
        marks.append(analysis.threshold)
    if curve.floor is not None:
        floor = np.asarray(curve.floor, dtype=np.float64)
        marks += [float(np.median(floor[floor > 0]))] if np.any(floor > 0) else []
    lowest = float(positive.min())
    bottom = max(lowest / 2, min(marks) / 20) if marks else lowest / 2
    return min([bottom, top / 100, *(m / 3 for m in marks)]), top


def _add_reference(
    figure: go.Figure, x: Floats, y: Floats, name: str, color: str, dash: str = "solid"
) -> None:
    figure.add_scatter(
        x=x,
        y=_style.masked(y),
        name=name,
        mode="lines",
        line={"color": color, "width": 1, "dash": dash},
        hovertemplate="d = %{x}: %{y:.3g} nats",
    )


def _add_floor(
    figure: go.Figure, curve: DecayCurve, lags: Floats, keep: NDArray[np.int64], bottom: float
) -> None:
    if curve.floor is None:
        return
    floor = np.broadcast_to(np.asarray(curve.floor, dtype=np.float64), lags.shape)[keep]
    x = lags[keep]
    figure.add_trace(
        _style.line_trace(
            [x[0], x[-1]], [bottom, bottom], "", _style.GREY, width=0, showlegend=False
        )
    )
    figure.add_scatter(
        x=x,
        y=np.maximum(_style.masked(floor), bottom),
        name="noise floor",
        mode="lines",
        line={"color": _style.GREY, "width": 1, "dash": "dot"},
        fill="tonexty",
        fillcolor="rgba(141, 149, 158, 0.18)",
        hovertemplate="noise below %{y:.3g} nats",
    )


def _add_curve(
    figure: go.Figure,
    curve: DecayCurve,
    lags: Floats,
    corrected: Floats,
    keep: NDArray[np.int64],
    bottom: float,
) -> None:
    x, y = lags[keep], corrected[keep]
    if curve.std_error is not None:
        spread = 2 * np.asarray(curve.std_error, dtype=np.float64)[keep]
        low, high = (np.maximum(edge, bottom) for edge in (y - spread, y + spread))
        _style.add_band(figure, x, low, high)
    figure.add_scatter(
        x=x,
        y=_style.masked(y),
        name="MI" if curve.baseline is None else "MI − baseline",
        mode="lines+markers",
        line={"color": _style.BLUE, "width": 1.6 if len(x) <= 400 else 1},
        marker={"size": 4 if len(x) <= 200 else 2, "color": _style.BLUE},
        hovertemplate="d = %{x}: %{y:.4g} nats",
    )
