"""The tables of the races, and which of the goals they meet."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks._output import markdown
from benchmarks.races.data import CONFIRMATION, HELD_OUT
from benchmarks.races.play import BASE, CONFIRMING
from benchmarks.races.worlds import sign_of

_OURS = ("MISampler, paper", "MISampler, context")
_Z = 1.96
_NEW = (*HELD_OUT, *CONFIRMATION)


def text(races: pd.DataFrame, lists: pd.DataFrame) -> str:
    """Return all tables as Markdown."""
    first, new = (_of_confirmation(races, x) for x in (False, True))
    first_lists, new_lists = (_of_confirmation(lists, x) for x in (False, True))
    parts = []
    if len(first):
        parts += [_lists(first_lists), _mean_gains(first, first_lists), _goals(first, first_lists)]
    if len(new):
        parts.append(confirmation(new, new_lists))
    for (name, budget), group in races.groupby(["dataset", "budget"], sort=False):
        parts.append(f"### {name}, {budget} budget\n\n" + _table(group, str(name)))
    return "\n\n".join(parts)


def _of_confirmation(frame: pd.DataFrame, wanted: bool) -> pd.DataFrame:
    return frame[frame["dataset"].isin(CONFIRMATION) == wanted]


def confirmation(races: pd.DataFrame, lists: pd.DataFrame) -> str:
    """Return what the wide space did on data that no earlier race had seen, and the verdict."""
    matter = lists[lists["lists"] > lists["noise"]]
    scaled = _scaled(races, matter)
    rows, gains, losses = [], {}, {}
    for label in CONFIRMING:
        some, all_of = scaled[scaled["race"] == label], races[races["race"] == label]
        row: dict[str, object] = {"search": label}
        for what in ("first", "fifth", "final", "test"):
            half = _Z * np.sqrt((some[f"{what} error"] ** 2).sum()) / max(1, len(some))
            row[what] = f"{some[f'{what} gain'].mean():+.2f} ± {half:.2f}"
        worse = all_of["test gain"] + _Z * all_of["test error"] < 0
        better = all_of["test gain"] - _Z * all_of["test error"] > 0
        row["on test better"], row["worse"] = f"{better.sum()} of {len(all_of)}", int(worse.sum())
        gains[label], losses[label] = some["test gain"].mean(), int(worse.sum())
        rows.append(row)
    paper, wide = CONFIRMING[1], CONFIRMING[3]
    met = gains[wide] >= gains[paper] and losses[wide] <= losses[paper]
    return (
        "## Confirmation on data that no earlier race had seen\n\n"
        f"{_lists(lists)}\n\nMean gains in standard deviations of lists over the {len(matter)} of "
        f"{len(lists)} where lists matter, and races of all {len(lists)}.\n\n{markdown(rows)}\n\n"
        f"The criterion of benchmarks/README.md is {'met' if met else 'not met'}: on test wide "
        f"{gains[wide]:+.3f}, the paper's {gains[paper]:+.3f}; worse in {losses[wide]} races, the "
        f"paper's in {losses[paper]}."
    )


def _lists(lists: pd.DataFrame) -> str:
    rows = [
        {
            "data set": row["dataset"],
            "part in the making": "none" if row["dataset"] in _NEW else "some",
            "budget": row["budget"],
            "SD over lists": f"{row['lists']:.4f}",
            "of a training": f"{row['noise']:.4f}",
            **{
                f"{kind} beats": f"{row[kind]:.0%} ({row[kind + ' low']:.0%} to "
                f"{row[kind + ' high']:.0%})"
                for kind in ("paper", "context")
            },
        }
        for row in lists.to_dict("records")
    ]
    return (
        "Share of the uninformed space's lists that the recommended list beats on test, with a "
        "95 % interval by a bootstrap over lists and trainings.\n\n" + markdown(rows)
    )


def _scaled(races: pd.DataFrame, lists: pd.DataFrame) -> pd.DataFrame:
    """Put gains in standard deviations over uninformed lists."""
    joined = races.merge(lists[["dataset", "budget", "lists"]], on=["dataset", "budget"])
    for what in ("first", "fifth", "final", "test"):
        for part in ("gain", "error"):
            joined[f"{what} {part}"] /= joined["lists"]
    return joined


def _mean_gains(races: pd.DataFrame, lists: pd.DataFrame) -> str:
    frame = _scaled(races, lists[lists["lists"] > lists["noise"]])
    out = []
    for label in frame["race"].unique():
        row: dict[str, object] = {"search": label}
        for part, names in (("held out", True), ("known", False)):
            every = frame[frame["dataset"].isin(HELD_OUT) == names]
            some = every[every["race"] == label]
            # A slow sampler is not played everywhere; its mean is then one of fewer races.
            n, most = len(some), len(every[["dataset", "budget"]].drop_duplicates())
            for what in ("first", "fifth", "final", "test"):
                half = _Z * np.sqrt((some[f"{what} error"] ** 2).sum()) / max(1, n)
                value = f"{some[f'{what} gain'].mean():+.2f} ± {half:.2f}" if n else "–"
                row[f"{part}: {what}"] = value + (f" ({n} of {most})" if 0 < n < most else "")
        out.append(row)
    return (
        f'Gain over "{BASE}" in standard deviations of uninformed lists, validation score of the '
        "best after one, five and all trials, and test score of the last best; means over data "
        "sets and budgets where lists matter.\n\n" + markdown(out)
    )


def _goals(races: pd.DataFrame, lists: pd.DataFrame) -> str:
    matter = lists[lists["lists"] > lists["noise"]]
    notes = [
        f"Lists matter (their spread exceeds a training's noise) in {len(matter)} of {len(lists)}."
    ]
    for kind in ("paper", "context"):
        met = int((matter[kind] >= 0.75).sum())
        notes.append(
            f"Recommended list, {kind}: beats 75 % of uninformed lists in {met} of {len(matter)} "
            "where they matter (goal: three quarters)."
        )
    for label in _OURS:
        third, n, worse, better = 0, 0, 0, 0
        for (name, _), group in races.groupby(["dataset", "budget"]):
            indexed = group.set_index("race")
            if label not in indexed.index:
                continue
            own, reached = reach(indexed, BASE, str(name)), reach(indexed, label, str(name))
            mine = indexed.loc[label]
            n += 1
            third += reached <= own / 3
            worse += mine["test gain"] + _Z * mine["test error"] < 0
            better += mine["test gain"] - _Z * mine["test error"] > 0
        notes.append(
            f"{label}: reaches the uninformed TPE's final best in a third of its trials in {third} "
            f"of {n} races (goal: half); on test better in {better}, worse in {worse} (goal: none)."
        )
    return "\n".join(f"- {note}" for note in notes)


def reach(indexed: pd.DataFrame, label: str, name: str) -> float:
    """Return the first trial at which the mean best is as good as the base race's last, or nan."""
    trials = [c for c in indexed.columns if c.startswith("trial ")]
    sign = sign_of(name)
    target = sign * indexed.loc[BASE, trials[-1]]
    good = np.flatnonzero(sign * indexed.loc[label, trials].to_numpy(float) >= target - 1e-12)
    return float(good[0] + 1) if good.size else float("nan")


def _table(group: pd.DataFrame, name: str) -> str:
    indexed = group.set_index("race")
    rows = []
    for label, row in indexed.iterrows():
        reached = reach(indexed, str(label), name)
        rows.append(
            {
                "search": label,
                "first": f"{row['trial 1']:.4f}",
                "fifth": f"{row['trial 5']:.4f}",
                "last": f"{row['trial 15']:.4f}",
                "gain": f"{row['final gain']:+.4f} ± {_Z * row['final error']:.4f}",
                "test": f"{row['test']:.4f}",
                "test gain": f"{row['test gain']:+.4f} ± {_Z * row['test error']:.4f}",
                "as good as TPE's last at": "never" if np.isnan(reached) else f"{reached:.0f}",
            }
        )
    return markdown(rows)
