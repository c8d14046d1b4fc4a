"""What the docs say about IHYLL and IXY on real MNIST, measured.

    OMP_NUM_THREADS=1 python -m benchmarks.ihyll.findings

Trains the network of `python -m benchmarks learning-rate` (rate 0.05) and prints: KSG against
one-hot labels on scaled logits; tiling; the noise of an epoch's increment with a fixed and with a
fresh probe. IXY and IHYLL against the number of samples: `python -m benchmarks sample-size`.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.papers._mnist_cnn import BATCH, Network, mnist
from optuna_mi.information import mutual_info_ksg, mutual_info_mixed
from optuna_mi.training import InformationProbe

EPOCHS = 10
AS_THE_PAPER = {"standardize": False, "jitter": 1e-10, "random_state": 0}


def scales(logits: np.ndarray, labels: np.ndarray) -> None:
    one_hot = np.eye(10)[labels]
    print("| logits times | KSG against one-hot | mixed |\n|---|---|---|")
    for factor in (0.1, 0.2, 1.0, 10.0):
        ksg = mutual_info_ksg(factor * logits, one_hot, **AS_THE_PAPER)
        mixed = mutual_info_mixed(factor * logits, labels)
        print(f"| {factor} | {ksg.value:.3f} | {mixed.value:.3f} |")
    softmax = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax /= softmax.sum(axis=1, keepdims=True)
    ksg = mutual_info_ksg(softmax, one_hot, **AS_THE_PAPER)
    mixed = mutual_info_mixed(softmax, labels)
    print(f"| softmax | {ksg.value:.3f} | {mixed.value:.3f} (ties {mixed.tie_fraction:.2f}) |\n")


def tiles(logits: np.ndarray, labels: np.ndarray, pixels: np.ndarray) -> None:
    for name, x in (("logits", logits), ("pixels", pixels)):
        once = mutual_info_mixed(x, labels).value
        features = mutual_info_mixed(np.tile(x, (1, 4)), labels).value
        samples = mutual_info_mixed(np.tile(x, (5, 1)), np.tile(labels, 5)).value
        shuffled = np.random.default_rng(0).permutation(labels)
        nonsense = mutual_info_mixed(np.tile(x, (5, 1)), np.tile(shuffled, 5)).value
        print(
            f"{name}: {once:.3f}; features tiled 4 times {features:.3f}; samples 5 times "
            f"{samples:.3f}, with shuffled labels {nonsense:.3f}"
        )


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    x, y, *_ = mnist()
    torch.manual_seed(0)
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    order = torch.Generator().manual_seed(0)
    fixed = InformationProbe(model, x, y, seed=0)
    series: dict[str, list[float]] = {"fixed": [], "fresh": []}
    for epoch in range(EPOCHS):
        for batch in torch.randperm(len(y), generator=order).split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
        series["fixed"].append(fixed.measure().ihyll.value)
        fresh = InformationProbe(model, x, y, seed=1 + epoch)
        series["fresh"].append(fresh.measure().ihyll.value)
        if epoch == 2:
            with torch.no_grad():
                logits = model(fixed.inputs).double().numpy()
            labels = fixed.targets.numpy()
            pixels = fixed.inputs.flatten(1).double().numpy()
            print("after 3 epochs")
            scales(logits, labels)
            tiles(logits, labels, pixels)
    print("\nIHYLL by epoch, and the spread of its increments from epoch 3 on")
    for name, values in series.items():
        spread = np.std(np.diff(values[2:]), ddof=1)
        print(name, " ".join(f"{value:.3f}" for value in values), f"sd {spread:.4f}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
