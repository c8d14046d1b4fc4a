"""What the data's recommendation is worth: regret of searches with and without it.

    python benchmarks/samplers/start_up.py [--seeds 30] [--csv FILE]

The objective is synthetic: how far a list of dilations lies from a hidden best one, as the
root-mean-square difference of log distance between the two staircases, plus a parameter of no
concern to the space (a learning rate) and noise. The hidden list is the recommendation moved by
``--off`` standard deviations of ln 2 in every setting: 0 is a recommendation that is right, 1 one
that is off by a factor of two. Regret is the noise-free value of the best trial by noisy value.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from optuna_mi.samplers import MISampler
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange, parse_dilations

SPACE = DilationSpace(
    DecayGeometry("broken_power", (12.0,), (2.7, 0.72)),
    (IntRange(4, 11, 8), IntRange(1, 6, 3)),
    IntRange(120, 480, 240),
    max_layers=12,
)
LISTS = [",".join(map(str, SPACE.dilations(p))) for p in SPACE.grid(5)]
CHECKPOINTS = (5, 10, 20, 40)


def staircase(dilations: tuple[int, ...]) -> np.ndarray:
    """Return ln dilation as a function of depth, on 64 depths."""
    depth = np.linspace(0, 1, len(dilations))
    return np.interp(np.linspace(0, 1, 64), depth, np.log(dilations))


def distance(dilations: tuple[int, ...], best: tuple[int, ...]) -> float:
    shape = float(np.sqrt(np.mean((staircase(dilations) - staircase(best)) ** 2)))
    return shape + 0.1 * abs(len(dilations) - len(best)) / len(best)


def hidden_best(off: float, rng: np.random.Generator) -> tuple[int, ...]:
    factors = np.exp(off * np.log(2) * rng.standard_normal(3))
    params = {}
    for factor, (name, d) in zip(factors, SPACE.distributions().items(), strict=True):
        value = round(SPACE.recommended[name] * factor)
        params[name] = int(np.clip(value, d.low, d.high))  # type: ignore[attr-defined]
    return SPACE.dilations(params)


def search(
    sampler: BaseSampler, suggest: Callable[[optuna.Trial], tuple[int, ...]], off: float, seed: int
) -> list[float]:
    rng = np.random.default_rng([seed, round(10 * off)])
    best, best_rate = hidden_best(off, rng), 10 ** rng.uniform(-3.5, -1.5)
    truth: list[float] = []

    def objective(trial: optuna.Trial) -> float:
        dilations = suggest(trial)
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        truth.append(distance(dilations, best) + 0.1 * abs(np.log10(rate / best_rate)))
        return truth[-1] + 0.02 * rng.standard_normal()

    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=max(CHECKPOINTS))
    values = [t.value for t in study.trials]
    return [truth[int(np.argmin(values[:n]))] for n in CHECKPOINTS]


def from_lists(trial: optuna.Trial) -> tuple[int, ...]:
    return parse_dilations(trial.suggest_categorical("list", LISTS))


VARIANTS: dict[str, tuple[Callable[[int], BaseSampler], Callable[[optuna.Trial], tuple[int, ...]]]]
VARIANTS = {
    "MISampler(TPE)": (lambda s: MISampler(SPACE, seed=s), SPACE.suggest),
    "MISampler(TPE), prior_width=None": (
        lambda s: MISampler(SPACE, seed=s, prior_width=None),
        SPACE.suggest,
    ),
    "TPE": (lambda s: TPESampler(seed=s), SPACE.suggest),
    "Random": (lambda s: RandomSampler(seed=s), SPACE.suggest),
    f"TPE, categorical of {len(LISTS)} lists": (lambda s: TPESampler(seed=s), from_lists),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--off", type=float, nargs="*", default=[0.0, 0.5, 1.0])
    parser.add_argument("--csv", type=Path)
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    rows = []
    for off in args.off:
        for name, (make, suggest) in VARIANTS.items():
            regrets = np.array([search(make(s), suggest, off, s) for s in range(args.seeds)])
            mean = regrets.mean(axis=0)
            error = regrets.std(axis=0, ddof=1) / np.sqrt(args.seeds)
            cells = "  ".join(f"{m:.3f}±{e:.3f}" for m, e in zip(mean, error, strict=True))
            print(f"off {off}  {name:34} {cells}", flush=True)
            for n, m, e in zip(CHECKPOINTS, mean, error, strict=True):
                rows.append([off, name, n, f"{m:.4f}", f"{e:.4f}", args.seeds])
    if args.csv:
        with args.csv.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["off", "sampler", "trials", "mean_regret", "standard_error", "seeds"])
            writer.writerows(rows)


if __name__ == "__main__":
    main()
