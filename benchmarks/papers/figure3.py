"""[MK20] Fig. 3: how mutual information decays in the paper's data sets, and in some of ours.

Each data set is measured as the paper's author published it (one long sequence, no baseline), and
corrected: text minus its shuffle, images position by position within an image minus the same
positions of different images, over several seeds of the baseline. Images are also pooled within an
image, which tells apart what concatenation and what pooling adds.
"""

from __future__ import annotations

import json

import numpy as np
import optuna

from benchmarks._experiment import Cell, Experiment, Request
from benchmarks.papers._figure3_data import FILES, IMAGES, file_of, lags_of, load
from benchmarks.papers._figure3_text import summarize
from optuna_mi.decay import DecayCurve, decay_curve


def cells(request: Request) -> list[Cell]:
    lags = "all" if request.budget == "paper" else "log"
    texts = ["ptb-letters", "ptb-words", *(name for name in FILES if file_of(name))]
    found: list[Cell] = []
    for name in [*texts, *IMAGES]:
        once = ("published", "pooled") if name in IMAGES else ("published",)
        found += [{"data": name, "convention": c, "lags": lags, "seed": 0} for c in once]
        found += [
            {"data": name, "convention": "corrected", "lags": lags, "seed": seed}
            for seed in range(request.seeds)
        ]
    return found


def run(trial: optuna.Trial, cell: Cell, request: Request) -> float:
    name, convention = str(cell["data"]), str(cell["convention"])
    x = load(name)
    images = name in IMAGES
    if convention == "published" and images:
        x = x.astype(np.uint16).ravel()
        if name != "digits":
            x = np.append(x, np.uint16(256))  # the author's trailing end token
    longest = x.shape[1] - 1 if images and convention != "published" else len(x) // 4
    settings = {
        "published": {"baseline": None},
        "pooled": {"positions": "pooled", "baseline": "across"},
        "corrected": {"positions": "conditional"} if images else {},
    }[convention]
    curve = decay_curve(
        x,
        lags=lags_of(name, convention, cell["lags"] == "log", longest),
        seed=int(cell["seed"]),
        n_threads=1,
        **settings,
    )
    trial.set_user_attr("curve", compact(curve))
    return float(curve.mi_corrected[0])


def compact(curve: DecayCurve) -> str:
    """Return the curve's JSON with six digits and without the entropies."""
    record = json.loads(curve.to_json())
    short = {
        name: [float(f"{v:.6g}") for v in value]
        if isinstance(value, list) and name != "lags"
        else value
        for name, value in record.items()
        if not name.startswith("entropy") and name not in ("n_pairs", "notes")
    }
    return json.dumps({**short, "n_pairs": record["n_pairs"], "notes": record["notes"]})


def seconds(cell: Cell) -> float:
    found = {"ptb-letters": 3.0, "ptb-words": 5.0, "mnist": 25.0, "pmnist": 25.0, "digits": 1.0}
    return found.get(str(cell["data"]), 60.0) * (1.0 if cell["lags"] == "log" else 30.0)


EXPERIMENT = Experiment(
    name="figure3",
    title="[MK20] Fig. 3: decay of mutual information with distance",
    cells=cells,
    run=run,
    summarize=summarize,
    seconds=seconds,
)
