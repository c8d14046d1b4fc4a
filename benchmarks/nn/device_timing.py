"""One measurement of a training step: how long it takes, how exact its gradients are."""

from __future__ import annotations

import copy
import gc
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks._experiment import Cell, Request
from benchmarks.nn.device_works import WORKS, batch_of, losses, model_of
from optuna_mi.nn import DilatedRNNPopulation
from optuna_mi.training._cuda_graph import GraphedStep, set_capturable
from optuna_mi.training._population_optimizer import PopulationOptimizer

SECONDS = 1.0  # of repeated steps


def measure(cell: Cell, request: Request) -> dict[str, float | str]:
    """Return what was measured, ``ms`` a step among it.

    Raises:
        Exception: Whatever a kernel, a compiler or a peer raises.
    """
    work, way = WORKS[str(cell["work"])], str(cell["way"])
    device = torch.device(request.device)
    if device.type == "cuda":
        # As cuDNN's recurrent networks have it, products may use TF32 in all ways alike.
        torch.set_float32_matmul_precision("high")
        gc.collect()
        torch.cuda.empty_cache()
    started = time.perf_counter()
    model = model_of(work, way, request).to(device)
    x, y = batch_of(work, device)
    found: dict[str, float | str] = {"card": name_of(device)}
    if work.models == 1 and way in ("triton", "views") and cell["seed"] == 0:
        found["error"] = gradient_error(model, x, y)
    step = stepper(model, "graph" in way, device)
    for _ in range(5):
        step(x, y)
    if isinstance(step, GraphedStep) and step.has_failed:
        raise RuntimeError("the step cannot be captured")
    synchronize(device)
    found["first_s"] = time.perf_counter() - started
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    n = max(1, min(200, int(SECONDS / 5 / timed(step, x, y, device, 1))))
    seconds = [timed(step, x, y, device, n) for _ in range(5)]
    if device.type == "cuda":
        found["peak_gib"] = torch.cuda.max_memory_allocated(device) / 2**30
        found["bandwidth"] = bandwidth(device)
    return {**found, "ms": sorted(seconds)[2] * 1e3}


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
