"""Time the context curve, the choice of lags and a panel's window against their goals.

Run: python -m benchmarks.context.speed [--m4 FOLDER]

The folder holds Hourly-train.csv of github Mcompetitions/M4-methods (Dataset/Train); without it a
panel of the same size is made up. CPU seconds are those of the process: other work on the machine
disturbs them less than wall seconds.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.decay.reference import data_folder, ptb_letters
from optuna_mi.context import context_curve, recommend_window, select_lags


def timed(label: str, goal: float, function: Callable[[], object]) -> None:
    start, cpu = time.perf_counter(), time.process_time()
    function()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"| {label} | {wall:.1f} | {cpu:.1f} | {goal:.0f} | {memory:.2f} |", flush=True)


def hourly(folder: Path | None) -> pd.DataFrame:
    if folder is None:
        rng = np.random.default_rng(0)
        hours = np.arange(850)
        rows = [np.sin(2 * np.pi * hours / 24) + rng.normal(size=850) for _ in range(400)]
    else:
        table = pd.read_csv(folder / "Hourly-train.csv").iloc[:, 1:].to_numpy(dtype=float)[:400]
        rows = [row[~np.isnan(row)] for row in table]
    lengths = [len(row) for row in rows]
    return pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(len(rows)), lengths),
            "ds": np.concatenate([np.arange(n) for n in lengths]),
            "y": np.concatenate(rows),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--m4", type=Path, help="folder with Hourly-train.csv")
    folder = parser.parse_args().m4
    letters = ptb_letters(data_folder())[:5_000_000]
    # kernels compiled beforehand
    context_curve(letters[:2_000], max_context=2)
    select_lags(letters[:2_000], candidates=[1, 2])
    print("| what | seconds | CPU seconds | goal | peak GB so far |\n|---|---|---|---|---|")
    timed(
        "recommend_window, 400 hourly series, horizon 24",
        10,
        lambda: recommend_window(hourly(folder), horizon=24),
    )
    timed(
        f"context_curve, {len(letters):,} letters, k to 32, four budgets",
        20,
        lambda: context_curve(letters),
    )
    timed(
        "context_curve, the same, one budget",
        20,
        lambda: context_curve(letters, budgets=False),
    )
    timed(
        "select_lags, 1,000,000 letters, 128 candidates, 8 lags",
        60,
        lambda: select_lags(
            letters[:1_000_000], candidates=range(1, 129), max_lags=8, tolerance=0.0
        ),
    )


if __name__ == "__main__":
    main()
