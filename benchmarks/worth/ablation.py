"""What each part of the method is worth: the space and the learning rate with one part changed.

    python -m benchmarks ablation

Three kinds of cells. *lists*: the list that a variant of the space recommends, trained once a seed.
*longer*: some of them trained for longer. *control*: the recommended list under a learning rate
that is constant or that IHYLL sets. The pruner's part is read from what
``benchmarks/pruners/compare.py`` recorded.
"""

from __future__ import annotations

import dataclasses

import optuna
import pandas as pd

from benchmarks._experiment import Cell, Experiment, Request, Summary
from benchmarks.worth._ablation_text import text
from benchmarks.worth._data import TRAININGS, Training, load
from benchmarks.worth._lists import table_of
from benchmarks.worth._spaces import Doubling, Uninformed, make_space
from benchmarks.worth._variants import (
    VARIANTS,
    curve_of,
    recommended_list,
    variant_analysis,
    variant_space,
)
from optuna_mi.search_space import format_dilations

POLICIES = ("constant", "change", "reference")
RATES = (1e-2, 3e-2)
# Data set, epochs, and batches an epoch by part, where they are not the searches'. The policies act
# once an epoch: many short ones, and the eight of sixty batches that the command `search` takes on
# text. Six times as many batches show whether the order of lists lasts.
Sizes = tuple[tuple[str, int, int], ...]
SIZES: dict[str, dict[str, Sizes]] = {
    "control": {
        "small": (
            ("pdigits", 16, 19),
            ("psmnist14", 12, 50),
            ("ptb-char", 16, 10),
            ("ptb-char", 8, 60),
            ("topics", 8, 60),
        ),
        "paper": (
            ("pdigits", 40, 19),
            ("psmnist", 40, 215),
            ("ptb-char", 40, 100),
            ("stdlib", 40, 100),
        ),
    },
    "longer": {
        "small": (("ptb-char", 8, 120), ("topics", 8, 120)),
        "paper": (("ptb-char", 60, 400), ("topics", 60, 400)),
    },
}
# Lists to hold ours against: the standard progression, and the uninformed space's shortest one.
OTHERS = ("doubling", "near")


def training_of(budget: str, name: str) -> Training:
    """Return a data set's training; what no search trains on is trained as what it resembles."""
    return TRAININGS[budget][{"digits": "pdigits", "topics": "stdlib"}.get(name, name)]


def sized(budget: str, name: str, epochs: int, steps: int, lr: float | None = None) -> Training:
    """Return a data set's training with other epochs, batches an epoch, and perhaps rate."""
    training = training_of(budget, name)
    return dataclasses.replace(training, epochs=epochs, steps=steps, lr=lr or training.lr)


def cells(request: Request) -> list[Cell]:
    budget = request.budget
    every = [("lists", name, v) for name in ("digits", *TRAININGS[budget]) for v in VARIANTS]
    every += [("lists", name, v) for name in ("digits", *TRAININGS[budget]) for v in OTHERS]
    plans = [(part, name, variant, training_of(budget, name)) for part, name, variant in every]
    plans += [
        ("longer", name, variant, sized(budget, name, epochs, steps))
        for name, epochs, steps in SIZES["longer"][budget]
        for variant in ("as it is", "lines in log MI", "lines in MI", *OTHERS)
    ]
    plans += [
        ("control", name, policy, sized(budget, name, epochs, steps, lr))
        for name, epochs, steps in SIZES["control"][budget]
        for lr in RATES
        for policy in POLICIES
    ]
    return [
        _cell(part, name, variant, training, budget, seed)
        for seed in range(request.seeds)
        for part, name, variant, training in plans
    ]


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


def _training(cell: Cell) -> Training:
    """Return the training that a cell names."""
    budget, name, part = str(cell["budget"]), str(cell["dataset"]), str(cell["part"])
    if part not in SIZES:
        return training_of(budget, name)
    of_set = [
        sized(budget, name, epochs, steps, float(cell["lr"]))
        for other, epochs, steps in SIZES[part][budget]
        if other == name
    ]
    return next(training for training in of_set if training.text == cell["training"])


def run(trial: optuna.Trial, cell: Cell, request: Request) -> float:
    name, variant, seed = str(cell["dataset"]), str(cell["variant"]), int(cell["seed"])
    part = str(cell["part"])
    training = _training(cell)
    changes = {}
    if part == "control":
        changes = {"policy": None if variant == "constant" else variant, "probe_size": 1000}
        variant = "as it is"
    dilations = _list(name, variant, training)
    if part == "lists" and variant in VARIANTS:
        _describe(trial, name, variant, training)
    table = table_of(trial.study._storage, request.budget)
    score = table.score(name, training, dilations, seed, request.device, **changes)
    for attribute, value in {
        "list": format_dilations(dilations),
        "test": score.test,
        "train_s": score.train_s,
        "metric": load(name).metric,
        "direction": load(name).direction,
    }.items():
        trial.set_user_attr(attribute, value)
    return score.value


def _list(name: str, variant: str, training: Training) -> tuple[int, ...]:
    layers = training.doubling_layers
    if variant == "doubling":
        return Doubling(layers).suggest(optuna.trial.FixedTrial({"n_layers": layers}))
    if variant == "near":
        space = make_space("uninformed", name, training)
        assert isinstance(space, Uninformed)
        return space.place(layers, space.octaves[0], 1)
    return recommended_list(name, variant, training.window, layers)


def _describe(trial: optuna.Trial, name: str, variant: str, training: Training) -> None:
    """Write down what a variant's analysis and space say."""
    layers = training.doubling_layers
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


def summarize(frame: pd.DataFrame, request: Request) -> Summary:
    return Summary(text(frame))


def seconds(cell: Cell) -> float:
    short = training_of(str(cell["budget"]), str(cell["dataset"]))
    training = _training(cell)
    cost = short.seconds * training.epochs * training.steps / (short.epochs * short.steps)
    # Variants often give a list that another has trained; the probe costs at every epoch.
    return {"lists": 0.5, "longer": 1.0, "control": 1.3}[str(cell["part"])] * cost


EXPERIMENT = Experiment(
    name="ablation",
    title="Ablations: what each part of the method is worth",
    cells=cells,
    run=run,
    summarize=summarize,
    seconds=seconds,
    seeds=5,
)
