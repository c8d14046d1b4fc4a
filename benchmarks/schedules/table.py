"""What the trainings under all schedules say: tables, and verdicts in words."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from benchmarks._output import interval, plus_minus
from benchmarks.papers._epochs_saved import epochs_until
from benchmarks.schedules.schedules import WITHOUT_RATE

DIGITS = {"accuracy": 1, "bits": 3}
Row = dict[str, object]


def prepared(frame: pd.DataFrame) -> pd.DataFrame:
    """Add what a schedule is called, gains (higher is better) and the steps to the level."""
    frame = frame.copy()
    frame["feed"] = frame["feed"].fillna("")
    frame["name"] = [
        f"{schedule}, {feed}" if feed else schedule
        for schedule, feed in zip(frame["schedule"], frame["feed"], strict=True)
    ]
    sign = np.where(frame["metric"] == "bits", -1.0, 1.0)
    frame["gain"] = sign * frame["value"]
    frame["to_level"] = [
        steps * epochs_until([s * v for v in valid], s * level)
        for steps, valid, level, s in zip(
            frame["steps"], frame["valid"], frame["level"], sign, strict=True
        )
    ]
    return frame


def gains_of(one: pd.DataFrame) -> pd.DataFrame:
    """Return gains: a row a seed, a column a rate."""
    return one.pivot(index="seed", columns="rate", values="gain").dropna()


def best_fixed(task: pd.DataFrame) -> pd.Series:
    """Return the gains of the constant rate with the best mean, by seed."""
    gains = gains_of(task[task["name"] == "constant"])
    return gains[gains.mean().idxmax()].rename("best fixed")


def schedules_table(frame: pd.DataFrame) -> list[Row]:
    """Return a row for each schedule on each task."""
    rows = []
    for name, task in frame.groupby("task", sort=False):
        reference, digits = best_fixed(task), DIGITS[task["metric"].iloc[0]]
        for schedule, one in task.groupby("name", sort=False):
            gains = gains_of(one)
            order = gains.mean().sort_values().index
            worst, best = gains[order[0]], gains[order[-1]]
            row: Row = {"task": name, "schedule": schedule}
            row |= {f"{rate:g}": _shown(gains, rate, digits) for rate in (3e-4, 3e-3, 3e-2)}
            free = one["schedule"].iloc[0] in WITHOUT_RATE
            row["no rate"] = _shown(gains, order[0], digits) if free else ""
            row["steps to the level"] = _steps(one.loc[one["rate"] == order[-1], "to_level"])
            row["worst - best"] = plus_minus(worst - best, digits) if len(order) > 1 else ""
            row["its best - best fixed"] = plus_minus((best - reference).dropna(), digits)
            row["its worst - best fixed"] = plus_minus((worst - reference).dropna(), digits)
            rows.append(row)
    return rows


def _shown(gains: pd.DataFrame, rate: float, digits: int) -> str:
    return plus_minus(gains[rate].abs(), digits) if rate in gains else ""


def _steps(values: Iterable[float]) -> str:
    every = list(values)
    reached = [v for v in every if not math.isnan(v)]
    if not reached:
        return "never"
    some = "" if len(reached) == len(every) else f" ({len(reached)} of {len(every)} seeds)"
    return f"{np.mean(reached):.0f}{some}"


def feeds_table(frame: pd.DataFrame) -> tuple[list[Row], dict[str, list[int]]]:
    """Return IHYLL less the loss for each policy, rate and task, paired by seed.

    Also, for each policy, in how many of these IHYLL is better, worse, and neither.
    """
    rows, counts = [], {}
    for (policy, rate), one in frame[frame["feed"] != ""].groupby(["schedule", "rate"], sort=False):
        row: Row = {
            "policy": policy,
            "highest rate": "none" if policy in WITHOUT_RATE else f"{rate:g}",
        }
        found = counts.setdefault(str(policy), [0, 0, 0])
        for name, task in one.groupby("task", sort=False):
            pair = task.pivot(index="seed", columns="feed", values="gain").dropna()
            difference = pair["IHYLL"] - pair["loss"]
            row[str(name)] = plus_minus(difference, DIGITS[task["metric"].iloc[0]])
            mean, half = interval(difference)
            found[0 if mean > half else 1 if -mean > half else 2] += 1
        rows.append(row)
    return rows, counts


def choices_table(frame: pd.DataFrame) -> list[Row]:
    """Return on which tasks each schedule is within noise of the best fixed rate, or better.

    Within noise: the 95 % interval of the paired difference does not lie below 0. As wide intervals
    pass too, the lowest mean over tasks and rates stands beside it.
    """
    tasks = dict(list(frame.groupby("task", sort=False)))
    references = {name: best_fixed(task) for name, task in tasks.items()}
    rows = []
    for schedule, one in frame.groupby("name", sort=False):
        holds: dict[float, list[str]] = {}
        lowest = {"accuracy": math.inf, "bits": math.inf}
        for (rate, name), part in one.groupby(["rate", "task"], sort=False):
            mean, half = interval((gains_of(part)[rate] - references[name]).dropna())
            names = holds.setdefault(float(rate), [])
            if mean + half >= 0:
                names.append(str(name))
            metric = tasks[name]["metric"].iloc[0]
            lowest[metric] = min(lowest[metric], mean)
        every = [name for name in references if all(name in names for names in holds.values())]
        row: Row = {"schedule": schedule}
        row |= {
            f"{rate:g}": _listed(holds[rate], len(references)) if rate in holds else ""
            for rate in (3e-4, 3e-3, 3e-2)
        }
        row["whatever the rate"] = _listed(every, len(references))
        row |= {
            f"lowest mean, {metric}": f"{value:.{DIGITS[metric]}f}" if value < math.inf else ""
            for metric, value in lowest.items()
        }
        rows.append(row)
    return rows


def _listed(names: list[str], n: int) -> str:
    return "all" if len(names) == n else ", ".join(names) or "none"


def correlation(frame: pd.DataFrame) -> tuple[float, float, float]:
    """Return, over the epochs of constant rates: how IHYLL and the loss's bound go together.

    Rank correlation within a training (mean over trainings that learn), the share of epochs in
    which the bound exceeds IHYLL, and the share in which the bound is not above 0.
    """
    ranks, above, below = [], [], []
    for row in frame[frame["name"] == "constant"].to_dict("records"):
        pair = pd.DataFrame({"ihyll": row["IHYLL"], "loss": row["loss"]}, dtype=float).dropna()
        if pair["loss"].max() > 0.1:
            ranks.append(pair.corr(method="spearman").iloc[0, 1])
        above += list(pair["loss"] > pair["ihyll"])
        below += list(pair["loss"] <= 0)
    rank = float(np.mean(ranks)) if ranks else math.nan
    return rank, float(np.mean(above)), float(np.mean(below))
