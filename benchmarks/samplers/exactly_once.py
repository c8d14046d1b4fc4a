"""How often a grid's cells are trained by 8 processes: ours, GridSampler and BruteForceSampler.

    python benchmarks/samplers/exactly_once.py --cells 24 --storage journal|sqlite|URL --runs 3

Every training sleeps 20 to 100 ms and writes one line to a log; the table shows trainings beyond
the first of a cell, cells never trained, and trials that ended without training. ``--storage``
takes any URL of Optuna's, a PostgreSQL server's for one.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import sys
import tempfile
import time
import uuid
import warnings
from collections import Counter
from pathlib import Path

import optuna
from optuna.samplers import BaseSampler, BruteForceSampler, GridSampler
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from optuna_mi.samplers import MIGridSampler
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange

SPACE = DilationSpace(
    DecayGeometry("power"), (IntRange(4, 7, 5),), IntRange(32, 64, 48), max_layers=7
)
MAXIMA = [32, 64]


def axes(n_cells: int) -> dict[str, list[int]]:
    """Return a grid that all three samplers can express: 4 x 2 x n."""
    return {
        "n_layers_0": [4, 5, 6, 7],
        "max_dilation": MAXIMA,
        "hidden": list(range(n_cells // 8)),
    }


def make_sampler(kind: str, n_cells: int, seed: int | None) -> BaseSampler:
    grid = axes(n_cells)
    if kind == "GridSampler":
        return GridSampler(grid, seed=seed)
    if kind == "BruteForceSampler":
        return BruteForceSampler(seed=seed)
    settings = [{"n_layers_0": n, "max_dilation": m} for n in grid["n_layers_0"] for m in MAXIMA]
    return MIGridSampler(SPACE, {"hidden": grid["hidden"]}, seed=seed, settings=settings)


def open_storage(url: str) -> BaseStorage:
    if url.startswith("journal:"):
        path = url.removeprefix("journal:")
        return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))
    return optuna.storages.get_storage(url)


def work(kind: str, url: str, name: str, n_cells: int, log: Path, seed: int | None) -> None:
    pauses = random.Random(os.getpid())

    def objective(trial: optuna.Trial) -> float:
        layers = trial.suggest_int("n_layers_0", 4, 7)
        if kind == "MIGridSampler":
            largest = trial.suggest_int("max_dilation", 32, 64, log=True)
        else:  # BruteForceSampler would try every integer of the range
            largest = trial.suggest_categorical("max_dilation", MAXIMA)
        hidden = trial.suggest_int("hidden", 0, n_cells // 8 - 1)
        time.sleep(pauses.uniform(0.02, 0.1))
        with log.open("a") as lines:
            lines.write(f"{layers}/{largest}/{hidden}\n")
        return float(layers)

    sampler = make_sampler(kind, n_cells, seed)
    optuna.load_study(study_name=name, storage=open_storage(url), sampler=sampler).optimize(
        objective
    )


def run(kind: str, seeds: str, url: str, n_cells: int, workers: int) -> dict[str, int]:
    name = f"{kind}-{uuid.uuid4().hex[:8]}"
    optuna.create_study(study_name=name, storage=open_storage(url))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        log.touch()
        pids = []
        for worker in range(workers):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    seed = {"same": 0, "different": worker, "none": None}[seeds]
                    work(kind, url, name, n_cells, log, seed)
                    code = 0
                finally:
                    os._exit(code)
            pids.append(pid)
        codes = [os.waitpid(pid, 0)[1] for pid in pids]
        if any(codes):
            raise RuntimeError(f"{kind}: workers ended with {codes}")
        trained = Counter(log.read_text().split())
    study = optuna.load_study(study_name=name, storage=open_storage(url))
    trials = study.get_trials(deepcopy=False)
    return {
        "redundant": sum(trained.values()) - len(trained),
        "missed": n_cells - len(trained),
        "untrained_trials": sum(t.state != TrialState.COMPLETE for t in trials),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=24, help="a multiple of 8")
    parser.add_argument("--storage", default="journal")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--csv", type=Path)
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    warnings.simplefilter("ignore")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        shorthand = {"journal": f"journal:{folder}/log", "sqlite": f"sqlite:///{folder}/db"}
        url = shorthand.get(args.storage, args.storage)
        for kind in ("MIGridSampler", "GridSampler", "BruteForceSampler"):
            for seeds in ("same", "different", "none"):
                for i in range(args.runs):
                    counts = run(kind, seeds, url, args.cells, args.workers)
                    backend = args.storage.split(":")[0]
                    row = {"sampler": kind, "seeds": seeds, "storage": backend, "run": i, **counts}
                    rows.append({**row, "cells": args.cells, "workers": args.workers})
                    print(rows[-1], flush=True)
    if args.csv:
        exists = args.csv.exists()
        with args.csv.open("a", newline="") as out:
            writer = csv.DictWriter(out, list(rows[0]))
            if not exists:
                writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(main())
