"""One training run of [V] Fig. 3, 5 or 6: MNIST, a small CNN, plain SGD, one rate schedule.

Network (the paper's is not given): conv 5x5x8, ReLU, max-pool 2, conv 5x5x16, ReLU, max-pool 2,
dense 64, ReLU, dense 10; PyTorch's default initialisation; 60,000 images in [0, 1], batch
100, cross entropy, SGD without momentum. IHYLL: 1,000 fixed training images, mixed estimator, k=3.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.papers._training import train
from optuna_mi.datasets import load_dataset
from optuna_mi.training import (
    IHYLLChangePolicy,
    IHYLLReferencePolicy,
    IHYLLTrendPolicy,
    InformationProbe,
    ProbeMeasurement,
    layer_parameter_groups,
)

LAYERS = ["conv1", "conv2", "dense1", "dense2"]
LR_MIN, LR_MAX, BATCH = 0.001, 0.1, 100
BATCH_CHANGE = "policy 2, batch 500"
RUNS = (
    *("fixed", "fixed, 0.05", "warm-up"),
    *("policy 1", "policy 2", "policy 2, IXY", "layer-wise", "trend"),
    BATCH_CHANGE,  # from epoch 3 on ([V] Fig. 5): then five epochs by the value alone
)


class Network(nn.Sequential):
    def __init__(self) -> None:
        super().__init__()
        self.add_module("conv1", nn.Conv2d(1, 8, 5))
        self.add_module("act1", nn.ReLU())
        self.add_module("pool1", nn.MaxPool2d(2))
        self.add_module("conv2", nn.Conv2d(8, 16, 5))
        self.add_module("act2", nn.ReLU())
        self.add_module("pool2", nn.MaxPool2d(2))
        self.add_module("flat", nn.Flatten())
        self.add_module("dense1", nn.Linear(256, 64))
        self.add_module("act3", nn.ReLU())
        self.add_module("dense2", nn.Linear(64, 10))


@functools.cache
def mnist() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    data = load_dataset("smnist")
    x = np.concatenate([data.train.inputs, data.valid.inputs])  # the paper's 60,000
    y = np.concatenate([data.train.targets, data.valid.targets])
    tensors = (x, y, data.test.inputs, data.test.targets)
    x, y, x_test, y_test = (torch.from_numpy(a) for a in tensors)
    return x.view(-1, 1, 28, 28), y, x_test.view(-1, 1, 28, 28), y_test


def schedule(run: str, model: Network, probe: InformationProbe) -> tuple[Any, Any]:
    """Return the optimizer and what steps its rate."""
    if run == "layer-wise":
        optimizer = torch.optim.SGD(layer_parameter_groups(model, LAYERS), lr=LR_MIN)
    else:
        lr = 0.05 if run == "fixed, 0.05" else 0.01
        optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    bounds = {"lr_min": LR_MIN, "lr_max": LR_MAX}
    entropy = probe.target_entropy
    if run.startswith("fixed"):
        return optimizer, None
    if run == "warm-up":
        warm = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=5)
        return optimizer, warm
    if run == "policy 1":
        return optimizer, IHYLLChangePolicy(optimizer, gamma1=0.1, gamma2=1.0, noise=0.0, **bounds)
    if run == "trend":
        return optimizer, IHYLLTrendPolicy(optimizer, **bounds)
    if run == "policy 2, IXY":
        entropy = float(probe.reference("input", metric="euclidean"))
    return optimizer, IHYLLReferencePolicy(optimizer, reference=entropy, noise=0.0, **bounds)


def batch_size(run: str, epoch: int) -> int:
    return 500 if run == BATCH_CHANGE and epoch >= 3 else BATCH


def epochs_of(run: str, seed: int, epochs: int, device: str = "cpu") -> Iterator[dict[str, Any]]:
    """Train; yield what every epoch found."""
    data = tuple(tensor.to(device) for tensor in mnist())
    torch.manual_seed(seed)
    model = Network().to(device)
    layers = LAYERS if run == "layer-wise" else ()
    # the same probe for every run and seed: what differs is the training
    probe = InformationProbe(model, *data[:2], size=1000, seed=0, layers=layers)
    optimizer, policy = schedule(run, model, probe)

    def step(found: ProbeMeasurement, epoch: int) -> None:
        if run == "warm-up":
            policy.step()
        elif run == "layer-wise":
            policy.step(found.layers)
        elif run == BATCH_CHANGE:
            policy.step(found.ihyll, batch_size=batch_size(run, epoch + 1))
        elif policy is not None:
            policy.step(found.ihyll)

    sizes = [batch_size(run, epoch) for epoch in range(epochs)]
    yield from train(model, data, probe, optimizer, step, batch_sizes=sizes, seed=seed)
