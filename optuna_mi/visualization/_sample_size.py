"""Mutual information against the number of samples."""

from __future__ import annotations

import plotly.graph_objects as go

from optuna_mi._checks import instance
from optuna_mi.information import SampleSizeCurve
from optuna_mi.visualization._style import BLUE, GREY, NATS


def plot_mi_sample_size(curve: SampleSizeCurve) -> go.Figure:
    """Draw the estimate against the number of samples ([V] Fig. 1).

    Args:
        curve: What `optuna_mi.information.mi_sample_size_curve` returned.

    Returns:
        Mean and standard deviation over the repeats, in nats, with the sufficient size marked.
    """
    remedy = "optuna_mi.information.mi_sample_size_curve makes one"
    instance("curve", curve, SampleSizeCurve, "a SampleSizeCurve", remedy)
    sizes = [int(size) for size in curve.sizes]
    figure = go.Figure(
        go.Scatter(
            x=sizes,
            y=curve.mean,
            error_y={"type": "data", "array": curve.std, "thickness": 1.5},
            mode="lines+markers",
            line={"color": BLUE},
            name="mean and standard deviation",
            hovertemplate="N = %{x}<br>%{y:.4f} nats<extra></extra>",
        )
    )
    enough = curve.sufficient
    if enough is not None:
        low = float((curve.mean - curve.std).min())
        high = float((curve.mean + curve.std).max())
        figure.add_trace(
            go.Scatter(
                x=[enough, enough],
                y=[low, high],
                mode="lines",
                line={"color": GREY, "dash": "dash"},
                name=f"doubling changes nothing from N = {enough}",
                hoverinfo="skip",
            )
        )
    figure.update_layout(
        title=f"{curve.estimator} estimate, k = {curve.k}, {curve.metric} metric",
        legend={"orientation": "h", "y": -0.2},
    )
    figure.update_xaxes(title="number of samples N", type="log", tickvals=sizes)
    figure.update_yaxes(title=NATS)
    return figure
