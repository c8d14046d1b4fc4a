"""The page of the comparison of schedules: its words, and its picture."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from benchmarks._experiment import Summary
from benchmarks._output import interval, markdown
from benchmarks.schedules.schedules import WITHOUT_RATE
from benchmarks.schedules.table import (
    best_fixed,
    choices_table,
    correlation,
    feeds_table,
    gains_of,
    prepared,
    schedules_table,
)
from optuna_mi.visualization._style import BLUE, GREEN, ORANGE

_NAMES = {
    "mnist": "MNIST, 14 x 14, a CNN: 1,000 images to train on (test accuracy, %)",
    "cifar10": "CIFAR-10, a CNN: 1,500 images (test accuracy, %)",
    "psmnist": "permuted MNIST, 49 steps, a dilated RNN: 1,000 images (test accuracy, %)",
    "ptb": "Penn Treebank characters, a dilated GRU (test bits, lower is better)",
}


def page(frame: pd.DataFrame) -> Summary:
    frame = prepared(frame)
    feeds, counts = feeds_table(frame)
    choices = choices_table(frame)
    one = frame.groupby("task", sort=False)[["steps", "level"]].first()
    seeds = frame.groupby("seed").size()
    whole = int((seeds == seeds.max()).sum())
    sizes = "; ".join(
        f"{name}: {_NAMES.get(str(name), name)}, level {row['level']:g}, {row['steps']:.0f} "
        "batches an epoch"
        for name, row in one.iterrows()
    )
    rank, above, below = correlation(frame)
    text = (
        f"{whole} whole seeds, {int(frame['epochs'].max())} epochs. {sizes}. AdamW with weight "
        "decay 0.01, or the optimizer named; gradients clipped to a norm of 1. Three highest "
        "rates, fixed in advance. [V]'s policies move between the highest rate and a hundredth "
        "of it, the objective's down to a tenth; Prodigy and the range test (1e-3 to 0.1 "
        "everywhere) have no rate to choose. *Steps to the level* are those of the best rate, on "
        "validation; *best fixed* is the constant rate with the best mean. Differences are paired "
        "by seed; above 0 the first is better.\n\n"
        + markdown(schedules_table(frame))
        + "\n\n## Information, or only the loss?\n\n"
        "The same policy fed with IHYLL, less fed with H(Y) minus the cross entropy on the probe: "
        "above 0 information is better.\n\n"
        + markdown(feeds)
        + "\n\n"
        + "\n".join(
            f"- {policy}: information better in {n[0]}, worse in {n[1]}, undecided in {n[2]} of "
            f"{sum(n)} cases."
            for policy, n in counts.items()
        )
        + f"\n\nBeside constant rates: rank correlation of IHYLL and the loss's bound within a "
        f"training {rank:.2f}; the bound exceeds IHYLL in {100 * above:.0f} % of the epochs, and "
        f"is not above 0 in {100 * below:.0f} %. The probe took {_probe_share(frame)}.\n\n"
        "## Without a choice of the rate\n\n"
        "On which tasks a schedule is within noise of the best fixed rate, or better (the paired "
        "interval does not lie below 0), at each rate, and whatever the rate. Wide intervals pass "
        "too: so the lowest mean difference over tasks and rates stands beside.\n\n"
        + markdown(choices)
        + "\n\n"
        + _verdict(choices)
    )
    return Summary(text, {"Against the best fixed rate": picture(frame)})


def _probe_share(frame: pd.DataFrame) -> str:
    parts = []
    for feed, one in frame[frame["feed"] != ""].groupby("feed"):
        parts.append(f"{100 * one['probe_s'].sum() / one['cpu_s'].sum():.1f} % ({feed})")
    return " and ".join(parts) + " of the CPU time of the small trainings here"


def _verdict(choices: list[dict[str, object]]) -> str:
    whatever = [str(r["schedule"]) for r in choices if r["whatever the rate"] == "all"]
    at_one = [
        f"{row['schedule']} at {rate}"
        for row in choices
        for rate in ("0.0003", "0.003", "0.03")
        if row[rate] == "all"
    ]
    first = (
        f"On all tasks, whatever the rate: {', '.join(whatever)}."
        if whatever
        else "No schedule is within noise of the best fixed rate on all tasks whatever the rate."
    )
    second = (
        f"At one and the same rate: {', '.join(at_one)}."
        if at_one
        else "Nor is any at one and the same rate."
    )
    return f"{first} {second}"


def picture(frame: pd.DataFrame) -> go.Figure:
    """Draw, for each schedule and rate, the mean gain over the best fixed rate, task by task."""
    tasks = list(dict.fromkeys(frame["task"]))
    figure = make_subplots(cols=len(tasks), shared_yaxes=True, subplot_titles=tasks)
    names = list(dict.fromkeys(frame["name"]))
    colors = {"0.0003": BLUE, "0.003": GREEN, "0.03": ORANGE, "none to choose": "black"}
    for col, task in enumerate(tasks, start=1):
        of_task = frame[frame["task"] == task]
        reference = best_fixed(of_task)
        shown: dict[str, dict[str, tuple[float, float]]] = {key: {} for key in colors}
        for name, one in of_task.groupby("name", sort=False):
            free = one["schedule"].iloc[0] in WITHOUT_RATE
            for rate, values in gains_of(one).items():
                key = "none to choose" if free else f"{rate:g}"
                shown[key][str(name)] = interval((values - reference).dropna())
        for key, points in shown.items():
            figure.add_scatter(
                x=[mean for mean, _ in points.values()],
                y=list(points),
                error_x={"type": "data", "array": [half for _, half in points.values()]},
                mode="markers",
                marker={"color": colors[key], "size": 7},
                name=f"highest rate: {key}",
                legendgroup=key,
                showlegend=col == 1,
                row=1,
                col=col,
            )
        figure.add_vline(x=0, line={"color": "grey", "dash": "dash"}, row=1, col=col)
        unit = "bits saved" if of_task["metric"].iloc[0] == "bits" else "points of accuracy"
        figure.update_xaxes(title=unit, row=1, col=col)
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1])
    figure.update_layout(height=120 + 27 * len(names), width=1250, margin={"t": 40, "l": 130})
    figure.update_layout(legend={"orientation": "h", "y": -0.12})
    return figure
