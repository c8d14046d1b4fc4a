"""Epochs of plain SGD with a probe after each, shared by [V]'s experiments."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from optuna_mi.training import InformationProbe, ProbeMeasurement


def train(
    model: torch.nn.Module,
    data: Sequence[torch.Tensor],
    probe: InformationProbe,
    optimizer: torch.optim.Optimizer,
    step: Callable[[ProbeMeasurement, int], None],
    *,
    batch_sizes: Sequence[int],
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Train; yield what every epoch found.

    Args:
        model: Images to logits.
        data: Training images and classes, test images and classes.
        probe: Measured after every epoch.
        optimizer: Its rates are those of the yielded epoch.
        step: Changes the rates, given what was measured and the epoch.
        batch_sizes: One an epoch.
        seed: Of the order of the images.
    """
    x, y, x_test, y_test = data
    order = torch.Generator().manual_seed(seed)
    for epoch, size in enumerate(batch_sizes):
        started = time.process_time()
        rates = [group["lr"] for group in optimizer.param_groups]
        model.train()
        for batch in torch.randperm(len(y), generator=order).split(size):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
        trained = time.process_time()
        found = probe.measure()
        probed = time.process_time()
        step(found, epoch)
        model.eval()
        with torch.no_grad():
            hits = sum(
                int((model(a).argmax(1) == b).sum())
                for a, b in zip(x_test.split(500), y_test.split(500), strict=True)
            )
        row = {
            "lr": rates[0] if len(rates) == 1 else float("nan"),
            "accuracy": 100 * hits / len(y_test),
            "ihyll": found.ihyll.value,
            "ihyll_se": found.ihyll.standard_error,
            "entropy": probe.target_entropy,
            "train_cpu_s": trained - started,
            "probe_cpu_s": probed - trained,
        }
        if len(rates) > 1:
            row |= {f"lr_{name}": rate for name, rate in zip(found.layers, rates, strict=True)}
            row |= {f"ihy_{name}": mi.value for name, mi in found.layers.items()}
        yield row
