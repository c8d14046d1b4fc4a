"""[V] Fig. 1: how many samples an estimate of mutual information needs.

I(pixels; class), as in the paper, by its estimator and by ours, and IHYLL: I(outputs; class) of a
network trained for three epochs. CIFAR-10 where it is at hand: see _cifar10.py.
"""

from __future__ import annotations

import functools

import numpy as np
import optuna
import pandas as pd
import torch
from torch.nn import functional as F

from benchmarks._experiment import Cell, Experiment, Request, Summary
from benchmarks._output import markdown
from benchmarks.papers._cifar10 import ADDRESS, FOLDER, cifar10, cifar10_folder
from benchmarks.papers._mnist_cnn import BATCH, Network, mnist
from optuna_mi.information import SampleSizeCurve, mi_sample_size_curve
from optuna_mi.visualization import plot_mi_sample_size

OURS, CHEBYSHEV, PAPER = "mixed, euclidean", "mixed, chebyshev", "ksg, one-hot classes"
EPOCHS, RATE = 3, 0.05  # of the network whose outputs are measured
STATED = 1000  # the paper's sample size


def cells(request: Request) -> list[Cell]:
    # the repeats of all seeds make up the spread
    sizes = {"repeats": 10, "largest": 16_000} if request.budget == "paper" else {
        "repeats": 4, "largest": 4_000
    }  # fmt: skip
    whats = [("mnist", "pixels", e) for e in (PAPER, OURS, CHEBYSHEV)]
    whats.append(("mnist", "outputs", CHEBYSHEV))
    if cifar10_folder() is not None:
        whats += [("cifar-10", "pixels", e) for e in (PAPER, OURS, CHEBYSHEV)]
    return [
        {"data": data, "x": x, "estimator": estimator, **sizes, "seed": seed}
        for seed in range(request.seeds)
        for data, x, estimator in whats
    ]


def run(trial: optuna.Trial, cell: Cell, request: Request) -> float:
    seed, largest = int(cell["seed"]), int(cell["largest"])
    x, y = samples(str(cell["data"]), str(cell["x"]), seed)
    estimator = str(cell["estimator"])
    curve = mi_sample_size_curve(
        x,
        np.eye(10)[y] if estimator == PAPER else y,
        sizes=[size for i in range(20) if (size := 125 * 2**i) <= largest],
        repeats=int(cell["repeats"]),
        estimator="ksg" if estimator == PAPER else "mixed",
        metric="euclidean" if estimator == OURS else "chebyshev",
        seed=seed,
    )
    trial.set_user_attr("sizes", curve.sizes.tolist())
    trial.set_user_attr("values", curve.values.tolist())
    trial.set_user_attr("n_total", curve.n_total)
    return float(curve.mean[np.argmin(abs(curve.sizes - STATED))])


def samples(data: str, what: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return training images or a network's outputs, float64, shape (N, D), and classes."""
    if data == "cifar-10":
        x, y, *_ = cifar10()
        return x.reshape(len(x), -1) / 255.0, y
    pixels, classes, *_ = mnist()
    if what == "outputs":
        return outputs(seed), classes.numpy()
    return pixels.flatten(1).double().numpy(), classes.numpy()


@functools.cache
def outputs(seed: int) -> np.ndarray:
    """Return the logits of learning-rate's network on all training images, shape (N, 10)."""
    x, y, *_ = mnist()
    torch.manual_seed(seed)
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    order = torch.Generator().manual_seed(seed)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(y), generator=order).split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        return torch.cat([model(part) for part in x.split(1000)]).double().numpy()


def pooled(part: pd.DataFrame) -> SampleSizeCurve:
    """Return one curve whose repeats are those of all seeds."""
    estimator = part["estimator"].iloc[0]
    return SampleSizeCurve(
        sizes=np.array(part["sizes"].iloc[0]),
        values=np.concatenate([np.array(values) for values in part["values"]]),
        n_total=int(part["n_total"].iloc[0]),
        k=3,
        metric="euclidean" if estimator == OURS else "chebyshev",
        estimator="ksg" if estimator == PAPER else "mixed",
        seed=None,
    )


def summarize(frame: pd.DataFrame, request: Request) -> Summary:
    rows, sentences, figures = [], [], {}
    for key, part in frame.groupby(["data", "x", "estimator"], sort=False):
        curve, name = pooled(part), f"{key[0]}, {key[1]}, {key[2]}"
        row: dict[str, object] = {"data": key[0], "x": key[1], "estimator": key[2]}
        for size, mean, sd in zip(curve.sizes, curve.mean, curve.std, strict=True):
            row[f"N = {size}"] = f"{mean:.3f} ± {sd:.3f}"
        enough = curve.sufficient
        row["sufficient"] = enough or f"more than {curve.sizes[-2]}"
        rows.append(row)
        found = curve.mean[np.argmin(abs(curve.sizes - STATED))]
        verdict = "changes no more" if enough and enough <= STATED else "still changes"
        sentences.append(
            f"- {name}: with the paper's {STATED:,} samples the estimate is {found:.2f} nats and "
            f"{verdict}."
        )
        figures[name] = plot_mi_sample_size(curve)
    repeats = int(frame["repeats"].iloc[0]) * frame["seed"].nunique()
    absent = (
        ""
        if cifar10_folder()
        else f"\n\nCIFAR-10 is absent and was not measured: {FOLDER}/ from {ADDRESS}, in the "
        "folder that OPTUNA_MI_DATA names."
    )
    text = (
        f"I(x; class) in nats, k = 3, mean and standard deviation of one estimate over {repeats} "
        "random subsets of the training images; sufficient: from there on doubling changes nothing "
        f"beyond the error. Outputs: logits of `learning-rate`'s network after {EPOCHS} epochs at "
        f"the rate {RATE}, another training a seed. The truth is near H(class), 2.30 nats.\n\n"
        + markdown(rows) + "\n\n" + "\n".join(sentences) + absent
    )  # fmt: skip
    return Summary(text, figures)


def seconds(cell: Cell) -> float:
    dense = 0.01 if cell["x"] == "outputs" else 0.2 if cell["estimator"] == PAPER else 0.1
    squares = sum((125 * 2**i / 1000) ** 2 for i in range(8) if 125 * 2**i <= int(cell["largest"]))
    dense *= 3 if cell["data"] == "cifar-10" else 1
    return 15 * (cell["x"] == "outputs") + dense * int(cell["repeats"]) * squares


EXPERIMENT = Experiment(
    name="sample-size",
    title="[V] Fig. 1: estimates of mutual information against the number of samples",
    cells=cells,
    run=run,
    summarize=summarize,
    seconds=seconds,
)
