"""[V]'s four plots of a run, and all runs in one."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optuna_mi.visualization._style import BLUE, GREEN, GREY, NATS, ORANGE, RED, SERIES

TITLES = ("learning rate", "test accuracy (%)", "IHYLL (nats)", "accuracy against IHYLL")


def four_plots(data: pd.DataFrame) -> go.Figure:
    """One row a run: rate, accuracy and IHYLL against epoch, accuracy against IHYLL."""
    runs = list(dict.fromkeys(data["run"]))
    figure = make_subplots(
        rows=len(runs),
        cols=4,
        vertical_spacing=0.035,
        horizontal_spacing=0.05,
        column_titles=TITLES,
        row_titles=runs,
    )
    for row, run in enumerate(runs, start=1):
        one = data[data["run"] == run]
        rates = {"rate": "lr"}
        if one["lr"].isna().all():
            rates = {c[3:]: c for c in one.columns if c.startswith("lr_")}
        for color, (name, column) in zip((BLUE, ORANGE, GREEN, RED), rates.items(), strict=False):
            line(figure, one["epoch"], one[column], color, row, 1, name, label=len(rates) > 1)
        line(figure, one["epoch"], one["accuracy"], BLUE, row, 2, "accuracy")
        line(figure, one["epoch"], one["ihyll"], BLUE, row, 3, "IHYLL", error=one["ihyll_se"])
        bound = one["entropy"].iloc[0]
        ends = [one["epoch"].min(), one["epoch"].max()]
        line(figure, ends, [bound, bound], GREY, row, 3, "H(Y)", dash="dash")
        line(figure, one["ihyll"], one["accuracy"], BLUE, row, 4, "accuracy", mode="markers")
        figure.update_yaxes(range=[0, 0.105], row=row, col=1)
        # the first epochs at the lowest rate lie far below (10 %): the rest would be a line
        figure.update_yaxes(range=[85, 100], row=row, col=2)
        figure.update_yaxes(range=[1.1, 2.4], row=row, col=3)
        figure.update_xaxes(range=[1.85, 2.35], row=row, col=4)
        figure.update_yaxes(range=[85, 100], row=row, col=4)
    figure.update_xaxes(title="epoch", row=len(runs), col=1)
    figure.update_xaxes(title="epoch", row=len(runs), col=2)
    figure.update_xaxes(title="epoch", row=len(runs), col=3)
    figure.update_xaxes(title="IHYLL (nats)", row=len(runs), col=4)
    figure.update_layout(height=190 * len(runs) + 90, width=1250, margin={"t": 40, "r": 60})
    figure.update_layout(legend={"orientation": "h", "y": -0.06})
    return figure


def line(figure, x, y, color, row, col, name, *, label=False, error=None, dash=None, mode=None):
    figure.add_scatter(
        x=x,
        y=y,
        mode=mode or ("lines" if dash else "lines+markers"),
        marker={"size": 5, "color": color},
        line={"color": color, "width": 1.6, "dash": dash},
        error_y=None if error is None else {"type": "data", "array": error, "thickness": 1},
        name=name,
        showlegend=label,
        row=row,
        col=col,
    )


def compare(data: pd.DataFrame) -> go.Figure:
    """Mean over the seeds: accuracy and IHYLL against epoch, all runs."""
    figure = make_subplots(cols=2, subplot_titles=("test accuracy (%)", f"IHYLL, {NATS}"))
    mean = data.groupby(["run", "epoch"])[["accuracy", "ihyll"]].mean()
    for color, run in zip(
        (*SERIES, "#56b4e9", "#f781bf"), dict.fromkeys(data["run"]), strict=False
    ):
        one = mean.loc[run]
        for col, column in enumerate(("accuracy", "ihyll"), start=1):
            line(figure, one.index, one[column], color, 1, col, run, label=col == 1)
    figure.update_yaxes(range=[94, 99.2], col=1)
    figure.update_yaxes(range=[1.7, 2.32], col=2)
    figure.update_xaxes(title="epoch")
    figure.update_layout(height=460, width=1100)
    return figure
