"""Tables of the searches, and what they say."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks._experiment import Request
from benchmarks._output import interval, markdown, plus_minus
from benchmarks.worth._data import describe

OURS = ("MISampler", "MIGridSampler")
_GOAL = 1 / 3


def text(frame: pd.DataFrame, request: Request) -> str:
    """Return the summary in Markdown."""
    races = pd.DataFrame(_races(frame))
    parts = [_conditions(frame, request)]
    parts += ["## Does the score depend on the dilations?", _spread_text(frame)]
    parts += ["## Best so far", _best_table(frame)]
    parts += ["## Trials to reach what another search ends with", _race_text(races)]
    return "\n\n".join(parts)


def curves(group: pd.DataFrame) -> np.ndarray:
    """Return best-so-far of a group of searches: float64 (searches, trials)."""
    return np.array(group["best"].tolist(), dtype=float)


def label(space: str, sampler: str) -> str:
    """Return how a search is called in tables and figures."""
    return sampler if space == "ours" else f"{sampler}, {space}"


def _conditions(frame: pd.DataFrame, request: Request) -> str:
    rows = []
    for name, group in frame.groupby("dataset", sort=False):
        rows.append(
            {
                "data set": f"{name}: {describe(str(name))}",
                "training": group["training"].iloc[0],
                "score": group["metric"].iloc[0],
                "seeds": group["seed"].nunique(),
            }
        )
    return (
        f"{frame['trials'].max()} trials a search; training is cell-hidden/epochs x batches/"
        "batch size and window/learning rate (Adam, constant), residual connections, no pruning. "
        "Spaces: *ours*; *doubling* 1, 2, 4, … with 1 layer to as many as the window holds; "
        "*uninformed*: layers from our fewest to doubling's most, largest dilation a power of two "
        "up to the window, shape log-spaced, crowded near or crowded far. Ours may be no deeper "
        "than doubling's deepest. TPE and GP, MISampler's TPE too, start with 5 random trials. "
        f"Every list is trained once for each of {frame['replicates'].max()} training seeds, and "
        "the searches look it up; a search uses one of these seeds throughout, in all spaces the "
        "same. MIGridSampler's order is fixed by its space: its interval shows the training seeds "
        "alone.\n\n"
        + (
            "Reductions: these are short trainings of small networks, not converged ones.\n\n"
            if request.budget == "small"
            else ""
        )
        + markdown(rows)
    )


def scores(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the score of every list trained: dataset, list, replicate, value, layers."""
    rows = [
        {"dataset": r.dataset, "list": name, "replicate": r.seed % r.replicates, "value": value}
        for r in frame.itertuples()
        for name, value in zip(r.lists, r.values_, strict=True)
    ]
    table = pd.DataFrame(rows).drop_duplicates(["dataset", "list", "replicate"])
    return table.assign(layers=table["list"].str.count(",") + 1)


def spread(table: pd.DataFrame) -> dict[str, float]:
    """Return standard deviations of one data set's scores.

    Over lists (less what the training seed adds to a mean), over lists of the same depth, and over
    training seeds, a seed's shift of all lists alike taken out: a search has one seed throughout.
    """
    wide = table.pivot(index="list", columns="replicate", values="value").dropna()
    if wide.shape[0] < 3 or wide.shape[1] < 2:
        return {"n": wide.shape[0], "lists": np.nan, "depth": np.nan, "seeds": np.nan}
    n, k = wide.shape
    rest = wide.sub(wide.mean(axis=1), axis=0) - (wide.mean(axis=0) - wide.to_numpy().mean())
    noise = float((rest.to_numpy() ** 2).sum() / ((n - 1) * (k - 1)))
    means = wide.mean(axis=1)
    layers = means.index.str.count(",")
    within = means - means.groupby(layers).transform("mean")
    n_depths = layers.nunique()
    same_depth = (within**2).sum() / (n - n_depths) if n > n_depths else np.nan
    return {
        "n": n,
        "lists": float(np.sqrt(max(means.var(ddof=1) - noise / k, 0))),
        "depth": float(np.sqrt(max(same_depth - noise / k, 0))),
        "seeds": float(np.sqrt(noise)),
    }


