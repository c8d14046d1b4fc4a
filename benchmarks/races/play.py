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

#: Bootstrapped tables and searches on each, by the sampler's pace.
SEARCHES = {"fast": (20, 3), "slow": (8, 2), "slowest": (6, 1)}
# The race that all others are compared with.
BASE = "TPE, uninformed"
#: What the priors that weigh the acquisition are compared with on the same trainings.
PAIRS = {
    label: (
        *(("GP + enqueued, uninformed",) if "GP" in label else ()),
        "TPE + enqueued, uninformed",
        "prior in start-up, uninformed",
        "MISampler, paper",
        "MISampler, context",
    )
    for label in RACES
    if label.startswith("piBO") and "wrong" not in label
}
#: The races of the confirmation, planned before its data were seen.
CONFIRMING = (BASE, "MISampler, paper", "MISampler, context", "prior in start-up, wide")
#: The races that were played on its data when its verdict was known.
AFTERWARDS = (
    "TPE + enqueued, uninformed",
    "prior in start-up, uninformed",
    "wrong prior in start-up, uninformed",
    "GP, uninformed",
    "GP + enqueued, uninformed",
    *(label for label in RACES if label.startswith("piBO")),
)


def play(
    rows: Sequence[Recorded],
    name: str,
    budget: str,
    labels: Iterable[str] = tuple(RACES),
    beside: Iterable[str] = (),
) -> Mapping[str, np.ndarray]:
    """Return what each race found: float64 (worlds, seeds, trials + 1), the test score last.

    World w and seed s are the same trainings for every race.

    Args:
        rows: The recorded trainings.
        name: The data set.
        budget: Its budget.
        labels: The races.
        beside: Races to compare them with, played no more often than any of them is.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    table = Table.of(rows, name, budget)
    shapes = {label: SEARCHES[RACES[label].pace] for label in labels}
    most_worlds, most_seeds = (max(x) for x in zip(*shapes.values(), strict=True))
    for label in beside:
        worlds, seeds = SEARCHES[RACES[label].pace]
        shapes.setdefault(label, (min(worlds, most_worlds), min(seeds, most_seeds)))
    found: dict[str, list[np.ndarray]] = {label: [] for label in shapes}
    for world in range(most_worlds):
        truth = table.truth(np.random.default_rng([1, world]))
        for seed in range(most_seeds):
            scores = table.trained(truth, np.random.default_rng([2, world, seed]))
            for label, (worlds, seeds) in shapes.items():
                if world < worlds and seed < seeds:
                    result = search(label, name, scores, 1000 * world + seed)
                    found[label].append(np.append(result.best, result.test))
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


_WHATS = {"first": 0, "fifth": 4, "final": TRIALS - 1, "test": TRIALS}


def frame_of(
    results: Mapping[tuple[str, str], Mapping[str, np.ndarray]], labels: Iterable[str] | None = None
) -> pd.DataFrame:
    """Return a row a race, data set and budget: the mean best after each trial and on test.

    Args:
        results: What each race found.
        labels: The races that get a row, all by default.
    """

    out = []
    for (name, budget), races in results.items():
        sign = sign_of(name)
        for label in races if labels is None else labels:
            best = {
                f"trial {i + 1}": sign * v
                for i, v in enumerate(races[label][..., :TRIALS].mean((0, 1)))
            }
            row = {"dataset": name, "budget": budget, "race": label}
            row |= _gains(races[label], races[BASE])
            out.append(row | {"test": sign * races[label][..., TRIALS].mean()} | best)
    return pd.DataFrame(out)


def paired(
    results: Mapping[tuple[str, str], Mapping[str, np.ndarray]], labels: Iterable[str]
) -> pd.DataFrame:
    """Return a row a race, rival, data set and budget: gains on the same trainings."""

    return pd.DataFrame(
        [
            {"dataset": name, "budget": budget, "race": label, "rival": rival}
            | _gains(races[label], races[rival])
            for (name, budget), races in results.items()
            for label in labels
            for rival in PAIRS.get(label, ())
        ]
    )


def _gains(found: np.ndarray, rival: np.ndarray) -> dict[str, object]:
    worlds, seeds = (min(a, b) for a, b in zip(found.shape[:2], rival.shape[:2], strict=True))
    gains = found[:worlds, :seeds] - rival[:worlds, :seeds]
    row: dict[str, object] = {"searches": worlds * seeds}
    for what, index in _WHATS.items():
        row[f"{what} gain"], row[f"{what} error"] = mean_and_error(gains[..., index])
    return row
