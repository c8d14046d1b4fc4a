"""What the forecasting benchmark found, in tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from benchmarks._experiment import Request, Summary
from benchmarks._output import interval, markdown, plus_minus
from benchmarks.worth._forecast_series import LISTS, SERIES, TEST, VALIDATION


def paired(frame: pd.DataFrame, series: str, other: str) -> np.ndarray:
    """Return MASE of ours minus another search's, one value a seed that both have."""
    table = frame[frame["series"] == series].pivot(index="seed", columns="search", values="value")
    if not {"ours", other} <= set(table.columns):
        return np.empty(0)
    return (table["ours"] - table[other]).dropna().to_numpy()


def verdict(differences: np.ndarray) -> str:
    mean, half = interval(differences)
    if len(differences) < 3:
        return "too few seeds to say"
    if abs(mean) <= half:
        return f"no difference beyond the interval of {half:.2f}"
    return "better" if mean < 0 else "worse"


def summarize(frame: pd.DataFrame, request: Request) -> Summary:
    errors, differences, lists, sentences = [], [], [], []
    for series in (s for s in SERIES if s in set(frame["series"])):
        part = frame[frame["series"] == series]
        row = {"series": series, "naive": f"{part['naive_mase'].iloc[0]:.3f}"}
        gap = {"series": series}
        findings = []
        for search in LISTS:
            one = part[part["search"] == search]
            row[search] = plus_minus(one["value"])
            row[f"MAE, {search}"] = plus_minus(one["mae"])
        for other in LISTS[:2]:
            delta = paired(frame, series, other)
            gap[f"ours − {other}"] = plus_minus(delta)
            wins = int((delta < 0).sum())
            gap[f"seeds better than {other}"] = f"{wins} of {len(delta)}"
            findings.append(f"against `{other}` {verdict(delta)}")
        errors.append(row)
        differences.append(gap)
        sentences.append(f"- {series} ({SERIES[series][3]}): ours, {'; '.join(findings)}.")
        for search in (LISTS[0], LISTS[2]):
            one = part[part["search"] == search]
            if one.empty:
                continue
            chosen = "; ".join(one["dilations"] + " at " + one["window"].astype(str))
            lists.append(
                {
                    "series": series,
                    "search": search,
                    "looks through": one["searched"].iloc[0],
                    "chosen, one a seed": chosen,
                }
            )
    text = "\n\n".join(
        [
            _setting(frame),
            "MASE on the test part (mean and 95 % interval over seeds; below 1 is better than the "
            "naive forecast within the training part; `naive` is its value on the test part):",
            markdown(errors),
            "Paired differences of MASE, same seeds (negative: ours is better):",
            markdown(differences),
            "\n".join(sentences),
            "Dilations and windows:",
            markdown(lists),
        ]
    )
    return Summary(text, {"MASE of the chosen model, one point a seed": figure(frame)})


def _setting(frame: pd.DataFrame) -> str:
    sizes = frame.iloc[0]
    seeds = frame.groupby("search")["seed"].nunique()
    counts = ", ".join(f"`{search}` {seeds.get(search, 0)}" for search in LISTS)
    hidden = "hidden sizes searched"
    if sizes["hidden"]:
        hidden = f"hidden sizes fixed at {sizes['hidden']} (the library searches 16 to 128)"
    return (
        f"Every search: {sizes['trials']} trials of {sizes['steps']} steps (the library: 500 or "
        f"1,000 steps), {hidden}, {sizes['windows']} windows a step, TPE with the cell's seed. The "
        f"last {TEST} horizons of a series are the test part, forecast from every step; the "
        f"{VALIDATION} before them choose; the best trial is trained again with them. The design "
        "sees neither. Of the library's windows of 3, 4, 16 and 64 horizons those that the "
        f"training part cannot hold, or longer than {sizes['longest']} steps, are left out, since "
        "the first kind ends the library's search by an error: a favour to the default. "
        "`default, begun at defaults` begins with DilatedRNN's own default settings, as ours does: "
        f"a difference from it is due to dilations and windows. Seeds: {counts}."
    )


def figure(frame: pd.DataFrame) -> go.Figure:
    result = go.Figure()
    for search in LISTS:
        one = frame[frame["search"] == search]
        result.add_trace(go.Box(x=one["series"], y=one["value"], name=search, boxpoints="all"))
    result.update_layout(boxmode="group", yaxis_title="MASE on the test part")
    return result
