import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks._experiment import Request
from benchmarks.worth import forecast
from optuna_mi.exceptions import MissingExtraError

CELL = {"series": "sunspots", "search": "default", "trials": 2, "steps": 3}
CELL |= {"hidden": 8, "windows": 8, "longest": 416, "seed": 0}


def frame_of(gap):
    """Three seeds; ours is below the default by gap, the third search as good as the default."""
    rows = []
    for seed in range(3):
        for search in forecast.LISTS:
            value = 1.0 + 0.1 * seed - gap * (search == "ours") * (1 + 0.01 * seed)
            found = {"value": value, "mae": 2 * value, "naive_mase": 1.5, "window": 33}
            words = {"dilations": "[[1, 2]]", "searched": "lists"}
            rows.append({**CELL, "search": search, "seed": seed, **found, **words})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("gap", "said"),
    [(0.2, "better"), (-0.2, "worse"), (0.0, "no difference beyond")],
)
def test_the_verdict_follows_from_paired_differences(gap, said):
    text = forecast.summarize(frame_of(gap), Request()).text
    assert f"ours, against `default` {said}" in text
    assert "MAE, ours" in text
    wins = 3 if gap > 0 else 0
    assert f"| {wins} of 3 |" in text


def test_one_seed_gives_no_verdict():
    frame = frame_of(0.2)
    assert "too few seeds to say" in forecast.summarize(frame[frame["seed"] == 0], Request()).text


def test_windows_that_do_not_fit_are_left_out():
    # 100 steps, horizon 5: 65 to train on, so 12 horizons and one to forecast fit
    assert forecast.usable_multiples(100, 5, 416) == [-1, 4]
    assert forecast.usable_multiples(10_000, 5, 416) == [-1, 4, 16, 64]
    assert forecast.usable_multiples(10_000, 5, 100) == [-1, 4, 16]


def test_naive_forecast_repeats_the_last_season():
    season = np.array([1.0, 5.0, 2.0])
    y = np.tile(season, 20)
    assert forecast.naive_error(y, h=4, season=3) == 0.0
    assert forecast.naive_error(np.arange(60.0), h=4, season=1) == pytest.approx(2.5)
    assert forecast.scale(np.arange(10.0), season=3) == 3.0


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    with pytest.raises(RuntimeError, match="pip install statsmodels"):
        forecast.load("co2")
    monkeypatch.setitem(sys.modules, "neuralforecast", None)
    monkeypatch.setitem(sys.modules, "neuralforecast.auto", None)
    panel = pd.DataFrame({"unique_id": "a", "ds": range(300), "y": 0.0})
    with pytest.raises(MissingExtraError, match=r"optuna-mi\[neuralforecast\]"):
        forecast.auto_model(panel, CELL, "detrend")


def test_paper_budget_has_every_series_and_the_librarys_steps():
    cells = forecast.cells(Request("paper", seeds=2))
    assert len(cells) == len(forecast.SERIES) * 3 * 2
    assert {c["steps"] for c in cells} == {1000}
    assert {c["series"] for c in forecast.cells(Request())} == set(forecast.SMALL)
