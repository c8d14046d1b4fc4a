"""The races in one picture, and the pruners in another: HTML, and PNG where Chromium is there.

python -m benchmarks.races.picture --out docs/images
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from benchmarks.races.data import CONFIRMATION, HELD_OUT
from benchmarks.races.play import BASE
from benchmarks.races.record import TABLE
from benchmarks.races.worlds import sign_of

_SHOWN = {
    BASE: "#666666",
    "TPE + enqueued, uninformed": "#e69f00",
    "prior in start-up, uninformed": "#cc79a7",
    "MISampler, paper": "#0072b2",
    "MISampler, context": "#009e73",
    "prior in start-up, wide": "#d55e00",
}
_NAMES = {
    BASE: "TPE, uninformed space",
    "TPE + enqueued, uninformed": "… with our recommendation enqueued",
    "prior in start-up, uninformed": "… with our prior in its start-up",
    "MISampler, paper": "MISampler, the paper's space",
    "MISampler, context": "MISampler, the context curve's space",
    "prior in start-up, wide": "its prior and shapes in a wide space",
}


def races_figure(races: pd.DataFrame, lists: pd.DataFrame) -> go.Figure:
    """Return the mean best so far, relative to where uninformed TPE ends."""
    trials = [c for c in races.columns if c.startswith("trial ")]
    races = races[~races["dataset"].isin(CONFIRMATION)]
    lists = lists[lists["lists"] > lists["noise"]]
    spread = lists.set_index(["dataset", "budget"])["lists"]
    matter = set(spread.index)
    figure = make_subplots(
        1,
        2,
        shared_yaxes=True,
        horizontal_spacing=0.04,
        subplot_titles=("data that nothing was made with", "known data"),
    )
    for column, held_out in ((1, True), (2, False)):
        some = races[races["dataset"].isin(HELD_OUT) == held_out]
        some = some[[pair in matter for pair in zip(some["dataset"], some["budget"], strict=True)]]
        for label, color in _SHOWN.items():
            curves = []
            for (name, budget), group in some.groupby(["dataset", "budget"]):
                indexed = group.set_index("race")
                ends = indexed.loc[BASE, trials[-1]]
                gain = sign_of(str(name)) * (indexed.loc[label, trials].to_numpy(float) - ends)
                curves.append(gain / spread[name, budget])
            figure.add_scatter(
                x=np.arange(1, len(trials) + 1),
                y=np.mean(curves, axis=0),
                name=_NAMES[label],
                mode="lines",
                line={"color": color, "width": 3 if label.startswith("MI") else 2},
                showlegend=held_out,
                row=1,
                col=column,
            )
    figure.update_xaxes(title="trials")
    figure.update_yaxes(title="best so far, in SD of lists<br>(0: where TPE ends)", col=1)
    return _styled(figure)


def pruners_figure(frame: pd.DataFrame) -> go.Figure:
    """Return epochs spent against regret."""
    names = list(frame["dataset"].unique())
    figure = make_subplots(1, len(names), subplot_titles=names, horizontal_spacing=0.08)
    kinds = {
        "all trials, or fewer": ("", "#999999", "square"),
        "a few epochs, then the best": ("best ", "#e69f00", "diamond"),
        "Optuna's pruners": ("Pruner", "#0072b2", "circle"),
        "IHYLLPruner": ("IHYLL", "#009e73", "circle"),
    }
    for column, name in enumerate(names, 1):
        group = frame[frame["dataset"] == name]
        of_kind = group["rule"].map(
            lambda rule: next(k for k in reversed(kinds) if kinds[k][0] in rule)
        )
        for kind, (_, color, symbol) in kinds.items():
            some = group[of_kind == kind]
            figure.add_scatter(
                x=100 * some["epochs"],
                y=some["regret"],
                text=some["rule"],
                name=kind,
                mode="markers",
                marker={"color": color, "symbol": symbol, "size": 10},
                showlegend=column == 1,
                row=1,
                col=column,
            )
    figure.update_xaxes(title="epochs spent, % of all")
    figure.update_yaxes(title="regret", col=1, rangemode="tozero")
    return _styled(figure)


def _styled(figure: go.Figure) -> go.Figure:
    figure.update_layout(
        template="plotly_white",
        width=900,
        height=420,
        margin={"l": 70, "r": 20, "t": 40, "b": 110},
        legend={"orientation": "h", "y": -0.22, "x": 0},
    )
    return figure


def save(figure: go.Figure, path: Path) -> None:
    """Write a PNG by Chromium.

    Raises:
        FileNotFoundError: Chromium is not installed.
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise FileNotFoundError("no chromium: install it, or open the figure with figure.show()")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "figure.html"
        body = figure.to_html(full_html=False, include_plotlyjs=True, config={"staticPlot": True})
        page.write_text(f"<meta charset='utf-8'><body style='margin:0'>{body}</body>")
        options = ["--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu"]
        size = f"--window-size={figure.layout.width},{figure.layout.height}"
        shot = [f"--screenshot={path.resolve()}", "--virtual-time-budget=5000", page.as_uri()]
        subprocess.run([browser, *options, size, *shot], check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=Path, default=TABLE.parent)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    races, lists, pruners = (
        pd.read_csv(arguments.results / f"{name}.csv")
        for name in ("races", "races-lists", "pruners")
    )
    save(races_figure(races, lists), arguments.out / "races.png")
    save(pruners_figure(pruners), arguments.out / "pruners.png")


if __name__ == "__main__":
    main()
