"""The two trainings of Table 3: the paper's, and a short one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import optuna
import torch

from benchmarks._experiment import Cell, Request
from benchmarks.papers._language import bits, build, characters, loss_at, orders, starts, streams


def train(trial: optuna.Trial, cell: Cell, request: Request) -> float:
    """Train one model; return the test set's bits per character after the last step."""
    data, device, seed = characters(), torch.device(request.device), int(cell["seed"])
    torch.manual_seed(seed)
    model = build(cell).to(device)
    trial.set_user_attr("parameters", sum(p.numel() for p in model.parameters()))
    short = cell["optimizer"] == "adam"
    tokens = streams(data.train)
    windows = starts(tokens)
    n_steps = int(cell["steps"]) if short else int(cell["epochs"]) * len(windows)
    every = max(1, n_steps // 5) if short else len(windows)
    rate = float(cell["rate"])
    if short:
        optimizer: torch.optim.Optimizer = torch.optim.Adam(model.parameters(), lr=rate)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=n_steps)
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    steps, valid, losses = [], [], []
    epochs = orders(len(windows), short, np.random.default_rng(seed))
    order = next(epochs)
    for step in range(n_steps):
        if step and step % len(windows) == 0:
            order = next(epochs)
        loss = loss_at(model, tokens, windows[order[step % len(windows)]], device)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), float(cell["clip"]))
        optimizer.step()
        if short:
            cycle.step()
        losses.append(loss.item() / math.log(2))
        if (step + 1) % every == 0:
            steps.append(step + 1)
            valid.append(bits(model, data.valid, device, at_most=10 if short else None))
            trial.report(valid[-1], step + 1)
            if not short and is_time_to_slow_down(valid):
                optimizer.param_groups[0]["lr"] /= 10
    trial.set_user_attr("train_bits", float(np.mean(losses[-20:])))
    trial.set_user_attr("valid_steps", steps)
    trial.set_user_attr("valid_bits", valid)
    return bits(model, data.test, device)


def is_time_to_slow_down(valid: Sequence[float]) -> bool:
    """Whether the latest epoch, after the fifth, is worse than the worst of the three before it.

    Example:
        >>> is_time_to_slow_down([3.0, 2.0, 2.1, 2.0, 2.1, 2.2]), is_time_to_slow_down([3.0, 4.0])
        (True, False)
    """
    return len(valid) > 5 and valid[-1] > max(valid[-4:-1])
