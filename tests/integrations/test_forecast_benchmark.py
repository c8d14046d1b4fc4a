"""The forecasting benchmark's three searches under the real library, a few steps each."""

from __future__ import annotations

import warnings
from typing import Any

import optuna
import pytest

from benchmarks._experiment import Request, as_frame
from benchmarks.worth import forecast

pytest.importorskip("statsmodels", reason="series for this test: pip install statsmodels")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip(
        "neuralforecast", reason="needs the extra: pip install 'optuna-mi[neuralforecast]'"
    )

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.slow
def test_three_searches_of_equal_trials_and_steps() -> None:
    study = optuna.create_study()
    for search in forecast.LISTS:
        cell: dict[str, Any] = {"series": "sunspots", "search": search, "trials": 2, "steps": 2}
        cell |= {"hidden": 8, "windows": 4, "longest": 416, "seed": 0}
        trial = study.ask()
        trial.set_user_attr("cell", cell)
        trial.set_user_attr("key", search)
        study.tell(trial, forecast.run(trial, cell, Request()))
    frame = as_frame(study.get_trials()).set_index("search")
    assert (frame["value"] > 0).all()
    assert (frame["test_windows"] == (forecast.TEST - 1) * 11 + 1).all()
    assert (frame["validation_curve"].map(len) == 2).all()
    # 64 horizons of 11 years are longer than the series
    assert "windows [33, 44, 176]" in frame.loc["default", "searched"]
    assert frame.loc["ours", "searched"].startswith("first 1,")
    assert frame["naive_mase"].nunique() == 1
