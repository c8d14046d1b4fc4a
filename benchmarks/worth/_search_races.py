"""Trials our searches need to reach what other searches end with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks._output import interval, markdown

OURS = ("MISampler", "MIGridSampler")
_GOAL = 1 / 3


def curves(group: pd.DataFrame) -> np.ndarray:
    """Return best-so-far of a group of searches: float64 (searches, trials)."""
    return np.array(group["best"].tolist(), dtype=float)


def trained(group: pd.DataFrame, *, ordered: bool = False) -> list[str]:
    """Return what each search trained: the training seed and the lists, as a set or in order."""
    return [
        f"{row.seed % row.replicates} {row.lists if ordered else sorted(set(row.lists))}"
        for row in group.reset_index().itertuples()
    ]


def distinct(group: pd.DataFrame, *, ordered: bool = False) -> pd.DataFrame:
    """Return one search of those that trained the same lists with the same training seed.

    A grid's seeds differ by the training seed alone, and so do, in the end, those of any search
    that gets through all of a small space; counted ten times, two trainings would look like ten.
    """
    return group[~pd.Series(trained(group, ordered=ordered), index=group.index).duplicated()]


def label(space: str, sampler: str) -> str:
    """Return how a search is called in tables and figures."""
    return sampler if space == "ours" else f"{sampler}, {space}"


def first_reach(mean: np.ndarray, target: float, sign: float) -> float:
    """Return the first trial, from 1, at which a mean curve is as good as the target, or nan.

    Example:
        >>> first_reach(np.array([0.1, 0.5, 0.5]), 0.5, 1.0)
        2.0
    """
    reached = np.flatnonzero(sign * mean >= sign * target - 1e-12)
    return float(reached[0] + 1) if reached.size else float("nan")


def races_of(frame: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Yield a row for each of our samplers against each other search on each data set."""
    for name, data in frame.groupby("dataset", sort=False):
        sign = 1.0 if data["direction"].iloc[0] == "maximize" else -1.0
        searches = {key: g.set_index("seed") for key, g in data.groupby(["space", "sampler"])}
        for mine in OURS:
            ours = searches.get(("ours", mine))
            for (space, sampler), theirs in searches.items():
                if space == "ours" or ours is None:
                    continue
                seeds = ours.index.intersection(theirs.index)
                a, b = ours.loc[seeds], theirs.loc[seeds]
                target = float(b["value"].mean())
                pairs = list(zip(trained(a), trained(b), strict=True))
                one = ~pd.Series(pairs, index=seeds).duplicated()
                gain, test = (sign * (a[c] - b[c]) for c in ("value", "test"))
                by_training = test.groupby(seeds % a["replicates"].iloc[0]).mean()
                yield {
                    "dataset": name,
                    "ours": mine,
                    "space": space,
                    "against": sampler,
                    "final": target,
                    "own": first_reach(curves(b).mean(axis=0), target, sign),
                    "trials": first_reach(curves(a).mean(axis=0), target, sign),
                    "gain": gain[one].tolist(),
                    "test": test[one].tolist(),
                    # no claim where one training seed says this and another that
                    "agree": by_training.min() * by_training.max() > 0,
                }


def race_text(races: pd.DataFrame) -> str:
    rows = []
    for race in races.itertuples():
        reached = not np.isnan(race.trials)
        share = race.trials / race.own
        rows.append(
            {
                "data set": race.dataset,
                "ours": race.ours,
                "against": f"{race.against}, {race.space}",
                "it ends with": f"{race.final:.4f}",
                "reached by it at": f"{race.own:.0f}",
                "by ours at": f"{race.trials:.0f}" if reached else "not",
                "share": f"{share:.2f}" if reached else "",
                "at most a third": "yes" if share <= _GOAL else "no",
                "final gain": _signed(race.gain),
                "test gain": _signed(race.test),
            }
        )
    notes = [_verdict(races, mine, space) for mine in OURS for space in races["space"].unique()]
    return (
        "Trials at which the mean best-so-far over seeds is as good as the other search's mean "
        "final best, for that search itself and for ours. Gains are paired over seeds, mean ± "
        "half of the 95 % interval over different searches, or the gains of the training seeds "
        "themselves where searches differ by these alone; above 0 ours is better. The validation "
        "score of a search's best is selected; the test score is not. *Better* and *worse* below "
        "ask for an interval beyond 0 and the same sign with every training seed.\n\n"
        + markdown(rows)
        + "\n\n"
        + "\n".join(f"- {note}" for note in notes)
    )


def _verdict(races: pd.DataFrame, mine: str, space: str) -> str:
    group = races[(races["ours"] == mine) & (races["space"] == space)]
    if group.empty:
        return f"{mine} against the {space} space: not run."
    third = (group["trials"] / group["own"] <= _GOAL).sum()
    reached = group["trials"].notna().sum()
    intervals = [interval(t) if len(t) > 2 else (0.0, np.nan) for t in group["test"]]
    tests = list(zip(intervals, group["agree"], strict=True))
    better = sum(agree and mean - half > 0 for (mean, half), agree in tests)
    worse = sum(agree and mean + half < 0 for (mean, half), agree in tests)
    claim = "holds" if third == len(group) else "does not hold" if third == 0 else "holds in part"
    return (
        f"{mine} against the {space} space: the goal {claim}: a third of the trials or fewer "
        f"against {third} of {len(group)} searches; {reached} of {len(group)} are reached at all. "
        f"On test its choice is better in {better}, worse in {worse}, undecided in "
        f"{len(group) - better - worse}."
    )


def _signed(found: list[float]) -> str:
    if len(found) < 3:
        return "; ".join(f"{value:+.4f}" for value in found)
    mean, half = interval(found)
    return f"{mean:+.4f} ± {half:.4f}"
