"""Recover context lengths and lag sets of generated sequences.

Run: python -m benchmarks.context.recovery [--count 20]

Each generator states the truth; the table counts what was found, the false alarms included.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.signal import lfilter

from optuna_mi.context import context_curve, select_lags
from optuna_mi.decay import generators as make

N = 20_000


def markov(seed: int) -> Any:
    return make.markov_chain(N, make.sticky_transition(4, 0.8), seed=seed)


def table(order: int) -> Callable[[int], Any]:
    """Symbols whose distribution is a random table of the last ``order`` ones."""

    def sequence(seed: int) -> Any:
        rng = np.random.default_rng(seed)
        cumulative = rng.dirichlet(np.full(3, 0.5), 3**order).cumsum(axis=1)
        draws = rng.random(N)
        x = np.zeros(N, dtype=np.int64)
        context = 0
        for t in range(N):
            x[t] = min(2, int(np.searchsorted(cumulative[context], draws[t])))
            context = (3 * context + x[t]) % 3**order
        return x

    return sequence


def echo(*delays: int) -> Callable[[int], Any]:
    """Symbols that copy one of some earlier ones half the time."""

    def sequence(seed: int) -> Any:
        rng = np.random.default_rng(seed)
        x = rng.integers(0, 4, N)
        chosen = rng.integers(0, 2 * len(delays), N)
        for t in range(max(delays), N):
            if chosen[t] < len(delays):
                x[t] = x[t - delays[chosen[t]]]
        return x

    return sequence


def autoregression(coefficients: dict[int, float], n: int = N) -> Callable[[int], Any]:
    def sequence(seed: int) -> Any:
        polynomial = np.zeros(max(coefficients) + 1)
        polynomial[0] = 1.0
        for lag, value in coefficients.items():
            polynomial[lag] = -value
        noise = np.random.default_rng(seed).normal(size=n + 2_000)
        return lfilter([1.0], polynomial, noise)[2_000:]

    return sequence


def noise(seed: int) -> Any:
    return np.random.default_rng(seed).normal(size=2_000)


LENGTHS: dict[str, tuple[int, Callable[[int], Any]]] = {
    "independent symbols": (0, lambda seed: make.independent(N, 4, seed=seed)),
    "white noise": (0, noise),
    "Markov chain": (1, markov),
    "random table, order 2": (2, table(2)),
    "random table, order 3": (3, table(3)),
    "random table, order 5": (5, table(5)),
    "AR(1), 0.7": (1, autoregression({1: 0.7}, 2_000)),
    "AR(3)": (3, autoregression({1: 0.5, 2: -0.3, 3: 0.2}, 2_000)),
    "season of 12 and neighbour": (13, autoregression({1: 0.5, 12: 0.6, 13: -0.3}, 2_000)),
    "season of 24": (24, autoregression({24: 0.8}, 2_000)),
}
LAGS: dict[str, tuple[tuple[int, ...], Callable[[int], Any]]] = {
    "independent symbols": ((), lambda seed: make.independent(N, 4, seed=seed)),
    "white noise": ((), noise),
    "Markov chain": ((1,), markov),
    "echo 300": ((300,), echo(300)),
    "echo 1 and 500": ((1, 500), echo(1, 500)),
    "echo 7, 40 and 1000": ((7, 40, 1000), echo(7, 40, 1000)),
    "AR(3)": ((1, 2, 3), autoregression({1: 0.5, 2: -0.3, 3: 0.2})),
    "day and week": ((24, 168), autoregression({24: 0.5, 168: 0.4})),
    "season of 12 and neighbour": ((1, 12, 13), autoregression({1: 0.5, 12: 0.6, 13: -0.3})),
}


def found_length(x: Any) -> str:
    return str(context_curve(x, budgets=False).context_length)


def found_lags(x: Any) -> str:
    return _listed(select_lags(x).lags)


def _listed(lags: tuple[int, ...]) -> str:
    return ", ".join(map(str, sorted(lags))) or "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    arguments = parser.parse_args()
    cases: list[tuple[str, str, str, Callable[[int], Any], Callable[[Any], str]]] = [
        *(("length", n, str(k), make_, found_length) for n, (k, make_) in LENGTHS.items()),
        *(("lags", n, _listed(d), make_, found_lags) for n, (d, make_) in LAGS.items()),
    ]
    print("| what | generator | truth | right | found instead | seconds each |")
    print("|---|---|---|---|---|---|")
    for what, name, truth, generate, find in cases:
        start = time.perf_counter()
        found = Counter(find(generate(seed)) for seed in range(1000, 1000 + arguments.count))
        seconds = (time.perf_counter() - start) / arguments.count
        right = found.pop(truth, 0)
        others = "; ".join(f"{k} ({n})" for k, n in found.most_common(3)) or "-"
        row = f"| {what} | {name} | {truth} | {right} of {arguments.count} | {others} |"
        print(f"{row} {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
