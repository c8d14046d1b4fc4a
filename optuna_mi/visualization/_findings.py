"""What an analysis found, on a decay curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from optuna_mi.visualization import _style

if TYPE_CHECKING:
    from optuna_mi.decay import DecayAnalysis


def add_findings(
    figure: go.Figure,
    analysis: DecayAnalysis,
    left: float,
    right: float,
    bottom: float,
    top: float,
    n_points: int,
) -> None:
    """Draw thresholds, law, breaks, period, single distances and maximum dilation."""
    x, y = _style.segments([((left, analysis.threshold), (right, analysis.threshold))])
    label = f"threshold {_style.short(analysis.threshold)}"
    figure.add_trace(_style.line_trace(x, y, label, _style.RED, dash="dash", width=1.2))
    if analysis.effective_threshold > analysis.threshold * 1.01:
        level = analysis.effective_threshold
        x, y = _style.segments([((left, level), (right, level))])
        label = f"what the data resolve: {_style.short(level)}"
        figure.add_trace(_style.line_trace(x, y, label, _style.RED, dash="dot", width=1.2))
    # single distances have no curve
    if analysis.law not in ("none", "delays"):
        grid = np.geomspace(max(left, 1.0), right, n_points)
        fit = np.asarray(analysis.predict(grid), dtype=np.float64)
        figure.add_scatter(
            x=grid,
            y=_style.masked(fit, bottom),
            name="fitted law" if analysis.period is None else "fitted envelope",
            mode="lines",
            line={"color": _style.ORANGE, "width": 2.2},
            hovertemplate="fit at d = %{x:.4g}: %{y:.3g} nats",
        )
    if analysis.breakpoints:
        x, y = _style.segments([((b, bottom), (b, top)) for b in analysis.breakpoints])
        where = ", ".join(f"{b:.3g}" for b in analysis.breakpoints)
        figure.add_trace(
            _style.line_trace(x, y, f"break at {where}", _style.PURPLE, dash="dashdot")
        )
        spans = [
            ((low, bottom * 1.25), (high, bottom * 1.25))
            for low, high in analysis.breakpoint_intervals
            if high > low
        ]
        if spans:
            x, y = _style.segments(spans)
            figure.add_trace(_style.line_trace(x, y, "break's interval", _style.PURPLE, width=5))
    if analysis.period is not None:
        multiples = np.arange(analysis.period, right + 1, analysis.period, dtype=np.float64)[:10]
        x, y = _style.segments([((m, bottom), (m, top)) for m in multiples])
        kind = f", {analysis.period_kind}" if analysis.period_kind else ""
        name = f"period {analysis.period}{kind}"
        figure.add_trace(_style.line_trace(x, y, name, _style.PURPLE, dash="dot", width=0.8))
    if analysis.delays:
        x, y = _style.segments(
            [((d.distance, bottom), (d.distance, d.mi)) for d in analysis.delays]
        )
        where = ", ".join(f"{d.distance:,}" for d in analysis.delays[:4])
        more = ", …" if len(analysis.delays) > 4 else ""
        name = f"stands out at {where}{more}"
        figure.add_trace(_style.line_trace(x, y, name, _style.PURPLE, width=2.5))
    x, y = _style.segments([((analysis.max_dilation, bottom), (analysis.max_dilation, top))])
    name = f"max dilation {analysis.max_dilation}"
    figure.add_trace(_style.line_trace(x, y, name, _style.GREEN, dash="dash"))
