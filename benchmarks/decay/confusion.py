"""Recover the law of generated sequences: python -m benchmarks.decay.confusion [--count 100]."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.signal import lfilter

from benchmarks.decay.long_kinds import VERDICTS
from optuna_mi.decay import analyze_decay, decay_curve
from optuna_mi.decay import generators as make

N = 200_000
D = np.arange(N)


def gaussian(correlation: np.ndarray, n_symbols: int = 4) -> Callable[[int], Any]:
    return lambda seed: make.gaussian_symbols(N, correlation, n_symbols=n_symbols, seed=seed)


def markov(n_symbols: int, persistence: float) -> Callable[[int], Any]:
    transition = make.sticky_transition(n_symbols, persistence)
    return lambda seed: make.markov_chain(N, transition, seed=seed)


# composition (A, C, G, T) of the three places of a bacterial gene's codons
PLACES = np.array([[0.26, 0.24, 0.35, 0.15], [0.29, 0.23, 0.18, 0.30], [0.19, 0.27, 0.28, 0.26]])


def genes(seed: int) -> np.ndarray:
    """DNA: genes of 900 bases on average, each in any frame, their composition nearly even."""
    rng = np.random.default_rng(seed)
    gene = np.cumsum(rng.random(N) < 1 / 900)
    frame = rng.integers(0, 3, gene[-1] + 1)[gene]
    edges = (0.25 + 0.8 * (PLACES - 0.25)).cumsum(axis=1)[(D + frame) % 3]
    return np.minimum((rng.random(N)[:, None] > edges).sum(axis=1), 3)


def in_turn(seed: int) -> np.ndarray:
    """Two chains that take turns, and keep a state for a hundred turns."""
    slow = make.sticky_transition(5, 0.99)
    chains = [make.markov_chain(N // 2, slow, seed=2 * seed + i) for i in (0, 1)]
    return np.stack(chains, axis=1).ravel()


def chain(seed: int) -> np.ndarray:
    """A Markov chain of eight symbols whose transitions are drawn at random."""
    transition = np.random.default_rng(seed).dirichlet(np.full(8, 0.3), 8)
    return make.markov_chain(N, transition, seed=seed)


def hours(seed: int) -> np.ndarray:
    """A year of hourly demand: days, weekends, and what is left over from the hour before."""
    rng = np.random.default_rng(seed)
    hour = np.arange(8760)
    day = 10 + 8 * np.sin(hour / 12 * np.pi) + 4 * np.sin(hour / 6 * np.pi)
    mean = np.where(hour // 24 % 7 >= 5, 8 + 6 * np.sin((hour - 5) / 12 * np.pi), day)
    return mean + lfilter([1.0], [1.0, -0.9], rng.normal(size=8760))


def months(seed: int) -> np.ndarray:
    """Twelve years of months: a trend and a random season, as steps."""
    rng = np.random.default_rng(seed)
    season = np.resize(rng.normal(size=12), 144)
    return np.diff(0.01 * np.arange(144) + 0.12 * season + 0.03 * rng.normal(size=144))


def quarters(seed: int) -> np.ndarray:
    """Forty years of quarters that all differ: each tells the phase of all others."""
    rng = np.random.default_rng(seed)
    return np.resize(rng.permutation(np.arange(4.0)), 160) + 0.3 * rng.normal(size=160)


def memory(seed: int) -> np.ndarray:
    """A thousand real values that keep nine tenths of the last one."""
    return np.asarray(lfilter([1.0], [1.0, -0.9], np.random.default_rng(seed).normal(size=1000)))


def digits(seed: int) -> np.ndarray:
    """The real digits, always the same; the seed is that of the baseline."""
    from sklearn.datasets import load_digits

    return np.asarray(load_digits().data.astype(np.int64))


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
    "random Markov chain, K = 8": ("no period", chain),
    "weak codons": ("periodic_power, 3, modulating", genes),
    "slow chains in turn": ("periodic_power, 2, modulating", in_turn),
    "hours of a year": ("periodic_power, 168, dominant", hours),
    "months of twelve years": ("periodic_power, 12, dominant", months),
    "quarters of forty years": ("periodic_power, 4, dominant", quarters),
    "autoregression, 1,000 steps": ("no period", memory),
    "digits, 64 pixels": ("periodic_power, 8, dominant", digits),
}


def law_found(generate: Callable[[int], Any], seed: int) -> str:
    """Return law, period and kind of the period."""
    x = generate(seed)
    # short ones at the default lags
    longest = None if x.shape[-1] < 10_000 else 1000
    analysis = analyze_decay(decay_curve(x, max_lag=longest, seed=seed))
    if analysis.period is None:
        return str(analysis.law)
    return f"{analysis.law}, {analysis.period}, {analysis.period_kind}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="sequences of each kind")
    parser.add_argument("--only", default="", help="kinds whose name holds this text")
    arguments = parser.parse_args()
    laws = {name: (law, partial(law_found, make_x)) for name, (law, make_x) in KINDS.items()}
    for kind, (wanted, label) in (laws | VERDICTS).items():
        if arguments.only not in kind:
            continue
        start = time.process_time()
        found = Counter(label(seed) for seed in range(arguments.count))
        seconds = (time.process_time() - start) / arguments.count
        table = "; ".join(f"{name}: {n}" for name, n in found.most_common())
        print(f"{kind} ({wanted}) | {table} | {seconds:.2f} s CPU each", flush=True)


if __name__ == "__main__":
    main()
