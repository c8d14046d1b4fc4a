"""[V]'s four plots of a run, and all runs in one."""

from __future__ import annotations

import dataclasses

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optuna_mi.visualization._style import BLUE, GREEN, GREY, NATS, ORANGE, RED, SERIES

TITLES = ("learning rate", "test accuracy (%)", "IHYLL (nats)", "accuracy against IHYLL")
Range = tuple[float, float] | None


@dataclasses.dataclass(frozen=True)
class Ranges:
    """What of accuracy (%) and IHYLL (nats) is shown; all of it where nothing is said.

    Attributes:
        accuracy: Of one run.
        ihyll: Of one run, against epochs.
        against: IHYLL of one run, against accuracy.
        mean_accuracy: Of the means of all runs.
        mean_ihyll: Of the means of all runs.
    """

    accuracy: Range = None
    ihyll: Range = None
    against: Range = None
    mean_accuracy: Range = None
    mean_ihyll: Range = None


def four_plots(data: pd.DataFrame, ranges: Ranges | None = None) -> go.Figure:
    """One row a run: rate, accuracy and IHYLL against epoch, accuracy against IHYLL."""
    shown, runs = ranges or Ranges(), list(dict.fromkeys(data["run"]))
    highest = 1.05 * data.filter(regex="^lr").max().max()
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
        figure.update_yaxes(range=[0, highest], row=row, col=1)
        figure.update_yaxes(range=shown.accuracy, row=row, col=2)
        figure.update_yaxes(range=shown.ihyll, row=row, col=3)
        figure.update_xaxes(range=shown.against, row=row, col=4)
        figure.update_yaxes(range=shown.accuracy, row=row, col=4)
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


def compare(data: pd.DataFrame, ranges: Ranges | None = None) -> go.Figure:
    """Mean over the seeds: accuracy and IHYLL against epoch, all runs."""
    shown = ranges or Ranges()
    figure = make_subplots(cols=2, subplot_titles=("test accuracy (%)", f"IHYLL, {NATS}"))
    mean = data.groupby(["run", "epoch"])[["accuracy", "ihyll"]].mean()
    for color, run in zip(
        (*SERIES, "#56b4e9", "#f781bf"), dict.fromkeys(data["run"]), strict=False
    ):
        one = mean.loc[run]
        for col, column in enumerate(("accuracy", "ihyll"), start=1):
            line(figure, one.index, one[column], color, 1, col, run, label=col == 1)
    figure.update_yaxes(range=shown.mean_accuracy, col=1)
    figure.update_yaxes(range=shown.mean_ihyll, col=2)
    figure.update_xaxes(title="epoch")
    figure.update_layout(height=460, width=1100)
    return figure
