"""Table 3 of [MK20]: Penn Treebank characters, GRU, six hand-made lists of dilations and ours."""

from __future__ import annotations

import functools

from benchmarks._experiment import Cell, Experiment, Request
from benchmarks.papers._language import characters
from benchmarks.papers._language_training import train
from benchmarks.papers._table3_summary import MODELS, OURS, summarize
from optuna_mi.decay import analyze_decay, decay_curve
from optuna_mi.search_space import design_dilations, format_dilations

# Twelve plain layers need longer to begin to learn than the same with residual connections.
STEPS = {"plain": 2400, "residual": 600}


@functools.lru_cache(maxsize=1)
def ours() -> tuple[int, ...]:
    """Return the dilations that the training split's decay asks for, all settings at default."""
    analysis = analyze_decay(decay_curve(characters().train))
    return design_dilations(analysis, n_layers=12, max_dilation=240)


def cells(request: Request) -> list[Cell]:
    """Return the cells seed by seed, so that an interrupted run has whole seeds."""
    lists = {number: model.dilations for number, model in MODELS.items()} | {OURS: ours()}
    if request.budget == "paper":
        size: Cell = {"hidden": 256, "embedding": 100, "dropout": 0.1, "init": "torch"}
        training: Cell = {"optimizer": "sgd", "rate": 4.0, "clip": 0.15, "epochs": 100}
        stacks: dict[str, Cell] = {"plain": {}}
    else:
        size = {"hidden": 32, "embedding": 32, "dropout": 0.0, "init": "deep"}
        training = {"optimizer": "adam", "rate": 8e-3, "clip": 1.0}
        stacks = {stack: {"steps": n_steps} for stack, n_steps in STEPS.items()}
    return [
        {"model": number, "stack": stack, "layers": len(row), "dilations": format_dilations(row)}
        | {**size, **training, **steps, "seed": seed}
        for seed in range(request.seeds)
        for number, row in lists.items()
        for stack, steps in stacks.items()
    ]


def seconds(cell: Cell) -> float:
    n_layers, n_steps = int(cell["layers"]), int(cell.get("steps", 0))
    if n_steps:
        return n_steps * 0.0085 * n_layers * (1.05 if cell["stack"] == "residual" else 1.0) + 6
    return int(cell["epochs"]) * 515 * 0.3 * n_layers


EXPERIMENT = Experiment(
    name="table3",
    title="Table 3 of [MK20]: Penn Treebank characters, GRU",
    cells=cells,
    run=train,
    summarize=summarize,
    seconds=seconds,
    direction="minimize",
    seeds=4,
)
