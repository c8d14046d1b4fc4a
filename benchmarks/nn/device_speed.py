"""Milliseconds a training step on a GPU, each way of running it, with floors beside them.

    python -m benchmarks speed --device cuda [--peer drnn=PATH]

``drnn`` is a checkout of github.com/zalandoresearch/pytorch-dilated-rnn. A step is forward,
backward and Adam. Ways: Triton's kernels and PyTorch's over reshaped memory (``views``, cuDNN),
each launched kernel by kernel and as one CUDA graph; plain ``torch.nn`` layers over the reshaped
memory, which compute every position; the public peer. Gradients are compared with PyTorch's in
float64. Works named "K of" are a population of K networks in one call; their time is of all K.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable

import optuna
import pandas as pd
import torch
from torch import Tensor, nn

from benchmarks._experiment import Cell, Experiment, Request, Summary
from benchmarks._output import markdown
from benchmarks.nn.device_works import WORKS, Work, batch_of, losses, model_of
from optuna_mi.nn import DilatedRNNPopulation
from optuna_mi.nn._positions import plan_stack
from optuna_mi.training._cuda_graph import GraphedStep, set_capturable
from optuna_mi.training._population_optimizer import PopulationOptimizer

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
WAYS = ("triton", "views", "cudnn", "pytorch-dilated-rnn", "triton, graph", "views, graph")
SECONDS = 1.0  # of repeated steps


def stepper(model: nn.Module, graph: bool, device: torch.device) -> Callable[..., Tensor]:
    """Return what trains for a step."""
    if isinstance(model, DilatedRNNPopulation):
        own = [torch.optim.Adam(model.model(k).parameters()) for k in range(len(model))]
        together = PopulationOptimizer(model, own, clip=1.0)
        together.read_rates()

        def step(x: Tensor, y: Tensor) -> Tensor:
            model.weights.grad = None
            loss = losses(model, x, y)
            loss.sum().backward()
            together.step()
            return loss.detach()

    else:
        optimizer = torch.optim.Adam(model.parameters())
        set_capturable(optimizer, graph)

        def step(x: Tensor, y: Tensor) -> Tensor:
            optimizer.zero_grad(set_to_none=True)
            loss = losses(model, x, y)
            loss.backward()
            optimizer.step()
            return loss.detach()

    return GraphedStep(step, device) if graph else step


def cells(request: Request) -> list[Cell]:
    ways = [way for way in WAYS if way != "pytorch-dilated-rnn" or "drnn" in request.peers]
    # A capture that fails may spoil its process: graphs come last.
    return [
        {"work": name, "way": way, "seed": seed}
        for way in ways
        for name, work in WORKS.items()
        for seed in range(request.seeds)
        if work.models == 1 or way.startswith("triton")
    ]


def run(trial: optuna.Trial, cell: Cell, request: Request) -> float:
    """Return milliseconds a step; infinity where it does not run, and why as an attribute."""
    try:
        return _milliseconds(trial, cell, request)
    except (RuntimeError, ValueError) as error:  # out of memory is one, too
        trial.set_user_attr("fault", f"{type(error).__name__}: {str(error)[:300]}")
        return math.inf


def _milliseconds(trial: optuna.Trial, cell: Cell, request: Request) -> float:
    work, way = WORKS[str(cell["work"])], str(cell["way"])
    device = torch.device(request.device)
    model = model_of(work, way, request).to(device)
    x, y = batch_of(work, device)
    trial.set_user_attr("card", name_of(device))
    if work.models == 1 and way in ("triton", "views") and cell["seed"] == 0:
        trial.set_user_attr("error", gradient_error(model, x, y))
    step = stepper(model, "graph" in way, device)
    for _ in range(5):
        step(x, y)
    if isinstance(step, GraphedStep) and step.has_failed:
        raise RuntimeError("the step cannot be captured")
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds = [timed(step, x, y, device, 1)]
    n = max(1, min(200, int(SECONDS / 5 / seconds[0])))
    seconds = [timed(step, x, y, device, n) for _ in range(5)]
    if device.type == "cuda":
        trial.set_user_attr("peak_gib", torch.cuda.max_memory_allocated(device) / 2**30)
        trial.set_user_attr("bandwidth", bandwidth(device))
    return sorted(seconds)[2] * 1e3


def timed(step: Callable[..., Tensor], x: Tensor, y: Tensor, device: torch.device, n: int) -> float:
    """Seconds a step, over n of them."""
    synchronize(device)
    started = time.perf_counter()
    for _ in range(n):
        step(x, y)
    synchronize(device)
    return (time.perf_counter() - started) / n


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def name_of(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def gradient_error(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Relative error of all gradients together, against PyTorch's kernels in float64."""
    exact = copy.deepcopy(model).double()
    exact.rnn.backend = "views"
    found = []
    for each in (model, exact):
        given = x if not x.is_floating_point() else x.to(next(each.parameters()).dtype)
        gradients = torch.autograd.grad(losses(each, given, y), list(each.parameters()))
        found.append(torch.cat([g.double().flatten() for g in gradients]))
    return float((found[0] - found[1]).norm() / found[1].norm())


