"""The design under the real library, on series that ship in packages."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.trial import TrialState

from optuna_mi.integrations.neuralforecast import ForecastDesign, with_pruning
from optuna_mi.search_space import DilationSpace, parse_dilations

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    neuralforecast = pytest.importorskip(
        "neuralforecast", reason="needs the extra: pip install 'optuna-mi[neuralforecast]'"
    )
    from neuralforecast.auto import AutoDilatedRNN, AutoNHITS, AutoTCN
    from neuralforecast.common._base_auto import OptunaOptions
    from neuralforecast.utils import AirPassengersPanel

pytestmark = [
    # ray, Lightning and Optuna's deprecations inside the library
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
}


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    loggers = [logging.getLogger(n) for n in ("pytorch_lightning", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="module")
def air() -> Any:
    return AirPassengersPanel[["unique_id", "ds", "y"]]


def long(y: Any, name: str) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": name, "ds": np.arange(len(y)), "y": y})


@pytest.mark.slow
def test_auto_dilated_rnn_searches_the_design(air: pd.DataFrame, tmp_path: Path) -> None:
    design = ForecastDesign.from_panel(air, h=12)
    assert design.analysis.period == 12
    config = design.dilated_rnn(max_steps=3, val_check_steps=3, **QUIET)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    options = OptunaOptions(create_study_kwargs={"storage": url, "study_name": "air"})
    model = AutoDilatedRNN(
        h=12,
        backend="optuna",
        config=config,
        search_alg=config.sampler(seed=0),
        num_samples=4,
        optuna_options=options,
    )
    forecaster = neuralforecast.NeuralForecast([model], freq="ME")
    forecaster.fit(air, val_size=12)
    forecast = forecaster.predict()
    assert len(forecast) == 24
    assert np.isfinite(forecast["AutoDilatedRNN"]).all()

    study = optuna.load_study(study_name="air", storage=url)
    assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 4
    first = {**design.space.recommended, **config.first_trial}
    assert study.trials[0].params == {k: v for k, v in first.items() if k != "max_steps"}
    assert DilationSpace.from_study(study) == design.space
    for trial in study.trials:
        used = trial.user_attrs["ALL_PARAMS"]
        flat = tuple(d for group in used["dilations"] for d in group)
        assert flat == parse_dilations(trial.user_attrs["dilations"])
        assert flat[-1] < used["input_size"] == trial.params["input_size"]
    # What was refitted is the best trial's network.
    fitted = forecaster.models[0].model
    assert fitted.dilations == study.best_trial.user_attrs["ALL_PARAMS"]["dilations"]
    assert fitted.input_size == study.best_trial.params["input_size"]


def test_auto_tcn_searches_the_design(air: pd.DataFrame) -> None:
    config = ForecastDesign.from_panel(air, h=12).tcn(max_steps=3, val_check_steps=3, **QUIET)
    model = AutoTCN(
        h=12, backend="optuna", config=config, search_alg=config.sampler(seed=0), num_samples=2
    )
    forecaster = neuralforecast.NeuralForecast([model], freq="ME")
    forecaster.fit(air, val_size=12)
    assert np.isfinite(forecaster.predict()["AutoTCN"]).all()
    fitted = forecaster.models[0].model
    best = forecaster.models[0].results.best_trial
    assert tuple(fitted.dilations) == parse_dilations(best.user_attrs["dilations"])
    layers = [block.conv for block in fitted.hist_encoder.tcn]
    assert [conv.dilation[0] for conv in layers] == fitted.dilations


class _AllButTheFirst(optuna.pruners.BasePruner):
    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return trial.number > 0 and trial.last_step == 4


def test_trials_are_pruned_between_validations(air: pd.DataFrame, tmp_path: Path) -> None:
    design = ForecastDesign.from_panel(air, h=12)
    config = design.dilated_rnn(
        max_steps=6, val_check_steps=2, encoder_hidden_size=8, decoder_hidden_size=8, **QUIET
    )
    url = f"sqlite:///{tmp_path / 'study.db'}"
    options = OptunaOptions(
        create_study_kwargs={"storage": url, "study_name": "air", "pruner": _AllButTheFirst()}
    )
    model = AutoDilatedRNN(
        h=12,
        backend="optuna",
        config=with_pruning(config),
        search_alg=config.sampler(seed=0),
        num_samples=3,
        optuna_options=options,
    )
    forecaster = neuralforecast.NeuralForecast([model], freq="ME")
    forecaster.fit(air, val_size=12)
    trials = optuna.load_study(study_name="air", storage=url).trials
    assert [t.state for t in trials] == [TrialState.COMPLETE] + [TrialState.PRUNED] * 2
    assert [list(t.intermediate_values) for t in trials] == [[2, 4, 6], [2, 4], [2, 4]]
    # the last training is of a trial that is over: nothing is reported to it, nothing prunes it
    assert np.isfinite(forecaster.predict()["AutoDilatedRNN"]).all()


def test_a_metric_that_is_not_logged_is_named(air: pd.DataFrame) -> None:
    def config(_trial: Any) -> dict[str, Any]:
        return {"input_size": 24, "max_steps": 2, "val_check_steps": 1} | QUIET

    sampler = optuna.samplers.RandomSampler(seed=0)
    nhits = {"h": 12, "backend": "optuna", "num_samples": 1, "search_alg": sampler}
    model = AutoNHITS(config=with_pruning(config, monitor="val_los"), **nhits)
    with pytest.raises(ValueError, match=r"'val_los' is not logged; logged are .*ptl/val_loss"):
        neuralforecast.NeuralForecast([model], freq="ME").fit(air, val_size=12)
    with pytest.raises(TypeError, match="config must be a function"):
        with_pruning({"max_steps": 3})  # type: ignore[arg-type]


def test_any_auto_model_can_take_the_input_size(air: pd.DataFrame) -> None:
    design = ForecastDesign.from_panel(air, h=12)

    def config(trial: Any) -> dict[str, Any]:
        if not isinstance(trial, optuna.trial.BaseTrial):  # the library's stand-in
            return {"input_size": design.input_size.recommended, "max_steps": 3} | QUIET
        return {"input_size": design.suggest_input_size(trial), "max_steps": 3} | QUIET

    sampler = optuna.samplers.RandomSampler(seed=0)
    model = AutoNHITS(h=12, backend="optuna", config=config, search_alg=sampler, num_samples=2)
    forecaster = neuralforecast.NeuralForecast([model], freq="ME")
    forecaster.fit(air, val_size=12)
    sizes = [t.params["input_size"] for t in forecaster.models[0].results.trials]
    assert all(design.input_size.low <= size <= design.input_size.high for size in sizes)


def test_the_librarys_own_windows_overrun_a_short_series(air: pd.DataFrame) -> None:
    """Why the window comes from the data: 16 and 64 horizons are longer than 11 years."""
    own = AutoDilatedRNN.default_config["input_size_multiplier"]
    assert 64 in own
    limit = ForecastDesign.from_panel(air, h=12).input_size.high
    assert limit < 12 * 16

    def config(_trial: Any) -> dict[str, Any]:
        return {"input_size": 12 * 16, "max_steps": 1} | QUIET

    model = AutoDilatedRNN(h=12, backend="optuna", config=config, num_samples=1)
    with pytest.raises(Exception, match="too short for training"):
        neuralforecast.NeuralForecast([model], freq="ME").fit(air, val_size=12)


def test_statsmodels_series() -> None:
    datasets = pytest.importorskip(
        "statsmodels.datasets", reason="series for this test: pip install statsmodels"
    )
    co2 = datasets.co2.load_pandas().data["co2"].interpolate().to_numpy()
    weekly = ForecastDesign.from_panel(long(co2, "co2"), h=52)
    assert weekly.analysis.period == 52
    assert weekly.space.dilations(weekly.space.recommended)[-1] == 52
    assert weekly.input_size.low == 105

    months = datasets.elnino.load_pandas().data.drop(columns="YEAR").to_numpy().ravel()
    monthly = ForecastDesign.from_panel(long(months, "elnino"), h=12, period=12)
    assert monthly.analysis.forced == ("period",)
    assert monthly.space.dilations(monthly.space.recommended)[-1] == 12

    # The cycle of about 11 years wanders, so it is a span and not a period.
    sunspots = datasets.sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()
    yearly = ForecastDesign.from_panel(long(sunspots, "sunspots"), h=11)
    assert 11 <= yearly.analysis.max_dilation < yearly.input_size.low
