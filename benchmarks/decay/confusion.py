"""Recover the law of generated sequences: python -m benchmarks.decay.confusion [--count 100]."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from optuna_mi.decay import analyze_decay, decay_curve
from optuna_mi.decay import generators as make

N = 200_000
D = np.arange(N)


def gaussian(correlation: np.ndarray, n_symbols: int = 4) -> Callable[[int], Any]:
    return lambda seed: make.gaussian_symbols(N, correlation, n_symbols=n_symbols, seed=seed)


def markov(n_symbols: int, persistence: float) -> Callable[[int], Any]:
    transition = make.sticky_transition(n_symbols, persistence)
    return lambda seed: make.markov_chain(N, transition, seed=seed)


KINDS: dict[str, tuple[str, Callable[[int], Any]]] = {
    "independent, K = 4": ("none", lambda s: make.independent(N, 4, seed=s)),
    "independent, K = 50": ("none", lambda s: make.independent(N, 50, seed=s)),
    "Markov, persistence 0.5, K = 10": ("exponential", markov(10, 0.5)),
    "Markov, persistence 0.9, K = 4": ("exponential", markov(4, 0.9)),
    "power, exponent 1": ("power", gaussian(make.power_correlation(D, exponent=1.0))),
    "broken, 2.5 to 0.5 at 10": (
        "broken_power",
        gaussian(make.broken_power_correlation(D, exponents=(2.5, 0.5), knot=10.0, first=0.7)),
    ),
    "period 24 on a power law": (
        "periodic_power, 24, modulating",
        gaussian(
            make.power_correlation(D, exponent=0.8)
            * make.periodic_correlation(D, period=24, share=0.5)
        ),
    ),
    "noisy pattern of 48": (
        "periodic_power, 48, dominant",
        lambda s: make.periodic(N, 48, 4, noise=0.3, seed=s),
    ),
    "themed, 2,000 x 200": ("flat", lambda s: make.themed(2000, 200, 4, seed=s)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="sequences of each kind")
    arguments = parser.parse_args()
    for kind, (law, generate) in KINDS.items():
        found: Counter[str] = Counter()
        start = time.process_time()
        for seed in range(arguments.count):
            x = generate(seed)
            analysis = analyze_decay(decay_curve(x, max_lag=min(1000, x.shape[-1] - 1)))
            name = str(analysis.law)
            if analysis.period is not None:
                name += f", {analysis.period}, {analysis.period_kind}"
            found[name] += 1
        seconds = (time.process_time() - start) / arguments.count
        table = "; ".join(f"{name}: {n}" for name, n in found.most_common())
        print(f"{kind} ({law}) | {table} | {seconds:.2f} s CPU each", flush=True)


if __name__ == "__main__":
    main()
