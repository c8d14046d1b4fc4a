"""Lists at four times the epochs: the rules' own against a sample of the uninformed ones.

    python -m benchmarks.races.longer [--data chorales ...] [--seconds 3600] [--summary]

A training at a constant rate begins as the shorter ones do: its first quarter is the larger budget
of the races, its first sixteenth the smaller.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.stats
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
#: Budgets by how many times the epochs of the larger one of the races they are.
BUDGETS = {"four times": TIMES, "large": 1.0, "small": 0.25}
# Uninformed lists of a data set, every fourth of them trained twice, as the rules' lists are. The
# two on which the rules were designed have more: 16 lists, and three trainings a rule's.
_SAMPLE, _REPEATED, _REPLICATES = 12, 4, 2
_SAMPLE_KNOWN, _REPLICATES_KNOWN = 16, 3
_DATA = (*HELD_OUT, *CONFIRMATION, "pdigits", "ptb-char")

_RESAMPLED, _FEWEST = 1000, 6
_HEAD = (
    "`python -m benchmarks.races.longer` (plan: benchmarks/README.md): of each rule its list, the "
    "share of the uninformed lists that it beats on test (95 % interval over lists and trainings), "
    "and how far it is ahead of the context rule's list on test, in the data set's own unit, more "
    "is better (± 95 %). Four times: trained for four times the epochs of the races, beside a "
    "sample of the uninformed lists; the other budgets are the first quarter and sixteenth of the "
    "same trainings, beside all uninformed lists that were recorded for the races. Lists matter "
    "where their spread exceeds a training's noise."
)
_DEPTH = (
    "Does depth pay? Rank correlation of the number of layers and the test score over the sampled "
    "uninformed lists (their number in brackets), above 0 where more layers are better; and "
    "whether lists keep their order with longer training."
)

Dilations = tuple[int, ...]
Scores = npt.NDArray[np.float64]


def sample_of(name: str) -> list[Dilations]:
    """Return some of the uninformed lists, drawn once for all."""
    lists = _uninformed(name)
    drawn = np.random.default_rng(4).permutation(len(lists))
    drawn = drawn[: _SAMPLE_KNOWN if name in KNOWN else _SAMPLE]
    return [lists[i] for i in drawn]


def wanted_of(names: Sequence[str], rules: Sequence[str]) -> list[tuple[str, Dilations, int]]:
    """Return what is to be trained, so that a run that is cut short serves as well as it can.

    The rules' lists of all data sets come first: their first quarters are compared with all
    uninformed lists that were recorded for the races.
    """
    found = []
    for replicate in range(_REPLICATES_KNOWN):
        for name in names:
            if replicate < (_REPLICATES_KNOWN if name in KNOWN else _REPLICATES):
                found += [(name, lists_of(name)[rule], replicate) for rule in rules]
    for name in names:
        sample = sample_of(name)
        found += [(name, x, 0) for x in sample]
        found += [(name, x, 1) for x in sample[::_REPEATED]]
    return list(dict.fromkeys(found))


def scores_of(rows: Iterable[Recorded], name: str, budget: str) -> dict[Dilations, Scores]:
    """Return validation and test score of each list's best epochs, (trainings, 2); more is better.

    Args:
        rows: Trainings; of those that are too short for the budget nothing is taken.
        name: The data set.
        budget: One of `BUDGETS`.
    """
    sign, epochs = sign_of(name), round(BUDGETS[budget] * TRAININGS[name].epochs)
    found: dict[Dilations, dict[int, tuple[float, float]]] = defaultdict(dict)
    for row in rows:
        if row.dataset == name and len(row.valid) >= epochs:
            valid = sign * np.array(row.valid[:epochs])
            best = int(valid.argmax())
            # a seed's training begins in the same way in both tables
            found[row.dilations][row.replicate] = (valid[best], sign * row.test[best])
    return {dilations: np.array(list(of.values())) for dilations, of in found.items()}


def compare(rows: Sequence[Recorded], name: str, budget: str) -> list[dict[str, object]]:
    """Return what each rule's list beats on test, and how far it is from the context rule's.

    Differences are in the data set's own unit; more is better. Where few uninformed lists, or none,
    were trained so long, no share is told; where too few were trained twice, noise is that of the
    races' larger budget.
    """
    scores = scores_of(rows, name, budget)
    drawn_from = sample_of(name) if budget == "four times" else _uninformed(name)
    others = [x for x in drawn_from if x in scores]
    others = others if len(others) >= _FEWEST else []
    repeated = _repeated(scores)
    if len(repeated) < 2:
        repeated = _repeated(scores_of(rows, name, "large"))
    freedom = sum(len(v) - 1 for v in repeated)
    noise = math.sqrt(sum(((v - v.mean()) ** 2).sum() for v in repeated) / freedom)
    half = float(scipy.stats.t.ppf(0.975, freedom))
    theirs, n = (np.array([f(scores[x][:, 1]) for x in others]) for f in (np.mean, len))
    rng = np.random.default_rng(5)
    # what other trainings of other lists would have given
    drawn = rng.integers(0, max(1, len(others)), (_RESAMPLED, len(others)))
    worlds = theirs[drawn] + rng.normal(0, noise, drawn.shape) / np.sqrt(n[drawn])
    found: list[dict[str, object]] = []
    now = scores.get(lists_of(name)["context"], np.empty((0, 2)))[:, 1]
    for rule, dilations in lists_of(name).items():
        if dilations not in scores:
            continue
        mine = scores[dilations][:, 1]
        error = noise / math.sqrt(len(mine))
        moved = mine.mean() + rng.normal(0, error, _RESAMPLED)
        shares = [_share(m, w) for m, w in zip(moved, worlds, strict=True)]
        low, high = np.quantile(shares, [0.025, 0.975])
        error *= math.sqrt(1 + len(mine) / max(1, len(now)))
        same = rule == "context" or dilations == lists_of(name)["context"]
        found.append(
            {
                "dataset": name,
                "budget": budget,
                "rule": rule,
                "dilations": format_dilations(dilations),
                "test": mine.mean(),
                "beats": _share(mine.mean(), theirs),
                "low": low,
                "high": high,
                "ahead of context": 0.0 if same else mine.mean() - now.mean(),
                "half": 0.0 if same else half * error,
                "trainings": len(mine),
                "lists": len(others),
                "SD of lists": _spread(theirs, n, noise),
                "noise": noise,
            }
        )
    return found


def _uninformed(name: str) -> list[Dilations]:
    return sorted(set(table_space(name, "uninformed").lists.values()))


def _repeated(scores: Mapping[Dilations, Scores]) -> list[Scores]:
    """Return the test scores of the lists that were trained more than once."""
    return [v[:, 1] for v in scores.values() if len(v) > 1]


def _spread(theirs: Scores, trainings: Scores, noise: float) -> float:
    """Return the standard deviation over lists, without what the trainings add."""
    if len(theirs) < 2:
        return math.nan
    return math.sqrt(max(0.0, float(theirs.var(ddof=1) - noise**2 * (1 / trainings).mean())))


def _share(mine: float, theirs: Scores) -> float:
    if not len(theirs):
        return math.nan
    return float((mine > theirs).mean() + 0.5 * (mine == theirs).mean())


def of_depth(rows: Sequence[Recorded], names: Iterable[str]) -> list[dict[str, object]]:
    """Return the rank correlation of layers and test score over the sampled uninformed lists.

    Above 0 more layers are better. Beside it that of the lists' test scores at the races' larger
    budget and at four times that, over all lists that were trained so long.
    """
    found = []
    for name in names:
        scores = {budget: scores_of(rows, name, budget) for budget in BUDGETS}
        row: dict[str, object] = {"data set": name}
        for budget, of in scores.items():
            lists = [x for x in sample_of(name) if x in of]
            row[budget] = _rank_correlation(map(len, lists), (of[x][:, 1].mean() for x in lists))
        both = [x for x in scores["four times"] if x in scores["large"]]
        means = ([scores[b][x][:, 1].mean() for x in both] for b in ("large", "four times"))
        row["order of lists, large and four times"] = _rank_correlation(*means)
        found.append(row)
    return found


def _rank_correlation(a: Iterable[float], b: Iterable[float]) -> str:
    x, y = list(a), list(b)
    return f"{scipy.stats.spearmanr(x, y).statistic:+.2f} ({len(x)})" if len(x) >= _FEWEST else "–"


def text(found: pd.DataFrame) -> str:
    """Return a table a budget, a row a data set, and what the criterion says."""
    parts = []
    for budget, group in found.groupby("budget", sort=False):
        rows = []
        for name, some in group.groupby("dataset", sort=False):
            first = some.iloc[0]
            row: dict[str, object] = {
                "data set": f"{name}, {first['lists']} lists",
                "SD of lists, of a training": f"{first['SD of lists']:.4f}, {first['noise']:.4f}",
            }
            for _, r in some[some["rule"].isin(RULES)].iterrows():
                row[str(r["rule"])] = (
                    f"{r['dilations']}: "
                    + (f"{r['beats']:.0%} ({r['low']:.0%} to {r['high']:.0%}), " * (r["lists"] > 0))
                    + f"{r['ahead of context']:+.4f} ± {r['half']:.4f}"
                )
            rows.append(row)
        parts.append(f"### {budget}\n\n" + markdown(rows))
    return "\n\n".join([*parts, *_verdicts(found)])


def _verdicts(found: pd.DataFrame) -> list[str]:
    said = []
    for judged, names in (("held-out", (*HELD_OUT, *CONFIRMATION)), ("known", KNOWN)):
        some = found[found["dataset"].isin(names)]
        for budget, group in some.groupby("budget", sort=False):
            lines = []
            for rule in RULES:
                own = group[group["rule"] == rule]
                matter = own[own["SD of lists"] > own["noise"]]
                ahead, half = own["ahead of context"], own["half"]
                lines.append(
                    f"{rule}: mean share {own['beats'].mean():.0%} of {own['beats'].count()} data "
                    "sets; 75 % beaten in "
                    f"{(matter['beats'] >= 0.75).sum()} of {len(matter)} where lists matter; "
                    f"ahead of the context rule in {(ahead > half).sum()} of {len(own)}, behind in "
                    f"{(ahead < -half).sum()}"
                )
            said.append(f"{judged}, {budget}:\n\n" + "\n".join(f"- {line}" for line in lines))
    return said


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
    wanted = wanted_of(arguments.data, arguments.rules)
    if not arguments.summary and not recordings.add(wanted, arguments.seconds):
        print(f"{sum(k not in recordings.rows for k in wanted)} trainings are left: run it again")
    rows = [*recordings.rows.values(), *Recordings(TABLE).rows.values()]
    names = arguments.data
    frame = pd.DataFrame([r for b in BUDGETS for n in names for r in compare(rows, n, b)])
    frame.to_csv(arguments.out, index=False, float_format="%.5g")
    told = f"# Lists at three budgets\n\n{_HEAD}\n\n{text(frame)}\n\n{_DEPTH}\n\n"
    told += markdown(of_depth(rows, names)) + "\n"
    arguments.out.with_suffix(".md").write_text(told)
    print(told)


if __name__ == "__main__":
    main()