def bandwidth(device: torch.device) -> float:
    """Bytes a second that a copy reads and writes."""
    a = torch.empty(2**28, dtype=torch.uint8, device=device)
    b = torch.empty_like(a)
    b.copy_(a)
    synchronize(device)
    started = time.perf_counter()
    for _ in range(10):
        b.copy_(a)
    synchronize(device)
    return 20 * a.numel() / (time.perf_counter() - started)


def floors(work: Work) -> tuple[int, float]:
    """Return how many cells follow each other in a step's one direction, and its bytes.

    Bytes: each layer's inputs, projections, outputs and what a backward pass keeps, written once
    and read once in float32, and as much for their gradients.
    """
    plan = plan_stack(work.steps, work.dilations, None if work.language else 1)
    sequential = sum(len(layer.block_sizes) for layer in plan.layers)
    gates = GATES[work.cell]
    numbers = sum(
        len(layer.positions) * work.batch * work.hidden * (2 * gates + 4) for layer in plan.layers
    )
    return sequential, 4.0 * 2 * 2 * numbers * work.models


def summarize(frame: pd.DataFrame, request: Request) -> Summary:
    rows = []
    for name, work in WORKS.items():
        here = frame[frame["work"] == name]
        if here.empty:
            continue
        sequential, moved = floors(work)
        row: dict[str, object] = {"ms a step": name}
        for way in WAYS:
            values = here[(here["way"] == way) & here["value"].map(math.isfinite)]["value"]
            row[way] = f"{values.median():.3g}" if len(values) else "–"
        row["steps in sequence"] = 2 * sequential
        rates = here["bandwidth"].dropna() if "bandwidth" in here else pd.Series(dtype=float)
        row["ms to move its bytes"] = f"{1e3 * moved / rates.median():.2g}" if len(rates) else "–"
        if "error" in here:
            for way in ("triton", "views"):
                errors = here[here["way"] == way]["error"].dropna()
                row[f"error, {way}"] = f"{errors.iloc[0]:.1e}" if len(errors) else "–"
        rows.append(row)
    how = (
        f"On {frame['card'].iloc[0]}. Wall time of a training step, median of five rounds and of "
        f"{request.seeds} seed(s). Steps in sequence: cells that wait for each other, forward and "
        "backward; what a launch a cell would cost is what a fused kernel saves. Bytes: at the "
        "rate of a large copy on that card."
    )
    faults = frame[frame["fault"].notna()] if "fault" in frame else frame[:0]
    failed = [f"- {f.work}, {f.way}: {f.fault}" for f in faults.itertuples()]
    return Summary("\n".join([how, "", markdown(rows), "", *failed]).rstrip())


EXPERIMENT = Experiment(
    name="speed-gpu",
    title="A training step on a GPU, each way of running it",
    cells=cells,
    run=run,
    summarize=summarize,
    seconds=lambda cell: 8.0,
    direction="minimize",
    seeds=1,
)
