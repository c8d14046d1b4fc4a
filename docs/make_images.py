"""Draw the documentation's images anew.

    OPTUNA_MI_DATA=... python docs/make_images.py STUDY.db

STUDY.db is the SQLite file of a finished `optuna-mi search` (digits by default). Without it, only
the decay curve and the images of the two OptunaHub entries are drawn. Needs chromium on PATH, the
extra `dashboard`, optunahub and the Penn Treebank. The searches' image is drawn where
`python -m benchmarks search` has left its page.
"""

from __future__ import annotations

import math
import runpy
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import optuna
import optuna_dashboard
import plotly.graph_objects as go

import optuna_mi
import optunahub
from optuna_mi import dashboard, report
from optuna_mi.pruners import ihyll_series
from optuna_mi.visualization import plot_decay_curve

IMAGES = Path(__file__).parent / "images"
REGISTRY = Path(__file__).parents[1] / "optunahub"
SEARCHES = Path(__file__).parents[1] / "benchmarks/results/search-small.html"


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def photograph(url: str, name: str | Path, width: int, height: int, scale: float = 1.0) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("chromium is not on PATH")
    with tempfile.TemporaryDirectory() as profile:
        command = [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--virtual-time-budget=10000",
            f"--user-data-dir={profile}",
            f"--window-size={width},{height}",
            f"--force-device-scale-factor={scale}",
            f"--screenshot={IMAGES / name}",
            url,
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    print(IMAGES / name, (IMAGES / name).stat().st_size // 1000, "kB")


def decay(folder: Path) -> None:
    dataset = optuna_mi.load_dataset("ptb-char")
    curve = optuna_mi.decay_curve(dataset.sequences, max_lag=5000, seed=0)
    analysis = optuna_mi.analyze_decay(curve)
    layers = optuna_mi.design_dilations(analysis, n_layers=12, max_dilation=240)
    draw(plot_decay_curve(curve, analysis, layers), folder, "decay.png")


def draw(figure: go.Figure, folder: Path, name: str | Path) -> None:
    figure.update_layout(template="plotly_white")
    page = folder / "figure.html"
    figure.write_html(page, config={"displayModeBar": False})
    photograph(page.as_uri(), name, 1000, 575)


def run_entry(package: str) -> dict[str, Any]:
    """Run an entry's example on the entry of this checkout; its variables."""

    def load(package: str) -> Any:
        return optunahub.load_local_module(package=package, registry_root=str(REGISTRY))

    optunahub.load_module = load
    return runpy.run_path(str(REGISTRY / package / "example.py"), run_name="__main__")


def sampler_entry(folder: Path) -> None:
    package = "samplers/mi_dilations"
    found = run_entry(package)
    layers = found["space"].dilations(found["space"].recommended)
    figure = plot_decay_curve(found["curve"], found["analysis"], layers)
    draw(figure, folder, REGISTRY / package / "images/decay.png")


def pruner_entry(folder: Path) -> None:
    package = "pruners/ihyll"
    trials: list[tuple[str, dict[int, float]]] = []
    for trial in run_entry(package)["study"].trials:
        if trial.state == optuna.trial.TrialState.PRUNED:
            kind = "pruned"
        elif "mi:spared" in trial.user_attrs:
            kind = "spared, then trained to the end"
        else:
            kind = "trained to the end"
        trials.append((kind, ihyll_series(trial)))
    figure = go.Figure()
    colors = {
        "pruned": "#999999",
        "trained to the end": "#0072b2",
        "spared, then trained to the end": "#d55e00",
    }
    for kind, color in colors.items():
        of_kind = [series for name, series in trials if name == kind]
        for i, series in enumerate(of_kind):
            figure.add_scatter(
                x=list(series),
                y=[math.log(10) - value for value in series.values()],  # H(digit) is log 10
                name=kind,
                legendgroup=kind,
                showlegend=i == 0,
                line_color=color,
            )
    figure.update_layout(
        title="What the last layer does not yet tell about the digit, each trial of example.py",
        xaxis_title="epoch",
        yaxis_title="H(digit) − IHYLL (nats)",
        yaxis_type="log",
        legend={"orientation": "h", "y": -0.2},
        height=560,
    )
    draw(figure, folder, REGISTRY / package / "images/ihyll.png")


def main(database: str | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        decay(folder)
        sampler_entry(folder)
        pruner_entry(folder)
    if database is not None:
        of_study(database)


def of_study(database: str) -> None:
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{database}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = report.write_report(study, folder / "report.html")
        photograph(page.as_uri(), "report.png", 1100, 2030, 0.62)
    if SEARCHES.exists():
        photograph(SEARCHES.resolve().as_uri(), "search.png", 1050, 1185, 0.8)
    dashboard.publish(study)
    app = optuna_dashboard.wsgi(study._storage)
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}/dashboard/studies/{study._study_id}"
        photograph(base, "dashboard.png", 1400, 2190, 0.55)
        photograph(f"{base}/note", "note.png", 1400, 760, 0.65)
        server.shutdown()
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
