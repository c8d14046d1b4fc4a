"""[V] Fig. 4: CIFAR-10, an All-CNN, rates fixed, warmed up, decaying, and by policies 1 and 2.

Network: model C of Springenberg et al. (2015), with max-pooling: twice 3x3x96, max-pool 3x3 with
stride 2, dropout 0.5, twice 3x3x192, max-pool, dropout 0.5, 3x3x192, 1x1x192, 1x1x10, mean over the
image; ReLU, He initialisation. Nesterov momentum 0.9, no L2, no augmentation. What the paper does
not give is ours: batches of 128, channels standardised, decay of 0.99 an epoch, policies between
rates of 0.001 and 0.05, H(Y) as the reference. The small budget has a tenth of the epochs, so what
moves the rate from epoch to epoch (the decay, γ1 and γ2) is ten times as large there, and batches
of 32, as with 128 so few images make too few steps (tried by hand, one seed of none of the cells).

It needs CIFAR-10 in the folder that OPTUNA_MI_DATA names (see _cifar10.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pandas as pd
import torch
from torch import nn

from benchmarks._experiment import Cell, Experiment, Request, Summary
from benchmarks._output import markdown, plus_minus
from benchmarks.papers._cifar10 import cifar10
from benchmarks.papers._epochs_saved import (
    by_epoch,
    epochs_until,
    ratio_text,
    ratios,
    verdict,
)
from benchmarks.papers._mnist_cnn_plots import compare, four_plots
from benchmarks.papers._training import train
from optuna_mi.training import (
    IHYLLChangePolicy,
    IHYLLReferencePolicy,
    InformationProbe,
    ProbeMeasurement,
)

RUNS = ("fixed", "warm-up", "decay", "policy 1", "policy 2")
RATE, LR_MIN, LR_MAX, DECAY = 0.01, 0.001, 0.05, 0.99
LEVELS = {"paper": (80, 83, 88), "small": (40, 50, 60)}
PAPER = {
    "decay": "88.21 in 350 epochs",
    "policy 2": "80, 83, 88 % at epochs 30, 34, 187",
}


def cells(request: Request) -> list[Cell]:
    paper = request.budget == "paper"
    sizes: dict[str, int] = (
        {"images": 50_000, "test_images": 10_000, "width": 96, "batch": 128, "epochs": 350}
        if paper
        else {"images": 5_000, "test_images": 2_000, "width": 24, "batch": 32, "epochs": 35}
    ) | {"pace": 1 if paper else 10}
    return [{"run": name, **sizes, "seed": seed} for seed in range(request.seeds) for name in RUNS]


def network(width: int) -> nn.Sequential:
    """Return logits of (N, 3, 32, 32) images; [V]'s width is 96."""
    pool = (nn.MaxPool2d(3, stride=2, padding=1), nn.Dropout(0.5))
    model = nn.Sequential(
        *(nn.Conv2d(3, width, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), *pool),
        *(nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(2 * width, 2 * width, 3, padding=1), nn.ReLU(), *pool),
        *(nn.Conv2d(2 * width, 2 * width, 3), nn.ReLU()),
        *(nn.Conv2d(2 * width, 2 * width, 1), nn.ReLU(), nn.Conv2d(2 * width, 10, 1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    )
    for module in model:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    # half as fast again as channels first on a CPU
    return model.to(memory_format=torch.channels_last)


def tensors(images: int, test_images: int, device: str) -> tuple[torch.Tensor, ...]:
    """Return the first training and test images, standardised, with classes."""
    x, y, x_test, y_test = cifar10()
    x, y, x_test, y_test = x[:images], y[:images], x_test[:test_images], y_test[:test_images]
    mean = x.mean(axis=(0, 2, 3), keepdims=True)
    sd = x.std(axis=(0, 2, 3), keepdims=True)
    arrays = ((x - mean) / sd, y, (x_test - mean) / sd, y_test)
    return tuple(
        torch.from_numpy(a.astype(np.float32) if a.ndim == 4 else a).to(device) for a in arrays
    )


def schedule(
    name: str, optimizer: torch.optim.Optimizer, entropy: float, pace: int
) -> Callable[[ProbeMeasurement, int], None]:
    """Return what changes the rate after an epoch."""
    policy: Any
    if name in ("policy 1", "policy 2"):
        bounds = {"lr_min": LR_MIN, "lr_max": LR_MAX, "noise": 0.0}
        if name == "policy 1":
            gamma = 0.003 * pace
            policy = IHYLLChangePolicy(optimizer, gamma1=gamma, gamma2=gamma, **bounds)
        else:
            gamma = 0.001 * pace
            policy = IHYLLReferencePolicy(
                optimizer, reference=entropy, gamma1=gamma, gamma2=gamma, gamma3=0.1, **bounds
            )
        return lambda found, epoch: policy.step(found.ihyll)
    if name == "warm-up":
        policy = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=5)
    else:
        factor = DECAY**pace if name == "decay" else 1.0
        policy = torch.optim.lr_scheduler.ExponentialLR(optimizer, factor)
    return lambda found, epoch: policy.step()


def run(trial: optuna.Trial, cell: Cell, request: Request) -> float:
    seed, name = int(cell["seed"]), str(cell["run"])
    data = tensors(int(cell["images"]), int(cell["test_images"]), request.device)
    torch.manual_seed(seed)
    model = network(int(cell["width"])).to(request.device)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9, nesterov=True)
    probe = InformationProbe(model, *data[:2], size=min(1000, len(data[1])), seed=0)
    step = schedule(name, optimizer, probe.target_entropy, int(cell["pace"]))
    sizes = [int(cell["batch"])] * int(cell["epochs"])
    rows = []
    for row in train(model, data, probe, optimizer, step, batch_sizes=sizes, seed=seed):
        trial.report(row["accuracy"], len(rows))
        rows.append(row)
    for column in rows[0]:
        trial.set_user_attr(column, [row[column] for row in rows])
    return max(row["accuracy"] for row in rows)