def _spread_text(frame: pd.DataFrame) -> str:
    table = scores(frame.rename(columns={"values": "values_"}))
    rows, weak, unknown = [], [], []
    for name, group in table.groupby("dataset", sort=False):
        found = spread(group)
        ratio = found["depth"] / found["seeds"] if found["seeds"] else np.nan
        if np.isnan(ratio):
            unknown.append(str(name))
        elif ratio <= 1:
            weak.append(str(name))
        rows.append(
            {
                "data set": name,
                "lists": int(found["n"]),
                "SD over lists": f"{found['lists']:.4f}",
                "SD over lists of one depth": f"{found['depth']:.4f}",
                "SD over training seeds": f"{found['seeds']:.4f}",
                "one depth / seeds": f"{ratio:.1f}",
            }
        )
    verdict = (
        f"Not on {', '.join(weak)}: there the training seed moves the score as much as where the "
        "dilations of a network of given depth lie, and its races below are decided by chance or "
        "depth."
        if weak
        else "Where not said otherwise, the dilations of a network of given depth move the score "
        "more than the training seed does."
    )
    if unknown:
        verdict += f" Not known on {', '.join(unknown)}: too few lists were trained twice."
    return markdown(rows) + "\n\n" + verdict


def _best_table(frame: pd.DataFrame) -> str:
    n = int(frame["trials"].max())
    shown = sorted({1, max(1, n // 3), n})
    rows = []
    for (name, space, sampler), group in frame.groupby(["dataset", "space", "sampler"], sort=False):
        best = curves(group)
        rows.append(
            {"data set": name, "search": label(space, sampler)}
            | {f"trial {t}": plus_minus(best[:, t - 1], 4) for t in shown}
            | {
                "test of the chosen": plus_minus(group["test"], 4),
                "lists": f"{group['distinct'].mean():.0f}",
                "layers": f"{group['layers'].mean():.1f}",
                "parameters": f"{group['parameters'].mean():,.0f}",
                "CPU s": f"{group['train_s'].mean():.0f}",
            }
        )
    return (
        "Mean and 95 % interval over seeds; *lists* is how many different ones a search trained, "
        "*layers* and *parameters* are means over its trials, *CPU s* is the training time of its "
        "trials (repeated lists counted again).\n\n" + markdown(rows)
    )


def first_reach(mean: np.ndarray, target: float, sign: float) -> float:
    """Return the first trial, from 1, at which a mean curve is as good as the target, or nan.

    Example:
        >>> first_reach(np.array([0.1, 0.5, 0.5]), 0.5, 1.0)
        2.0
    """
    reached = np.flatnonzero(sign * mean >= sign * target - 1e-12)
    return float(reached[0] + 1) if reached.size else float("nan")


def _races(frame: pd.DataFrame) -> Iterator[dict[str, object]]:
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
                yield {
                    "dataset": name,
                    "ours": mine,
                    "space": space,
                    "against": sampler,
                    "final": target,
                    "own": first_reach(curves(b).mean(axis=0), target, sign),
                    "trials": first_reach(curves(a).mean(axis=0), target, sign),
                    "gain": interval(sign * (a["value"] - b["value"])),
                    "test": interval(sign * (a["test"] - b["test"])),
                }


def _race_text(races: pd.DataFrame) -> str:
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
        "half of the 95 % interval; above 0 ours is better. The validation score of a search's "
        "best is selected; the test score is not.\n\n"
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
    better = sum(mean - half > 0 for mean, half in group["test"])
    worse = sum(mean + half < 0 for mean, half in group["test"])
    claim = "holds" if third == len(group) else "does not hold" if third == 0 else "holds in part"
    return (
        f"{mine} against the {space} space: the goal {claim}: a third of the trials or fewer "
        f"against {third} of {len(group)} searches; {reached} of {len(group)} are reached at all. "
        f"On test its choice is better in {better}, worse in {worse}, undecided in "
        f"{len(group) - better - worse}."
    )


def _signed(found: tuple[float, float]) -> str:
    mean, half = found
    return f"{mean:+.4f}" if np.isnan(half) else f"{mean:+.4f} ± {half:.4f}"
