"""Tables 1 and 2 of [MK20]: MNIST pixel by pixel, the accuracy of dilations 1, 2, 4, ….

The training is the original public code's: batch 128, RMSProp with decay 0.9, the class read off
the last step, initialisation of TensorFlow 1.3's cells (``init="original"``), pixels in [0, 1].
What is reported is the test accuracy at the last iteration: nothing is selected.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import optuna
import torch
from torch.nn import functional

from benchmarks._experiment import Cell, Request
from optuna_mi.datasets import ClassificationSplit, SequenceClassification, load_dataset
from optuna_mi.nn import DilatedRNNClassifier
from optuna_mi.search_space import format_dilations

BATCH = 128
HIDDEN = (20, 50)
# Top of the small budget's cycle by hidden size: of 20 networks of 50 that Table 2 trained at 1e-2
# sixteen learnt nothing.
SMALL_RATES = {20: 1e-2, 50: 3e-3}


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of the paper.

    Attributes:
        data: Name of the data set.
        unit: Cell of the recurrent layers, "rnn" or "gru".
        rows: Dilations to the paper's accuracy in per cent at hidden sizes 20 and 50.
        claim: What the paper says about the rows' order.
        best: The row that the paper says is best.
        iterations: Of the small budget.
        longer: Iterations with which the small budget compares the first row with the best one
            once more, at the smallest hidden size; 0 for not at all.
        seconds: CPU seconds of an iteration by hidden size, one core.
    """

    data: str
    unit: str
    rows: Mapping[tuple[int, ...], tuple[float, float]]
    claim: str
    best: tuple[int, ...]
    iterations: int
    longer: int
    seconds: Mapping[int, float]


def cells(table: Table, request: Request) -> list[Cell]:
    """Return the table's cells, seed by seed, so that an interrupted run has whole seeds."""
    small = request.budget == "small"

    def training(hidden: int) -> Cell:
        if small:
            rate = SMALL_RATES[hidden]
            return {"iterations": table.iterations, "schedule": "one-cycle", "rate": rate}
        return {"iterations": 30_000, "schedule": "constant", "rate": 1e-3}

    sets = [(table.rows, hidden, training(hidden)) for hidden in HIDDEN]
    if small and table.longer:
        pair = (next(iter(table.rows)), table.best)
        sets.append((pair, HIDDEN[0], {**training(HIDDEN[0]), "iterations": table.longer}))
    return [
        {
            "hidden": hidden,
            "layers": len(row),
            "dilations": format_dilations(row),
            **settings,
            "seed": seed,
        }
        for rows, hidden, settings in sets
        for seed in range(request.seeds)
        for row in rows
    ]


def seconds(table: Table, cell: Cell) -> float:
    return 5 + int(cell["iterations"]) * table.seconds[int(cell["hidden"])]


def train(table: Table, trial: optuna.Trial, cell: Cell, request: Request) -> float:
    """Train one network; return its test accuracy in per cent at the last iteration."""
    data, seed = _load(table.data), int(cell["seed"])
    n_iterations, device = int(cell["iterations"]), torch.device(request.device)
    torch.manual_seed(seed)
    model = DilatedRNNClassifier(
        1,
        int(cell["hidden"]),
        [int(d) for d in str(cell["dilations"]).split(",")],
        data.n_classes,
        cell=table.unit,
        init="original",
    ).to(device)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=float(cell["rate"]), alpha=0.9)
    factor = _factors(str(cell["schedule"]), n_iterations)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    every = min(len(data.train) // BATCH, max(1, n_iterations // 5))
    steps, valid, losses = [], [], []
    batches = _batches(data.train, n_iterations, np.random.default_rng(seed))
    for iteration, (inputs, targets) in enumerate(batches, start=1):
        loss = functional.cross_entropy(model(inputs.to(device)), targets.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if iteration % every == 0 or iteration == n_iterations:
            steps.append(iteration)
            valid.append(accuracy(model, data.valid, device))
            trial.report(valid[-1], iteration)
    trial.set_user_attr("parameters", sum(p.numel() for p in model.parameters()))
    trial.set_user_attr("train_loss", float(np.mean(losses[-50:])))
    trial.set_user_attr("valid_steps", steps)
    trial.set_user_attr("valid_accuracy", valid)
    return accuracy(model, data.test, device)


@torch.no_grad()
def accuracy(
    model: torch.nn.Module, split: ClassificationSplit, device: torch.device, size: int = 500
) -> float:
    """Return the accuracy in per cent."""
    n_right = 0
    for start in range(0, len(split), size):
        inputs, targets = _batch(split, slice(start, start + size))
        n_right += int((model(inputs.to(device)).argmax(1).cpu() == targets).sum())
    return 100 * n_right / len(split)


def _batches(
    split: ClassificationSplit, n_batches: int, rng: np.random.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield whole batches, every epoch in a new order."""
    an_epoch = len(split) // BATCH
    for i in range(n_batches):
        if i % an_epoch == 0:
            order = rng.permutation(len(split))
        start = i % an_epoch * BATCH
        yield _batch(split, order[start : start + BATCH])


def _batch(
    split: ClassificationSplit, rows: slice | np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.from_numpy(split.inputs[rows]).transpose(0, 1).contiguous()
    return inputs, torch.from_numpy(split.targets[rows])


def _factors(schedule: str, n_iterations: int) -> Callable[[int], float]:
    """Return the rate's factor by iteration: 1, or up to 1 in 30 % and down to 0, as cosines."""
    if schedule == "constant":
        return lambda i: 1.0
    if schedule != "one-cycle":
        raise ValueError(f"schedule={schedule!r} is unknown: constant or one-cycle")
    top = 0.3 * n_iterations

    def factor(i: int) -> float:
        phase = (i + 1) / top - 1 if i < top else (i - top) / (n_iterations - top)
        return float(0.5 + 0.5 * np.cos(np.pi * min(phase, 1.0)))

    return factor


@functools.lru_cache(maxsize=1)
def _load(name: str) -> SequenceClassification:
    return load_dataset(name)
