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

import optuna
import pandas as pd
import torch

from benchmarks._experiment import Cell, Experiment, Request
from benchmarks.worth._forecast_series import (
    LISTS,
    SERIES,
    SMALL,
    TEST,
    VALIDATION,
    load,
    naive_error,
    scale,
    usable_multiples,
)
from benchmarks.worth._forecast_text import summarize
from optuna_mi.exceptions import MissingExtraError
from optuna_mi.integrations.neuralforecast import ForecastDesign

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


def run(trial: optuna.Trial, cell: Cell, request: Request) -> float:
    torch.set_num_threads(1)
    name = str(cell["series"])
    h, season, transform, _ = SERIES[name]
    y = load(name)
    panel = pd.DataFrame({"unique_id": name, "ds": range(len(y)), "y": y})
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
