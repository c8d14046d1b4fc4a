"""Lists at four times the epochs: the rules' own against a sample of the uninformed ones.

    python -m benchmarks.races.longer [--data chorales ...] [--seconds 3600] [--summary]

A training at a constant rate begins as the shorter ones do: its first quarter is the larger budget
of the races, its first sixteenth the smaller.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from benchmarks._output import markdown
from benchmarks.races.data import CONFIRMATION, HELD_OUT, KNOWN, TRAININGS
from benchmarks.races.record import TABLE, Recorded, Recordings
from benchmarks.races.rules import RULES, lists_of
from benchmarks.races.spaces import table_space
from benchmarks.races.worlds import sign_of
from optuna_mi.search_space import format_dilations

LONG_TABLE = TABLE.with_name("races-long-table.csv")
LONG = TABLE.with_name("races-long.csv")
#: Times the epochs of the races' larger budget.
TIMES = 4
#: Shares of these trainings that are the budgets.
BUDGETS = {"four times": 1.0, "large": 1 / TIMES, "small": 1 / (4 * TIMES)}
# Uninformed lists of a data set, every fourth of them trained twice, as the rules' lists are. The
# two on which the rules were designed have more: 16 lists, and three trainings a rule's.
_SAMPLE, _REPEATED, _REPLICATES = 12, 4, 2
_SAMPLE_KNOWN, _REPLICATES_KNOWN = 16, 3
_DATA = (*HELD_OUT, *CONFIRMATION, "pdigits", "ptb-char")

Scores = npt.NDArray[np.float64]


def sample_of(name: str) -> list[tuple[int, ...]]:
    """Return some of the uninformed lists, drawn once for all."""
    lists = sorted(set(table_space(name, "uninformed").lists.values()))
    drawn = np.random.default_rng(4).permutation(len(lists))
    drawn = drawn[: _SAMPLE_KNOWN if name in KNOWN else _SAMPLE]
    return [lists[i] for i in drawn]


def wanted_of(name: str, rules: Sequence[str]) -> list[tuple[str, tuple[int, ...], int]]:
    """Return what is to be trained on a data set."""
    own = [x for rule, x in lists_of(name).items() if rule in rules]
    sample = sample_of(name)
    replicates = range(_REPLICATES_KNOWN if name in KNOWN else _REPLICATES)
    found = [(name, x, r) for r in replicates for x in own]
    found += [(name, x, 0) for x in sample]
    found += [(name, x, 1) for x in sample[::_REPEATED]]
    return list(dict.fromkeys(found))


def scores_of(rows: Sequence[Recorded], name: str, budget: str) -> dict[tuple[int, ...], Scores]:
    """Return validation and test score of each list's best epochs, (trainings, 2); more is better.

    Args:
        rows: Trainings at four times the epochs.
        name: The data set.
        budget: One of `BUDGETS`.
    """
    sign = sign_of(name)
    found = defaultdict(list)
    for row in rows:
        if row.dataset == name:
            epochs = round(BUDGETS[budget] * len(row.valid))
            valid = sign * np.array(row.valid[:epochs])
            best = int(valid.argmax())
            found[row.dilations].append((valid[best], sign * row.test[best]))
    return {dilations: np.array(values) for dilations, values in found.items()}


def compare(rows: Sequence[Recorded], name: str, budget: str) -> list[dict[str, object]]:
    """Return what each rule's list beats, and how far it is from the mean of the sample.

    Everything is of the test scores; differences are in the data set's own unit, more is better.
    """
    scores = scores_of(rows, name, budget)
    sample = [x for x in sample_of(name) if x in scores]
    residuals = np.concatenate(
        [(v - v.mean(0)) * math.sqrt(len(v) / (len(v) - 1)) for v in scores.values() if len(v) > 1]
    )[:, 1]
    theirs = np.array([scores[x][:, 1].mean() for x in sample])
    noise = float(residuals.std())
    rng = np.random.default_rng(5)
    found: list[dict[str, object]] = []
    for rule, dilations in lists_of(name).items():
        if dilations not in scores:
            continue
        mine = scores[dilations][:, 1]
        drawn = [
            _share(
                mine.mean() + rng.choice(residuals, len(mine)).mean(),
                (theirs + _resampled(residuals, scores, sample, rng))[
                    rng.integers(0, len(sample), len(sample))
                ],
            )
            for _ in range(1000)
        ]
        low, high = np.quantile(drawn, [0.025, 0.975])
        gain = float(mine.mean() - theirs.mean())
        found.append(
            {
                "dataset": name,
                "budget": budget,
                "rule": rule,
                "dilations": format_dilations(dilations),
                "beats": _share(mine.mean(), theirs),
                "low": low,
                "high": high,
                "gain": gain,
                "gain error": noise * math.sqrt(1 / len(mine) + 1 / len(sample)),
                "trainings": len(mine),
                "lists": len(sample),
                "SD of lists": theirs.std(ddof=1),
                "noise": noise,
            }
        )
    return found


def _share(mine: float, theirs: Scores) -> float:
    return float((mine > theirs).mean() + 0.5 * (mine == theirs).mean())


def _resampled(
    residuals: Scores,
    scores: dict[tuple[int, ...], Scores],
    sample: Sequence[tuple[int, ...]],
    rng: np.random.Generator,
) -> Scores:
    return np.array([rng.choice(residuals, len(scores[x])).mean() for x in sample])


def text(found: pd.DataFrame) -> str:
    """Return a table a budget: a row a data set, a column a rule."""
    parts = []
    for budget, group in found.groupby("budget", sort=False):
        rows = []
        for name, some in group.groupby("dataset", sort=False):
            row: dict[str, object] = {"data set": name}
            for _, r in some.iterrows():
                row[str(r["rule"])] = (
                    f"{r['dilations']}: {r['beats']:.0%} ({r['low']:.0%} to {r['high']:.0%}), "
                    f"{r['gain']:+.4f} ± {1.96 * r['gain error']:.4f}"
                )
            rows.append(row)
        parts.append(f"### {budget}\n\n" + markdown(rows))
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="*", default=list(_DATA), choices=list(TRAININGS))
    parser.add_argument("--rules", nargs="*", default=list(RULES), choices=RULES)
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin nothing after it")
    parser.add_argument("--table", type=Path, default=LONG_TABLE)
    parser.add_argument("--out", type=Path, default=LONG)
    parser.add_argument("--summary", action="store_true", help="train nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recordings = Recordings(arguments.table, TIMES)
    wanted = [key for name in arguments.data for key in wanted_of(name, arguments.rules)]
    if not arguments.summary and not recordings.add(wanted, arguments.seconds):
        print(f"{sum(k not in recordings.rows for k in wanted)} trainings are left: run it again")
    rows = list(recordings.rows.values())
    names = [n for n in arguments.data if any(row.dataset == n for row in rows)]
    frame = pd.DataFrame([r for b in BUDGETS for n in names for r in compare(rows, n, b)])
    frame.to_csv(arguments.out, index=False, float_format="%.5g")
    print(text(frame))


if __name__ == "__main__":
    main()
