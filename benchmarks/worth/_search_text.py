"""Tables of the searches, and what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks._experiment import Request
from benchmarks._output import markdown, plus_minus
from benchmarks.worth._data import describe
from benchmarks.worth._search_races import curves, distinct, label, race_text, races_of
from benchmarks.worth._search_spread import spread_text


def text(frame: pd.DataFrame, request: Request) -> str:
    """Return the summary in Markdown."""
    races = pd.DataFrame(races_of(frame))
    parts = [_conditions(frame, request)]
    parts += ["## Does the score depend on the dilations?", spread_text(frame)]
    parts += ["## What the spaces hold", _content_table(frame)]
    parts += ["## Best so far", _best_table(frame)]
    parts += ["## Trials to reach what another search ends with", race_text(races)]
    return "\n\n".join(parts)


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
        "same. So the intervals are those of the search given these trainings, and say nothing of "
        "other trainings. MIGridSampler's order is fixed by its space, and most searches get "
        "through all of the doubling space: searches that trained the same lists with the same "
        "training seed count once, and where only the training seeds are left their scores stand "
        "in the tables.\n\n"
        + (
            "Reductions: these are short trainings of small networks, not converged ones.\n\n"
            if request.budget == "small"
            else ""
        )
        + markdown(rows)
    )


def _content_table(frame: pd.DataFrame) -> str:
    """Return scores of lists nobody has chosen: drawn at random, our grid's, the recommended."""
    rows = []
    for name, data in frame.groupby("dataset", sort=False):
        sign = 1.0 if data["direction"].iloc[0] == "maximize" else -1.0
        searches = {key: g.set_index("seed") for key, g in data.groupby(["space", "sampler"])}
        row: dict[str, object] = {"data set": name}
        random = searches.get(("uninformed", "Random"))
        ours = searches.get(("ours", "MISampler"))
        if random is None or ours is None:
            continue
        seeds = ours.index.intersection(random.index)
        first = ours.loc[seeds, "values"].str[0]
        row["recommended list"] = ours["lists"].iloc[0][0]
        row["its scores"] = "; ".join(f"{v:.4f}" for v in first.iloc[: _n_trainings(ours)])
        for key, what in (
            (("uninformed", "Random"), "uninformed, at random"),
            (("ours", "MIGridSampler"), "our grid"),
        ):
            if key in searches:
                row[what] = f"{np.mean([np.mean(v) for v in searches[key]['values']]):.4f}"
        beaten = [
            np.mean(sign * np.array(values) < sign * own)
            for values, own in zip(random.loc[seeds, "values"], first, strict=True)
        ]
        row["recommended beats"] = f"{100 * np.mean(beaten):.0f} %"
        rows.append(row)
    if not rows:
        return "Not known yet."
    return (
        "Mean scores of lists that no search has chosen by their scores: the recommended one, "
        "our grid's, and those that Random draws from the uninformed space, of which the "
        "recommended list beats a share, trained with the same seed.\n\n" + markdown(rows)
    )


def _n_trainings(searches: pd.DataFrame) -> int:
    return min(int(searches["replicates"].iloc[0]), len(searches))


def _over_seeds(values: np.ndarray | pd.Series, n_trainings: int) -> str:
    if len(values) > n_trainings:
        return plus_minus(values, 4)
    return "; ".join(f"{value:.4f}" for value in values)


def _best_table(frame: pd.DataFrame) -> str:
    n = int(frame["trials"].max())
    shown = sorted({1, max(1, n // 3)})
    rows = []
    for (name, space, sampler), group in frame.groupby(["dataset", "space", "sampler"], sort=False):
        once, n_trainings = distinct(group), _n_trainings(group)
        best = curves(distinct(group, ordered=True))
        rows.append(
            {"data set": name, "search": label(space, sampler)}
            | {f"trial {t}": _over_seeds(best[:, t - 1], n_trainings) for t in shown}
            | {f"trial {n}": _over_seeds(once["value"], n_trainings)}
            | {
                "test of the chosen": _over_seeds(once["test"], n_trainings),
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
