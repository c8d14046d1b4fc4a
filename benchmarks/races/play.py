"""Replay all races on all recorded tables, and keep what each found after each trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import optuna
import pandas as pd

from benchmarks.races.record import Recorded
from benchmarks.races.replay import RACES, TRIALS, search
from benchmarks.races.spaces import table_space
from benchmarks.races.worlds import Table, mean_and_error, sign_of

#: Bootstrapped tables and searches on each; slow samplers are given fewer.
WORLDS, SEEDS = 20, 3
SLOW_WORLDS, SLOW_SEEDS = 8, 2
# The race that all others are compared with.
BASE = "TPE, uninformed"
#: The races of the confirmation, planned before its data were seen.
CONFIRMING = (BASE, "MISampler, paper", "MISampler, context", "prior in start-up, wide")


def play(
    rows: Sequence[Recorded], name: str, budget: str, labels: Iterable[str] = tuple(RACES)
) -> Mapping[str, np.ndarray]:
    """Return what each race found: float64 (worlds, seeds, trials + 1), the test score last.

    World w and seed s are the same trainings for every race.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    table = Table.of(rows, name, budget)
    found: dict[str, list[np.ndarray]] = {label: [] for label in labels}
    for world in range(WORLDS):
        truth = table.truth(np.random.default_rng([1, world]))
        for seed in range(SEEDS):
            scores = table.trained(truth, np.random.default_rng([2, world, seed]))
            for label in found:
                if RACES[label].slow and (world >= SLOW_WORLDS or seed >= SLOW_SEEDS):
                    continue
                result = search(label, name, scores, 1000 * world + seed)
                found[label].append(np.append(result.best, result.test))
    shapes = {k: (SLOW_WORLDS, SLOW_SEEDS) if RACES[k].slow else (WORLDS, SEEDS) for k in found}
    return {k: np.array(v).reshape(*shapes[k], TRIALS + 1) for k, v in found.items()}


def recommended_beats(
    rows: Sequence[Recorded], name: str, budget: str, kind: str
) -> tuple[float, float, float]:
    """Return the share of uninformed lists that a space's recommended list beats on test.

    Beside it the 95 % interval by a bootstrap over lists and trainings.
    """

    table = Table.of(rows, name, budget)
    ours = table_space(name, kind)
    mine = ours.nearest(ours.recommended)
    others = sorted(set(table_space(name, "uninformed").lists.values()))
    rng = np.random.default_rng(3)

    def share(scores: Mapping[tuple[int, ...], tuple[float, float]], drawn: np.ndarray) -> float:
        theirs = np.array([scores[others[i]][1] for i in drawn])
        return float((scores[mine][1] > theirs).mean() + 0.5 * (scores[mine][1] == theirs).mean())

    everyone = np.arange(len(others))
    resampled = [
        share(table.truth(rng), rng.integers(0, len(others), len(others))) for _ in range(1000)
    ]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return share(table.mean, everyone), float(low), float(high)


def spread(rows: Sequence[Recorded], name: str, budget: str) -> dict[str, float]:
    """Return the standard deviation over uninformed lists, and of a training's noise."""

    table = Table.of(rows, name, budget)
    lists = sorted(set(table_space(name, "uninformed").lists.values()))
    means = np.array([table.mean[x][0] for x in lists])
    noise = float(table.residuals[:, 0].std())
    n = np.mean([1 / table.replicates[x] for x in lists])
    lists_sd = float(np.sqrt(max(0.0, means.var(ddof=1) - noise**2 * n)))
    return {"lists": lists_sd, "noise": noise, "ratio": lists_sd / noise}


def frame_of(results: Mapping[tuple[str, str], Mapping[str, np.ndarray]]) -> pd.DataFrame:
    """Return a row a race, data set and budget: the mean best after each trial and on test."""

    out = []
    for (name, budget), races in results.items():
        sign = sign_of(name)
        base = races[BASE]
        for label, found in races.items():
            worlds, seeds, _ = found.shape
            gains = found - base[:worlds, :seeds]
            best = {
                f"trial {i + 1}": sign * v for i, v in enumerate(found[..., :TRIALS].mean((0, 1)))
            }
            row = {"dataset": name, "budget": budget, "race": label, "searches": worlds * seeds}
            for what, index in (
                ("first", 0),
                ("fifth", 4),
                ("final", TRIALS - 1),
                ("test", TRIALS),
            ):
                mean, error = mean_and_error(gains[..., index])
                row |= {f"{what} gain": mean, f"{what} error": error}
            out.append(row | {"test": sign * found[..., TRIALS].mean()} | best)
    return pd.DataFrame(out)
