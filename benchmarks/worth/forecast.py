"""Does it pay to measure a series before its forecaster is searched?

neuralforecast's `AutoDilatedRNN` with its own search, the same search begun at the library's own
defaults, and our config, which takes dilations and windows from the series: equal trials, equal
steps, the same sampler inside (TPE). Needs pip install 'optuna-mi[neuralforecast]' statsmodels; the
series ship with statsmodels, nothing is downloaded.
"""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import Any

import numpy as np
import optuna
import pandas as pd
import plotly.graph_objects as go
import torch

from benchmarks._experiment import Cell, Experiment, Request, Summary
from benchmarks._output import interval, markdown, plus_minus
from optuna_mi.exceptions import MissingExtraError
from optuna_mi.integrations.neuralforecast import ForecastDesign

# series: horizon, season of the naive forecast (1: none), how the design sees it, what it is
SERIES: dict[str, tuple[int, int, str, str]] = {
    "sunspots": (11, 1, "detrend", "sunspots a year, 1700 to 2008"),
    "elnino": (12, 12, "detrend", "sea surface temperature, monthly, 1950 to 2010"),
    "co2": (13, 52, "detrend", "CO2 at Mauna Loa, weekly, 1958 to 2001, gaps interpolated"),
    "unemp": (8, 1, "difference", "US unemployment, quarterly, 1959 to 2009"),
}
SMALL = ("sunspots", "elnino", "co2")
LISTS = ("default", "default, begun at defaults", "ours")
TEST, VALIDATION = 5, 2  # horizons at the end of every series
# the library's: (-1 stands for 3 in its code)
MULTIPLES = (-1, 4, 16, 64)
QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
}


def cells(request: Request) -> list[Cell]:
    sizes: dict[str, int] = (
        {"trials": 20, "steps": 1000, "hidden": 0, "windows": 128, "longest": 4096}
        if request.budget == "paper"
        else {"trials": 8, "steps": 80, "hidden": 32, "windows": 32, "longest": 416}
    )
    series = SMALL if request.budget == "small" else tuple(SERIES)
    return [
        {"series": name, "search": search, **sizes, "seed": seed}
        for seed in range(request.seeds)
        for name in series
        for search in LISTS
    ]


def load(series: str) -> np.ndarray:
    """Return one of statsmodels' series, float64, shape (N,)."""
    try:
        from statsmodels import datasets
    except ImportError as error:
        raise RuntimeError(
            "The series come with statsmodels, which is not installed: pip install statsmodels"
        ) from error
    if series == "sunspots":
        return datasets.sunspots.load_pandas().data["SUNACTIVITY"].to_numpy(float)
    if series == "elnino":
        return datasets.elnino.load_pandas().data.drop(columns="YEAR").to_numpy(float).ravel()
    if series == "co2":
        return datasets.co2.load_pandas().data["co2"].interpolate().to_numpy(float)
    return datasets.macrodata.load_pandas().data["unemp"].to_numpy(float)


def usable_multiples(length: int, h: int, longest: int) -> list[int]:
    """Return the library's windows, in horizons, that the training part can hold."""
    room = length - (TEST + VALIDATION) * h
    return [m for m in MULTIPLES if (w := (3 if m < 0 else m) * h) + h <= room and w <= longest]


def scale(y: np.ndarray, season: int) -> float:
    """Return the mean absolute error of the seasonal naive forecast, the unit of MASE."""
    return float(np.abs(y[season:] - y[:-season]).mean())


def naive_error(y: np.ndarray, h: int, season: int) -> float:
    """Return the seasonal naive forecast's error on the test windows, as the models are scored."""
    errors = []
    for cut in range(len(y) - TEST * h, len(y) - h + 1):
        ahead = np.arange(h) % season
        errors.append(np.abs(y[cut : cut + h] - y[cut - season + ahead]).mean())
    return float(np.mean(errors))


def run(trial: optuna.Trial, cell: Cell, request: Request) -> float:
    torch.set_num_threads(1)
    name = str(cell["series"])
    h, season, transform, _ = SERIES[name]
    y = load(name)
    panel = pd.DataFrame({"unique_id": name, "ds": np.arange(len(y)), "y": y})
    tail = (TEST + VALIDATION) * h
    with _quiet():
        model, dilations = auto_model(panel, cell, transform)
        forecasts, study = _search(model, panel, h)
    absolute = (forecasts["forecast"] - forecasts["y"]).abs().mean()
    unit = scale(y[:-tail], season)
    best = study.best_trial.user_attrs["ALL_PARAMS"]
    trial.set_user_attr("mae", float(absolute))
    trial.set_user_attr("naive_mase", naive_error(y, h, season) / unit)
    trial.set_user_attr("validation_mase", study.best_value / unit)
    trial.set_user_attr("validation_curve", [t.value for t in study.trials])
    trial.set_user_attr("dilations", str(best["dilations"]))
    window = int(best["input_size"])
    trial.set_user_attr("window", 3 * h if window < 0 else window)
    trial.set_user_attr("learning_rate", float(best["learning_rate"]))
    trial.set_user_attr("searched", dilations)
    trial.set_user_attr("test_windows", int(forecasts.groupby("cutoff").ngroups))
    return float(absolute / unit)