def summarize(frame: pd.DataFrame, request: Request) -> Summary:
    long, sizes = by_epoch(frame), frame.iloc[0]
    rows: list[dict[str, object]] = []
    for name in (n for n in RUNS if n in set(frame["run"])):
        one = frame[frame["run"] == name]
        rows.append(
            {
                "run": name,
                "seeds": len(one),
                "best accuracy, %": plus_minus(one["value"], 2),
                "last accuracy, %": plus_minus(one["accuracy"].str[-1], 2),
                **{
                    f"epochs to {level} %": ratio_text(
                        [epochs_until(a, level) for a in one["accuracy"]]
                    )
                    for level in LEVELS[request.budget]
                },
                "ratio to fixed": ratio_text(ratios(frame, name, "fixed")),
                "ratio to decay": ratio_text(ratios(frame, name, "decay")),
                "last IHYLL, nats": plus_minus(one["ihyll"].str[-1]),
                "paper": PAPER.get(name, ""),
            }
        )
    sentences = [
        f"- {name}: to the best accuracy of the fixed rate, {verdict(ratios(frame, name, 'fixed'))}"
        f"; of the decaying one, {verdict(ratios(frame, name, 'decay'))}."
        for name in RUNS[3:]
        if name in set(frame["run"])
    ]
    text = (
        f"{sizes['images']:,} training images (the paper: 50,000), the first "
        f"{sizes['test_images']:,} test images (10,000), width {sizes['width']} (96), batches of "
        f"{sizes['batch']}, {sizes['epochs']} epochs (350), no augmentation{_pace(sizes['pace'])}. "
        "Ratio: epochs a run needs to the other's best accuracy with the same seed, over the "
        "epochs that the other needs.\n\n"
        + markdown(rows)
        + "\n\nThe claim, top accuracy in about half the epochs:\n\n"
        + "\n".join(sentences)
    )
    first = long[long["seed"] == long["seed"].min()]
    return Summary(text, {"One run each": four_plots(first), "Mean over seeds": compare(long)})


def _pace(pace: int) -> str:
    if pace == 1:
        return ""
    return (
        f"; what moves the rate from epoch to epoch (decay, γ1, γ2) is {pace} times the paper's, "
        "as there are so many times fewer epochs"
    )


def seconds(cell: Cell) -> float:
    # forward and back, and forward: seconds an image on one core, at width 24
    width = (int(cell["width"]) / 24) ** 1.55
    images = 0.0012 * int(cell["images"]) + 0.0007 * int(cell["test_images"])
    return width * images * int(cell["epochs"])


EXPERIMENT = Experiment(
    name="all-cnn",
    title="[V] Fig. 4: the learning rate steered by mutual information, CIFAR-10",
    cells=cells,
    run=run,
    summarize=summarize,
    seconds=seconds,
    seeds=5,
)
