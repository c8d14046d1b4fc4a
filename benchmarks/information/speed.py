"""Speed of the estimators against NPEET and infomeasure: in turn, one process, one thread, medians.

    git clone https://github.com/gregversteeg/NPEET && pip install infomeasure
    OMP_NUM_THREADS=1 python benchmarks/information/speed.py --npeet NPEET

The peers have no closed-ball mixed estimator: for classes they get the KSG estimate against one-hot
labels, which is what [V] computed. In one dimension scikit-learn's estimators stand beside ours:
they standardize, and so do ours, so that the values are the same to rounding. Ratios are medians of
the ratios of neighbouring measurements, so that other load on the machine touches both sides alike.
CPU time, milliseconds. The docs' figures against NPEET and infomeasure are those of
`python -m benchmarks speed`, which measures the same works.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
from torch import nn

from optuna_mi.datasets import load_dataset
from optuna_mi.information import mutual_info_ksg, mutual_info_mixed

N = 1000
Work = dict[str, Callable[[], object]]


def logits(images: np.ndarray, digits: np.ndarray) -> list[np.ndarray]:
    """Outputs for the first N images of a small network before and after training (3 epochs)."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    x, y = torch.from_numpy(images), torch.from_numpy(digits)
    model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
    found = [model(x[:N]).detach().double().numpy()]
    for _ in range(3):
        for batch in torch.randperm(len(y)).split(100):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
    return [*found, model(x[:N]).detach().double().numpy()]


def works(peers: dict[str, Callable[..., object]]) -> dict[str, Work]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 10))
    z = x + rng.normal(size=(N, 10))
    data = load_dataset("smnist")
    pixels = data.train.inputs[:N, :, 0].astype(np.float64)
    digits = data.train.targets[:N]
    one_hot = np.eye(10)[digits]
    untrained, trained = logits(data.train.inputs[:20_000, :, 0], data.train.targets[:20_000])
    ihyll = {
        f"IHYLL, N = 1000, 10-D, 10 classes, {state} network": {
            "optuna_mi": lambda z=z: mutual_info_mixed(z, digits),
            **{name: lambda f=f, z=z: f(z, one_hot) for name, f in peers.items()},
        }
        for state, z in (("untrained", untrained), ("trained", trained))
    }
    return {
        **_one_dimension(),
        **ihyll,
        "IXY, N = 1000, 784-D": {
            "optuna_mi": lambda: mutual_info_mixed(pixels, digits),
            **{name: lambda f=f: f(pixels, one_hot) for name, f in peers.items()},
        },
        "KSG, N = 1000, 10-D against 10-D": {
            "optuna_mi": lambda: mutual_info_ksg(x, z),
            **{name: lambda f=f: f(x, z) for name, f in peers.items()},
        },
    }


def _one_dimension(n: int = 50_000) -> dict[str, Work]:
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(2, n))
    y = 0.8 * x + 0.6 * noise
    classes = np.digitize(y, [0.0, 1.0])
    column = x[:, None]
    return {
        f"KSG, N = {n}, 1-D against 1-D": {
            "optuna_mi": lambda: mutual_info_ksg(x, y),
            "scikit-learn": lambda: mutual_info_regression(column, y, random_state=0),
        },
        f"mixed, N = {n}, 1-D, 3 classes": {
            "optuna_mi": lambda: mutual_info_mixed(x, classes),
            "scikit-learn": lambda: mutual_info_classif(column, classes, random_state=0),
        },
    }


def cpu_ms(call: Callable[[], object], repeats: int) -> float:
    """One call, milliseconds; short ones are repeated, for the clock's sake."""
    started = time.process_time()
    for _ in range(repeats):
        call()
    return 1000 * (time.process_time() - started) / repeats


def measure(work: Work, rounds: int) -> dict[str, list[float]]:
    for call in work.values():
        call()
    repeats = {name: max(1, int(20 / cpu_ms(call, 1))) for name, call in work.items()}
    found: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, call in work.items():
            found[name].append(cpu_ms(call, repeats[name]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--npeet", type=Path, help="a checkout of NPEET")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--csv", type=Path, help="write the table there")
    args = parser.parse_args()
    peers: dict[str, Callable[..., object]] = {}
    if args.npeet:
        sys.path.insert(0, str(args.npeet))
        from npeet import entropy_estimators

        peers["NPEET"] = lambda x, y: entropy_estimators.mi(x, y, k=3)
    try:
        import infomeasure

        peers["infomeasure"] = lambda x, y: infomeasure.mutual_information(
            x, y, approach="ksg", k=3
        )
    except ImportError:
        print("infomeasure is not installed: left out")
    rows = []
    warnings.simplefilter("ignore")
    for title, work in works(peers).items():
        found = measure(work, args.rounds)
        row: dict[str, object] = {"work": title}
        for name, times in found.items():
            row[f"{name} ms"] = round(float(np.median(times)), 2)
        for name in list(work)[1:]:
            ratios = np.array(found[name]) / np.array(found["optuna_mi"])
            row[f"x {name}"] = round(float(np.median(ratios)), 1)
        rows.append(row)
        print(row, flush=True)
    if args.csv:
        pd.DataFrame(rows).to_csv(args.csv, index=False)


if __name__ == "__main__":
    main()
