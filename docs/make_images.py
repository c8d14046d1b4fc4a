"""Draw the documentation's images anew.

    OPTUNA_MI_DATA=... python docs/make_images.py STUDY.db

STUDY.db is the SQLite file of a finished `optuna-mi search` (digits by default). Needs chromium on
PATH, the extra `dashboard`, and the Penn Treebank. The searches' image is drawn where
`python -m benchmarks search` has left its page.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import optuna
import optuna_dashboard

import optuna_mi
from optuna_mi import dashboard, report
from optuna_mi.visualization import plot_decay_curve

IMAGES = Path(__file__).parent / "images"
SEARCHES = Path(__file__).parents[1] / "benchmarks/results/search-small.html"


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def photograph(url: str, name: str, width: int, height: int, scale: float = 1.0) -> None:
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
    print(name, (IMAGES / name).stat().st_size // 1000, "kB")


def decay(folder: Path) -> None:
    dataset = optuna_mi.load_dataset("ptb-char")
    curve = optuna_mi.decay_curve(dataset.sequences, max_lag=5000, seed=0)
    analysis = optuna_mi.analyze_decay(curve)
    layers = optuna_mi.design_dilations(analysis, n_layers=12, max_dilation=240)
    figure = plot_decay_curve(curve, analysis, layers)
    figure.update_layout(template="plotly_white")
    page = folder / "decay.html"
    figure.write_html(page, config={"displayModeBar": False})
    photograph(page.as_uri(), "decay.png", 1000, 575)


def main(database: str) -> None:
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{database}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        decay(folder)
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
    main(sys.argv[1])