def auto_model(panel: pd.DataFrame, cell: Cell, transform: str) -> tuple[Any, str]:
    """Return the Auto model of this cell, and the dilations it looks through, in words."""
    try:
        from neuralforecast.auto import AutoDilatedRNN
        from neuralforecast.common._base_auto import OptunaOptions
    except ImportError as error:
        raise MissingExtraError("neuralforecast", "neuralforecast") from error
    h = SERIES[str(cell["series"])][0]
    seed = int(cell["seed"])
    common: dict[str, Any] = {
        "max_steps": int(cell["steps"]),
        "val_check_steps": int(cell["steps"]),
        "windows_batch_size": int(cell["windows"]),
        **QUIET,
    }
    if cell["hidden"]:
        common |= {"encoder_hidden_size": cell["hidden"], "decoder_hidden_size": cell["hidden"]}
    asked = {"h": h, "backend": "optuna", "num_samples": int(cell["trials"]), "alias": "forecast"}
    if cell["search"] == "ours":
        design = ForecastDesign.from_panel(
            panel, h=h, holdout=(TEST + VALIDATION) * h, transform=transform
        )
        config = design.dilated_rnn(random_seed=1 + seed, **common)
        first = design.space.dilations(design.space.recommended)
        sizes = design.input_size
        said = f"first {','.join(map(str, first))}; windows {sizes.low} to {sizes.high}"
        return AutoDilatedRNN(config=config, search_alg=config.sampler(seed=seed), **asked), said

    usable = usable_multiples(len(panel), h, int(cell["longest"]))

    class Restricted(AutoDilatedRNN):
        """The library's search at our steps, without windows that stop it by an error."""

        default_config = AutoDilatedRNN.default_config | common | {"input_size_multiplier": usable}

    options: dict[str, Any] = {"storage": optuna.storages.InMemoryStorage(), "study_name": "own"}
    sampler = optuna.samplers.TPESampler(seed=seed)
    if cell["search"] == "default, begun at defaults":
        study = optuna.create_study(sampler=sampler, **options)
        study.enqueue_trial(first_trial(h, seed))
        options["load_if_exists"] = True
    said = (
        f"[[1, 2], [4, 8]] or [[1, 2, 4, 8]]; windows {[(3 if m < 0 else m) * h for m in usable]}"
    )
    model = Restricted(
        search_alg=sampler, optuna_options=OptunaOptions(create_study_kwargs=options), **asked
    )
    return model, said


def first_trial(h: int, seed: int) -> dict[str, Any]:
    """Return DilatedRNN's own defaults; what a cell fixes is not asked for and does no harm."""
    return {
        "cell_type": "LSTM",
        "encoder_hidden_size": 128,
        "decoder_hidden_size": 128,
        "dilations": [[1, 2], [4, 8]],
        "context_size": 10,
        "learning_rate": 1e-3,
        "batch_size": 32,
        "random_seed": 1 + seed,
        "input_size": -h,
        "inference_input_size": -h,
    }


def _search(model: Any, panel: pd.DataFrame, h: int) -> tuple[pd.DataFrame, optuna.Study]:
    """Search on the validation part, refit the best, forecast every window of the test part."""
    from neuralforecast import NeuralForecast

    forecaster = NeuralForecast([model], freq=1)
    forecasts = forecaster.cross_validation(
        panel, val_size=VALIDATION * h, test_size=TEST * h, n_windows=None, step_size=1
    )
    return forecasts, forecaster.models[0].results


@contextmanager
def _quiet() -> Any:
    """Without Lightning's messages and the warnings of the library's older calls."""
    loggers = [logging.getLogger(n) for n in ("pytorch_lightning", "lightning", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


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


def seconds(cell: Cell) -> float:
    """From runs of this machine's: a step's cost grows with the window and the hidden size."""
    h = SERIES[str(cell["series"])][0]
    window = min(8 * h, 150) if cell["search"] != "ours" else {"co2": 150}.get(cell["series"], 36)
    hidden = (int(cell["hidden"]) or 64) / 32
    step = 2e-4 * window * hidden * int(cell["windows"]) / 32
    return (int(cell["trials"]) + 1) * int(cell["steps"]) * max(step, 0.01)


EXPERIMENT = Experiment(
    name="forecast",
    title="Forecasting: neuralforecast's AutoDilatedRNN with its own search and with ours",
    cells=cells,
    run=run,
    summarize=summarize,
    seconds=seconds,
    direction="minimize",
    seeds=5,
)
