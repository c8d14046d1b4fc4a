"""Tables of the ablations, and what they say."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks._output import interval, markdown, plus_minus

_PRUNERS = Path(__file__).parents[1] / "pruners"
# Who is compared with whom: IHYLL's own rule with nothing, and beside the pruner it wraps.
_PRUNER_PAIRS = (
    ("Nop", "IHYLL alone"),
    ("Median", "IHYLL(Median)"),
    ("Median", "IHYLL(Median), 1 spared"),
    ("Hyperband", "IHYLL(Hyperband), 1 spared"),
)


def text(frame: pd.DataFrame) -> str:
    """Return the summary in Markdown."""
    parts = [
        "Reductions: the small budget's trainings are short and its networks small; windows of 64 "
        "steps (text) and 64 or 196 (images) clip what the data ask for, and the depth is at most "
        "that of doubling. Differences are paired over training seeds, mean ± half of the 95 % "
        "interval, above 0 the variant is better; scores are of the best epoch on validation, "
        "test scores are of the same epoch's weights (of the last epoch's where a training has no "
        "`best_epoch`) and select nothing. *Doubling* and *near* are no "
        "variants but lists to hold ours against: 1, 2, 4, … and the uninformed space's shortest, "
        "both as deep as ours may be.",
    ]
    lists = frame[frame["part"] == "lists"]
    longer = frame[frame["part"] == "longer"]
    control = frame[frame["part"] == "control"]
    if not lists.empty:
        parts += ["## The space", _spaces(lists), "### Its recommended list", _lists(lists)]
    if not longer.empty:
        parts += [f"### Trained for longer: {longer['training'].iloc[0]}", _lists(longer)]
    if not control.empty:
        parts += ["## The learning rate", _control(control)]
    parts += ["## The pruner", pruners(_PRUNERS)]
    return "\n\n".join(parts)


def _spaces(frame: pd.DataFrame) -> str:
    rows = []
    told = frame[frame["law"].notna()]
    for (name, variant), group in told.groupby(["dataset", "variant"], sort=False):
        one = group.iloc[0]
        rows.append(
            {
                "data set": name,
                "variant": variant,
                "law (inflections)": f"{one['law']} ({one['breaks']})"
                if one["breaks"]
                else one["law"],
                "max dilation": f"{one['reach']:.0f}",
                "12 layers, no window": one["unclipped"],
                "ranges searched": one["ranges"],
                "list trained": one["list"],
            }
        )
    cpu = told.groupby("dataset", sort=False)["curve_s"].first()
    return (
        "*Ranges searched*: layers of each segment; max dilation. *As it is*: threshold 1e-5, "
        "corrected curve, lines equidistant in the fourth root of MI, the law the data choose.\n\n"
        + markdown(rows)
        + "\n\nCPU seconds of the decay curve: "
        + ", ".join(f"{name} {seconds:.1f}" for name, seconds in cpu.items())
        + "."
    )


def _lists(frame: pd.DataFrame) -> str:
    rows, verdicts = [], {}
    for name, data in frame.groupby("dataset", sort=False):
        base = _by_seed(data, "as it is")
        for variant, group in data.groupby("variant", sort=False):
            other = group.set_index("seed")
            same = other["list"].iloc[0] == base["list"].iloc[0]
            gain, test = _gains(other, base)
            rows.append(
                {
                    "data set": name,
                    "variant": variant,
                    "list": other["list"].iloc[0],
                    "score": plus_minus(other["value"], 4),
                    "against as it is": "" if same else _signed(gain),
                    "on test": "" if same else _signed(test),
                }
            )
            if variant != "as it is":
                verdicts.setdefault(variant, []).append("same" if same else _judge(test))
    lines = [f"- {variant}: {_count(found)}" for variant, found in verdicts.items()]
    return markdown(rows) + "\n\nOn test, data sets by data set:\n\n" + "\n".join(lines)


def _control(frame: pd.DataFrame) -> str:
    rows, verdicts = [], {}
    for (name, training, lr), data in frame.groupby(["dataset", "training", "lr"], sort=False):
        base = _by_seed(data, "constant")
        row = {
            "data set": name,
            "epochs": training.split("/")[1],
            "LR_max": f"{lr:g}",
            "constant": plus_minus(base["value"], 4),
        }
        for policy in ("change", "reference"):
            gain, test = _gains(_by_seed(data, policy), base)
            row |= {policy: _signed(gain), f"{policy}, test": _signed(test)}
            verdicts.setdefault(policy, []).append(_judge(gain))
        rows.append(row)
    lines = [f"- {policy}: {_count(found)}" for policy, found in verdicts.items()]
    return (
        "The recommended list; *constant* trains at LR_max throughout, the policies of [V] move "
        "between 1e-3 and LR_max. Differences from the constant rate.\n\n"
        + markdown(rows)
        + "\n\nOn validation, settings by settings:\n\n"
        + "\n".join(lines)
    )


def pruners(folder: Path) -> str:
    """Return what the pruner's own benchmark found, with and without IHYLL."""
    rows = []
    for path in sorted(folder.glob("*.csv")):
        frame = pd.read_csv(path)
        by_name = {name: g.set_index("seed") for name, g in frame.groupby("pruner")}
        for without, with_ihyll in _PRUNER_PAIRS:
            if without not in by_name or with_ihyll not in by_name:
                continue
            a, b = by_name[without], by_name[with_ihyll]
            rows.append(
                {
                    "data set": path.stem,
                    "without": without,
                    "with": with_ihyll,
                    "epochs saved": f"{100 * a['epochs saved'].mean():.0f} % to "
                    f"{100 * b['epochs saved'].mean():.0f} %",
                    "difference": _signed(interval(b["epochs saved"] - a["epochs saved"]), 2),
                    "regret": f"{a['regret'].mean():.4f} to {b['regret'].mean():.4f}",
                    "its difference": _signed(interval(b["regret"] - a["regret"])),
                }
            )
    return (
        "Read from `benchmarks/pruners/*.csv` (`python benchmarks/pruners/compare.py digits`, "
        "`… ptb-char --recorded 30 --trials 15`; 20 orders of recorded trials); below 0 regret is "
        "smaller with IHYLL.\n\n" + markdown(rows)
    )


def _by_seed(data: pd.DataFrame, variant: str) -> pd.DataFrame:
    return data[data["variant"] == variant].set_index("seed")


def _gains(
    other: pd.DataFrame, base: pd.DataFrame
) -> tuple[tuple[float, float], tuple[float, float]]:
    sign = 1.0 if base["direction"].iloc[0] == "maximize" else -1.0
    seeds = other.index.intersection(base.index)
    difference = sign * (other.loc[seeds, ["value", "test"]] - base.loc[seeds, ["value", "test"]])
    return interval(difference["value"]), interval(difference["test"])


def _judge(gain: tuple[float, float]) -> str:
    mean, half = gain
    if np.isnan(half) or abs(mean) <= half:
        return "undecided"
    return "better" if mean > 0 else "worse"


def _count(found: Iterable[str]) -> str:
    counts = pd.Series(list(found)).value_counts()
    return ", ".join(f"{counts[what]} {what}" for what in _WORDS if what in counts) + "."


_WORDS = ("better", "worse", "undecided", "same")


def _signed(found: tuple[float, float], digits: int = 4) -> str:
    mean, half = found
    alone = f"{mean:+.{digits}f}"
    return alone if np.isnan(half) else f"{alone} ± {half:.{digits}f}"
