"""Best-so-far against trials, with bands over seeds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from benchmarks._output import interval
from benchmarks.worth._search_races import OURS, curves, distinct

_COLORS = {
    "MISampler": "#d7301f",
    "MIGridSampler": "#e08214",
    "TPE": "#2b83ba",
    "GP": "#1a9e77",
    "Random": "#8d959e",
    "Grid": "#9467bd",
}
_COLUMNS = ("uninformed", "doubling")


def figures(frame: pd.DataFrame) -> Mapping[str, go.Figure]:
    """Return the figure: a row a data set, a column a space that ours is compared with."""
    names = list(frame["dataset"].unique())
    figure = make_subplots(
        rows=len(names),
        cols=2,
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=0.16 / max(len(names), 2),
        subplot_titles=[f"{n}: against the {space} space" for n in names for space in _COLUMNS],
    )
    shown: set[str] = set()
    for row, name in enumerate(names, start=1):
        data = frame[frame["dataset"] == name]
        for column, space in enumerate(_COLUMNS, start=1):
            # A sampler is in one of the two spaces only; ours lie on top.
            part = data[data["space"].isin((space, "ours"))].sort_values(
                "space", key=lambda s: s == "ours", kind="stable"
            )
            for sampler, group in part.groupby("sampler", sort=False):
                for trace in _traces(str(sampler), group, first=sampler not in shown):
                    figure.add_trace(trace, row=row, col=column)
                shown.add(str(sampler))
        figure.update_yaxes(range=_range(data), row=row)
        figure.update_yaxes(title_text=str(data["metric"].iloc[0]), row=row, col=1)
    figure.update_xaxes(title_text="trials", row=len(names))
    figure.update_layout(
        height=125 + 250 * len(names),
        template="plotly_white",
        margin={"l": 70, "r": 20, "t": 75, "b": 50},
        legend={"orientation": "h", "y": -0.35 / max(len(names), 1) / 1.6, "x": 0},
    )
    return {"Best so far, mean and 95 % band over seeds": figure}


def _range(data: pd.DataFrame) -> list[float]:
    """Return an axis that shows all means from the second trial on: first trials lie far out."""
    means = [curves(g).mean(axis=0)[1:] for _, g in data.groupby(["space", "sampler"])]
    low, high = float(np.min(means)), float(np.max(means))
    return [low - 0.25 * (high - low), high + 0.15 * (high - low)]


def _traces(sampler: str, group: pd.DataFrame, *, first: bool) -> list[go.Scatter]:
    best = curves(distinct(group, ordered=True))
    bands = [interval(column) for column in best.T]
    mean = np.array([m for m, _ in bands])
    # A grid has as many different searches as there are training seeds: too few for a band.
    few = len(best) <= group["replicates"].iloc[0]
    half = np.zeros(len(mean)) if few else np.array([h for _, h in bands])
    trials = np.arange(1, best.shape[1] + 1)
    color = _COLORS[sampler]
    band = go.Scatter(
        x=np.concatenate((trials, trials[::-1])),
        y=np.concatenate((mean + half, (mean - half)[::-1])),
        fill="toself",
        fillcolor=color,
        opacity=0.13,
        line={"width": 0},
        hoverinfo="skip",
        legendgroup=sampler,
        showlegend=False,
    )
    line = go.Scatter(
        x=trials,
        y=mean,
        name=sampler,
        mode="lines",
        line={"color": color, "width": 3 if sampler in OURS else 1.5},
        legendgroup=sampler,
        showlegend=first,
    )
    return [band, line]
