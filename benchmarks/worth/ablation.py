"""What each part of the method is worth: the space and the learning rate with one part changed.

    python -m benchmarks ablation

Two kinds of cells. *lists*: the list that a variant of the space recommends, trained once a seed.
*control*: the recommended list under a learning rate that is constant or that IHYLL sets. The
pruner's part is read from what ``benchmarks/pruners/compare.py`` recorded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import optuna
import pandas as pd

from benchmarks._experiment import Cell, Experiment, Request, Summary
from benchmarks.worth._ablation_text import text
from benchmarks.worth._data import TRAININGS, Training, load
from benchmarks.worth._spaces import Doubling
from benchmarks.worth._variants import (
    VARIANTS,
    curve_of,
    recommended_list,
    variant_analysis,
    variant_space,
)
from benchmarks.worth.search import table_of
from optuna_mi.search_space import format_dilations

POLICIES = ("constant", "change", "reference")
RATES = (1e-2, 3e-2)
# Epochs and batches an epoch: more and shorter ones than the searches', as the policies act once
# an epoch.
CONTROL = {
    "small": {"pdigits": (16, 19), "psmnist14": (16, 10), "ptb-char": (16, 10)},
    "paper": {
        "pdigits": (40, 19),
        "psmnist": (40, 215),
        "ptb-char": (40, 100),
        "stdlib": (40, 100),
    },
}


def training_of(budget: str, name: str) -> Training:
    """Return a data set's training; digits in scan order are trained as permuted ones."""
    return TRAININGS[budget]["pdigits" if name == "digits" else name]


def cells(request: Request) -> list[Cell]:
    budget = request.budget
    found: list[Cell] = []
    for seed in range(request.seeds):
        for name in ("digits", *TRAININGS[budget]):
            training = training_of(budget, name)
            found += [
                _cell("lists", name, variant, training, budget, seed)
                for variant in (*VARIANTS, "doubling")
            ]
        for name, (epochs, steps) in CONTROL[budget].items():
            training = dataclasses.replace(training_of(budget, name), epochs=epochs, steps=steps)
            for lr in RATES:
                for policy in POLICIES:
                    at_rate = dataclasses.replace(training, lr=lr)
                    found.append(_cell("control", name, policy, at_rate, budget, seed))
    return found


def _cell(
    part: str, name: str, variant: str, training: Training, budget: str, seed: int
) -> dict[str, str | int | float]:
    return {
        "part": part,
        "dataset": name,
        "variant": variant,
        "lr": training.lr,
        "training": training.text,
        "budget": budget,
        "seed": seed,
    }


def run(trial: optuna.Trial, cell: Cell, request: Request) -> float:
    name, seed = str(cell["dataset"]), int(cell["seed"])
    training = training_of(request.budget, name)
    table = table_of(trial.study._storage, request.budget)
    if cell["part"] == "lists":
        dilations = _describe(trial, name, str(cell["variant"]), training)
        score = table.score(name, training, dilations, seed, request.device)
    else:
        epochs, steps = CONTROL[request.budget][name]
        dilations = recommended_list(name, "as it is", training.window, training.doubling_layers)
        policy = None if cell["variant"] == "constant" else cell["variant"]
        score = table.score(
            name,
            dataclasses.replace(training, epochs=epochs, steps=steps, lr=float(cell["lr"])),
            dilations,
            seed,
            request.device,
            policy=policy,
            probe_size=1000,
        )
    for attribute, value in {
        "list": format_dilations(dilations),
        "test": score.test,
        "train_s": score.train_s,
        "metric": load(name).metric,
        "direction": load(name).direction,
    }.items():
        trial.set_user_attr(attribute, value)
    return score.value


def _describe(trial: optuna.Trial, name: str, variant: str, training: Training) -> Sequence[int]:
    """Return the variant's list; write down what its space says."""
    layers = training.doubling_layers
    if variant == "doubling":
        return Doubling(layers).suggest(optuna.trial.FixedTrial({"n_layers": layers}))
    analysis = variant_analysis(name, variant)
    space = variant_space(name, variant, training.window, layers)
    ranges = [f"{r.low}-{r.high}" for r in space.layers]
    for attribute, value in {
        "law": analysis.law,
        "breaks": ", ".join(f"{b:.3g}" for b in analysis.breakpoints),
        "reach": int(analysis.max_dilation),
        "ranges": f"{' + '.join(ranges)}; {space.max_dilation.low}-{space.max_dilation.high}",
        # What the data ask for where neither window nor depth is small.
        "unclipped": format_dilations(recommended_list(name, variant, None, 12)),
        "curve_s": round(curve_of(name)[1], 2),
    }.items():
        trial.set_user_attr(attribute, value)
    return recommended_list(name, variant, training.window, layers)


def summarize(frame: pd.DataFrame, request: Request) -> Summary:
    return Summary(text(frame))


def seconds(cell: Cell) -> float:
    cost = training_of(str(cell["budget"]), str(cell["dataset"])).seconds
    # Variants often give a list that another has trained.
    return 0.5 * cost if cell["part"] == "lists" else 1.6 * cost


EXPERIMENT = Experiment(
    name="ablation",
    title="Ablations: what each part of the method is worth",
    cells=cells,
    run=run,
    summarize=summarize,
    seconds=seconds,
    seeds=5,
)
