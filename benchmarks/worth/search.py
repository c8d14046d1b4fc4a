"""Search against search: does it pay to look at the data before searching dilations?

    python -m benchmarks search

Equal trials and equal epochs, all other settings fixed, no pruning. Our space, which the decay of
mutual information makes, under MISampler and MIGridSampler, against TPE, GP, Random and Grid on two
other spaces: the standard progression 1, 2, 4, … and an uninformed space of the same kind of lists.

A training is deterministic given data, list and replicate (its seed), so a list is trained once a
replicate and all searches look it up: see ``_lists.py``. A search of seed s uses replicate s modulo
the number of replicates, in all spaces alike.
"""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import optuna
import pandas as pd

from benchmarks._experiment import Cell, Experiment, Request, Summary
from benchmarks.worth._data import TRAININGS, Training, load
from benchmarks.worth._lists import Table, table_of
from benchmarks.worth._search_figures import figures
from benchmarks.worth._search_text import text
from benchmarks.worth._spaces import SAMPLERS, make_sampler, make_space
from optuna_mi.search_space import format_dilations

TRIALS = {"small": 15, "paper": 50}
REPLICATES = {"small": 3, "paper": 10}


def cells(request: Request) -> list[Cell]:
    return [
        {
            "dataset": name,
            "space": space,
            "sampler": sampler,
            "trials": TRIALS[request.budget],
            "training": training.text,
            "replicates": REPLICATES[request.budget],
            "seed": seed,
        }
        for seed in range(request.seeds)
        for name, training in TRAININGS[request.budget].items()
        for space, samplers in SAMPLERS.items()
        for sampler in samplers
    ]


def run(trial: optuna.Trial, cell: Cell, request: Request) -> float:
    training = TRAININGS[request.budget][str(cell["dataset"])]
    table = table_of(trial.study._storage, request.budget)
    return search(trial, cell, training, table, request.device)


def search(
    trial: optuna.Trial, cell: Cell, training: Training, table: Table, device: str = "cpu"
) -> float:
    """Run one search; report the best so far after each of its trials."""
    name, seed = str(cell["dataset"]), int(cell["seed"])
    space = make_space(str(cell["space"]), name, training)
    dataset = load(name)
    replicate = seed % int(cell["replicates"])
    rows = []

    def objective(inner: optuna.Trial) -> float:
        dilations = space.suggest(inner)
        score = table.score(name, training, dilations, replicate, device)
        rows.append({"list": format_dilations(dilations), **dataclasses.asdict(score)})
        return score.value

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # GPSampler
        study = optuna.create_study(
            direction=dataset.direction, sampler=make_sampler(str(cell["sampler"]), space, seed)
        )
        study.optimize(objective, n_trials=int(cell["trials"]))
    found = pd.DataFrame(rows)
    best_of = np.maximum if dataset.direction == "maximize" else np.minimum
    # A grid that ends early keeps what it found.
    best = best_of.accumulate(found["value"].to_numpy())
    best = np.pad(best, (0, int(cell["trials"]) - len(best)), mode="edge")
    for step, value in enumerate(best):
        trial.report(float(value), step)
    winner = found.iloc[int(study.best_trial.number)]
    for attribute, value in {
        "metric": dataset.metric,
        "direction": dataset.direction,
        "best": [float(b) for b in best],
        "test": float(winner["test"]),
        "chosen": str(winner["list"]),
        "lists": found["list"].tolist(),
        "values": found["value"].tolist(),
        "distinct": int(found["list"].nunique()),
        "layers": float(found["list"].str.count(",").mean() + 1),
        "parameters": float(found["parameters"].mean()),
        "train_s": float(found["train_s"].sum()),
    }.items():
        trial.set_user_attr(attribute, value)
    return float(study.best_value)


def summarize(frame: pd.DataFrame, request: Request) -> Summary:
    return Summary(text(frame, request), figures(frame))


def seconds(cell: Cell) -> float:
    # Six searches of seven look their lists up: others have trained them.
    training = next(
        t[str(cell["dataset"])]
        for t in TRAININGS.values()
        if cell["dataset"] in t and t[str(cell["dataset"])].text == cell["training"]
    )
    return 0.19 * int(cell["trials"]) * training.seconds + 0.5


EXPERIMENT = Experiment(
    name="search",
    title="Search against search: our space and samplers against Optuna's on two other spaces",
    cells=cells,
    run=run,
    summarize=summarize,
    seconds=seconds,
    seeds=10,
)
