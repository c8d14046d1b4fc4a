"""Is it information, or only the loss? Schedules of the learning rate on four tasks.

    python -m benchmarks schedules

Each schedule at three highest rates: 3e-4, 3e-3 (about the default of Adam and its kin) and 3e-2.
The policies are fed with IHYLL, or with what costs nothing: H(Y) less the cross entropy on the
probe, which is a lower bound of it. Cells go seed by seed, so that an interrupted run has whole
seeds.
"""

from __future__ import annotations

import math
import time
import warnings

import numpy as np
import optuna
import pandas as pd
import torch
from torch import nn

from benchmarks._experiment import Cell, Experiment, Request, Summary
from benchmarks.schedules.schedules import (
    FEEDS,
    FIXED,
    POLICIES,
    WITHOUT_RATE,
    Schedule,
    schedule_of,
)
from benchmarks.schedules.tasks import Task, task_of
from benchmarks.schedules.text import page

TASKS = ("mnist", "cifar10", "psmnist", "ptb")
# What the range test was made with, by hand, at the small budget; seeds from 100 on.
MADE_WITH = ("digits", "topics")
RATES = (3e-4, 3e-3, 3e-2)
_CLIP = 1.0


def cells(request: Request) -> list[Cell]:
    kinds = [(name, "") for name in FIXED] + [(name, feed) for name in POLICIES for feed in FEEDS]
    paper = request.budget == "paper"
    epochs, tasks = (60, TASKS + MADE_WITH) if paper else (12, TASKS)
    return [
        {"task": task, "schedule": name, "feed": feed, "rate": rate, "epochs": epochs, "seed": seed}
        for seed in range(request.seeds)
        for task in tasks
        for name, feed in kinds
        for rate in ((WITHOUT_RATE[name],) if name in WITHOUT_RATE else RATES)
    ]


def run(trial: optuna.Trial, cell: Cell, request: Request) -> float:
    task, seed, name = task_of(str(cell["task"])), int(cell["seed"]), str(cell["schedule"])
    torch.manual_seed(seed)
    model = task.model()
    # What a policy is fed with; beside a constant rate both are measured, to be compared.
    feeds = FEEDS if name == "constant" else (cell["feed"],) if cell["feed"] else ()
    probes = {
        feed: task.probe(model, estimator="mixed" if feed == "IHYLL" else "loss") for feed in feeds
    }
    reference = max((probe.target_entropy for probe in probes.values()), default=math.nan)
    epochs = int(cell["epochs"])
    schedule = schedule_of(
        name, list(model.parameters()), float(cell["rate"]), reference, epochs, task.steps
    )
    history: dict[str, list[float]] = {"valid": [], "valid_nats": [], "lr": []}
    history |= {feed: [] for feed in feeds}
    probe_s = 0.0
    order = np.random.default_rng(seed)
    for epoch in range(epochs):
        history["lr"].append(schedule.rate)
        schedule.trains(True)
        model.train()
        _train(model, task, schedule, order, epoch)
        schedule.trains(False)
        model.eval()
        metric, nats = task.score(model, "valid")
        began = time.process_time()
        found = {feed: probe.measure().ihyll for feed, probe in probes.items()}
        probe_s += time.process_time() - began
        with warnings.catch_warnings():  # of a bound that is not above zero: part of the answer
            warnings.simplefilter("ignore", UserWarning)
            schedule.after_epoch(found.get(str(cell["feed"])), nats)
        for feed, value in found.items():
            history[feed].append(float(value))
        history["valid"].append(metric)
        history["valid_nats"].append(nats)
    attributes = {
        key: [float(f"{v:.5g}") if math.isfinite(v) else None for v in values]
        for key, values in history.items()
    }
    attributes |= {"probe_s": round(probe_s, 3), "metric": task.metric}
    attributes |= {"level": task.level, "steps": task.steps}
    for key, value in attributes.items():
        trial.set_user_attr(key, value)
    return task.score(model, "test")[0]


def _train(
    model: nn.Module, task: Task, schedule: Schedule, order: np.random.Generator, epoch: int
) -> None:
    for loss in task.losses(model, order, epoch):
        schedule.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
        schedule.optimizer.step()
        schedule.after_step()


# CPU seconds of a training of twelve epochs.
_SECONDS = {"mnist": 0.7, "cifar10": 1.8, "psmnist": 1.0, "ptb": 1.5, "digits": 1.0, "topics": 1.5}


def summarize(frame: pd.DataFrame, request: Request) -> Summary:
    return page(frame)


def seconds(cell: Cell) -> float:
    return _SECONDS[str(cell["task"])] * int(cell["epochs"]) / 12


EXPERIMENT = Experiment(
    name="schedules",
    title="Is it information, or only the loss? Schedules of the learning rate on four tasks",
    cells=cells,
    run=run,
    summarize=summarize,
    seconds=seconds,
    seeds=5,
)
