"""Priors that weigh the acquisition, against the simpler ways to use the same recommendation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks._output import markdown
from benchmarks.races.data import KNOWN

_Z = 1.96
_WHATS = ("first", "fifth", "final", "test")


def of_rivals(pairs: pd.DataFrame, lists: pd.DataFrame) -> str:
    """Return the mean paired gains in standard deviations of lists, unseen data first."""
    matter = lists[lists["lists"] > lists["noise"]]
    scaled = pairs.merge(matter[["dataset", "budget", "lists"]], on=["dataset", "budget"])
    for column in (f"{what} {part}" for what in _WHATS for part in ("gain", "error")):
        scaled[column] /= scaled["lists"]
    parts = [_verdict(scaled[~scaled["dataset"].isin(KNOWN)])]
    for title, known in (("unseen data", False), ("known data", True)):
        some = scaled[scaled["dataset"].isin(KNOWN) == known]
        if some.empty:
            continue
        every = pairs[pairs["dataset"].isin(KNOWN) == known]
        rows = [
            _row(race, rival, group, every[(every["race"] == race) & (every["rival"] == rival)])
            for (race, rival), group in some.groupby(["race", "rival"], sort=False)
        ]
        n = len(some[["dataset", "budget"]].drop_duplicates())
        parts.append(f"### {title}, {n} races where lists matter\n\n{markdown(rows)}")
    return (
        "## A prior in the acquisition against its rivals\n\nMean gains on the same trainings, in "
        "standard deviations of lists.\n\n" + "\n\n".join(parts)
    )


def _verdict(unseen: pd.DataFrame) -> str:
    met = [race for race, group in unseen.groupby("race", sort=False) if meets(group)]
    return f"The criterion of benchmarks/README.md is met by {', '.join(met) or 'none of them'}."


def meets(races: pd.DataFrame) -> bool:
    """Return whether one search is surely ahead of every rival, and surely behind none.

    Args:
        races: Its scaled gains on unseen data, a row a rival, data set and budget.
    """
    rivals = races[races["rival"] != "GP + enqueued, uninformed"].groupby("rival")
    found = [{w: mean_of(group, w) for w in ("final", "test")} for _, group in rivals]
    return any(
        all(x[what][0] > x[what][1] and x[other][0] > -x[other][1] for x in found)
        for what, other in (("final", "test"), ("test", "final"))
    )


def _row(race: str, rival: str, scaled: pd.DataFrame, every: pd.DataFrame) -> dict[str, object]:
    row: dict[str, object] = {"search": race, "against": rival}
    for what in _WHATS:
        mean, half = mean_of(scaled, what)
        row[what] = f"{mean:+.2f} ± {half:.2f}"
    half = _Z * every["test error"]
    row["on test better"] = f"{(every['test gain'] > half).sum()} of {len(every)}"
    row["worse"] = int((every["test gain"] < -half).sum())
    return row


def mean_of(scaled: pd.DataFrame, what: str) -> tuple[float, float]:
    """Return the mean gain over races and the half of its 95 % interval."""
    half = _Z * np.sqrt((scaled[f"{what} error"] ** 2).sum()) / max(1, len(scaled))
    return float(scaled[f"{what} gain"].mean()), float(half)
