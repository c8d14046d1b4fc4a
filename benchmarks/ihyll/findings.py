"""What the guide says about IHYLL and IXY on real MNIST, measured.

    OMP_NUM_THREADS=1 python benchmarks/ihyll/findings.py --png docs/images

Trains the network of mnist_cnn.py (rate 0.05) and prints: KSG against one-hot labels on scaled
logits; tiling; IXY by metric and size; the noise of an epoch's increment with a fixed and with a
fresh probe. With --png (needs kaleido and a Chrome) it draws the sample-size curves ([V] Fig. 1).
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import torch
from mnist_cnn import BATCH, Network, mnist
from torch.nn import functional as F

from optuna_mi.information import mi_sample_size_curve, mutual_info_ksg, mutual_info_mixed
from optuna_mi.training import InformationProbe
from optuna_mi.visualization import plot_mi_sample_size

EPOCHS = 10


def scales(logits: np.ndarray, labels: np.ndarray) -> None:
    one_hot = np.eye(10)[labels]
    print("| logits times | KSG against one-hot | mixed |\n|---|---|---|")
    for factor in (0.1, 0.2, 1.0, 10.0):
        ksg = mutual_info_ksg(factor * logits, one_hot, jitter=1e-10, random_state=0)
        mixed = mutual_info_mixed(factor * logits, labels)
        print(f"| {factor} | {ksg.value:.3f} | {mixed.value:.3f} |")
    softmax = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax /= softmax.sum(axis=1, keepdims=True)
    ksg = mutual_info_ksg(softmax, one_hot, jitter=1e-10, random_state=0)
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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--png", type=Path)
    args = parser.parse_args()
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

    with torch.no_grad():
        some = torch.randperm(len(y), generator=order)[:10_000]
        outputs = model(x[some]).double().numpy()
    images, classes = x[some].flatten(1).double().numpy(), y[some].numpy()
    curves = {
        "logits": mi_sample_size_curve(outputs, classes, repeats=10),
        "pixels_euclidean": mi_sample_size_curve(images, classes, metric="euclidean", repeats=3),
        "pixels_chebyshev": mi_sample_size_curve(images, classes, repeats=3),
    }
    for name, curve in curves.items():
        print(f"\n{name}: sufficient N = {curve.sufficient}")
        print(curve.to_frame().round(3).to_string(index=False))
        if args.png:
            figure = plot_mi_sample_size(curve)
            figure.write_image(args.png / f"sample_size_{name}.png", width=800, height=420)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
