"""How many epochs a run needs for a level of accuracy, and what share of another's that is."""

from __future__ import annotations

import math

import pandas as pd

from benchmarks._output import interval, plus_minus


def by_epoch(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row an epoch of a run, with columns named as the lists are."""
    lists = [c for c in frame if frame[c].map(lambda v: isinstance(v, list)).any()]
    parts = [
        pd.DataFrame({c: row[c] for c in lists if isinstance(row[c], list)}).assign(
            run=row["run"], seed=row["seed"], epoch=range(int(row["epochs"]))
        )
        for row in frame.to_dict("records")
    ]
    return pd.concat(parts, ignore_index=True)


def epochs_until(accuracy: list[float], target: float) -> float:
    """Return after how many epochs a run reaches the target; nan if it never does.

    Example:
        >>> epochs_until([90.0, 95.0, 94.0], 95.0)
        2.0
    """
    return next((float(n) for n, a in enumerate(accuracy, start=1) if a >= target), math.nan)


def ratios(frame: pd.DataFrame, run_name: str, reference: str) -> list[float]:
    """Return epochs to the reference's best accuracy over the epochs that the reference took.

    One value a seed that both have; nan where the run never gets there.
    """
    accuracy = frame.set_index(["run", "seed"])["accuracy"]
    found = []
    for seed in frame.loc[frame["run"] == run_name, "seed"]:
        if (reference, seed) in accuracy.index:
            theirs = accuracy[reference, seed]
            target = max(theirs)
            ours = epochs_until(accuracy[run_name, seed], target)
            found.append(ours / epochs_until(theirs, target))
    return found


def ratio_text(values: list[float]) -> str:
    reached = [v for v in values if not math.isnan(v)]
    if not reached:
        return f"never ({len(values)} seeds)"
    some = "" if len(reached) == len(values) else f" (in {len(reached)} of {len(values)} seeds)"
    return plus_minus(reached, 2) + some


def verdict(values: list[float]) -> str:
    """Say whether a run needs about half the epochs."""
    missed = sum(map(math.isnan, values))
    mean, half = interval([v for v in values if not math.isnan(v)])
    if missed:
        return f"not reached in {missed} of {len(values)} seeds"
    if len(values) < 3:
        return "too few seeds to say"
    ratio = f"ratio {mean:.2f} ± {half:.2f}"
    if mean + half >= 1:
        return f"no saving beyond the interval ({ratio})"
    if mean + half < 0.5:
        return f"fewer than half the epochs ({ratio})"
    return f"fewer epochs, {'about half' if mean - half <= 0.5 else 'more than half'} ({ratio})"
