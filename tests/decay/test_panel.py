"""Panels: times in any form, steps without a row, and who takes what for neighbours."""

from __future__ import annotations

import datetime
import warnings

import numpy as np
import pandas as pd
import pytest

from optuna_mi import analyze_decay, decay_curve
from optuna_mi.decay.measure.reading._panel import read_panel

MONTHS = pd.date_range("1850-01-01", periods=1200, freq="MS")
DAYS = pd.date_range("2020-01-01", periods=400, freq="D")


def _frame(ds, y=None, ids="a"):
    y = np.arange(len(ds), dtype=float) if y is None else y
    return pd.DataFrame({"unique_id": ids, "ds": ds, "y": y})


def _season(n=1200, period=12):
    noise = np.random.default_rng(0).normal(size=n)
    return np.sin(2 * np.pi * np.arange(n) / period) + 0.5 * noise


@pytest.mark.parametrize(
    "times",
    [
        DAYS,
        [f"{d.month}/{d.day}/{d.year}" for d in DAYS],  # 13/…: a day, told by what cannot be
        [f"{d.day}.{d.month}.{d.year}" for d in DAYS],
        [f"{d.day}/{d.month}/{d.year}" for d in MONTHS[:60]],  # told by the regular step
        [f"{d.month}/{d.day}/{d.year}" for d in MONTHS[:60]],
        [
            f"{d.day}/{d.month}/{d.year} {d.hour}:00"
            for d in pd.date_range("2020", periods=60, freq="h")
        ],
        [f"{d.year}-{d.month}-{d.day}" for d in DAYS],
        [d.strftime("%Y%m%d") for d in DAYS],
        [d.strftime("%b %Y") for d in MONTHS[:60]],
        [d.date() for d in DAYS],
        [str(year) for year in range(1990, 2020)],
        np.arange(50) * 0.1,
        np.arange(7, 60, 3),
        pd.period_range("2018-01", periods=30, freq="M"),
        list(pd.period_range("2018-01", periods=30, freq="Q")),
        pd.date_range("2020", periods=400, freq="D", tz="Europe/Berlin"),
        pd.date_range("2020", periods=9000, freq="h", tz="Europe/Berlin"),
        pd.bdate_range("2020", periods=100),
        pd.date_range("2020-01-31", periods=40, freq="ME"),
        pd.date_range("2020", periods=40, freq="QS"),
        pd.date_range("2020", periods=40, freq="28D"),
    ],
)
def test_times_of_any_form_are_put_in_order_without_gaps(times):
    frame = _frame(times)
    panel = read_panel(frame.sample(frac=1, random_state=0))
    assert panel.rows["y"].tolist() == frame["y"].tolist()
    assert panel.steps.tolist() == list(range(len(frame)))
    assert panel.note == ""


@pytest.mark.parametrize("values", ["bins", "ksg"])
@pytest.mark.parametrize("how", ["a fifth", "August", "NaN", "available_mask"])
def test_a_period_survives_missing_rows(how, values):
    frame = _frame(MONTHS, _season())
    there = np.random.default_rng(1).random(len(frame)) < 0.8
    if how == "a fifth":
        frame = frame[there]
    elif how == "August":
        frame = frame[frame["ds"].dt.month != 8]
    elif how == "NaN":
        frame["y"] = frame["y"].where(there)
    else:
        frame["available_mask"] = there.astype(int)
    lags = np.arange(1, 41) if values == "bins" else np.array([1, 6, 11, 12, 13, 24])
    with pytest.warns(UserWarning, match="have no value: pairs are taken by time"):
        curve = decay_curve(frame, lags=lags, values=values)
    assert "have no value" in curve.notes[0]
    if values == "bins":
        assert analyze_decay(curve).period == 12
    else:
        assert curve.mi_corrected[3] > curve.mi_corrected[2]  # 12 above 11
        assert curve.correlation[3] > 0.5


def test_pairs_beside_gaps_are_counted_by_hand():
    rng = np.random.default_rng(0)
    frames = []
    for i in range(3):
        y = rng.integers(0, 3, 200)
        frames.append(_frame(np.arange(200), np.where(y == 2, np.roll(y, 2), y), f"s{i}"))
    frame = pd.concat(frames)
    kept = frame[rng.random(len(frame)) < 0.7]
    with pytest.warns(UserWarning, match="no value"):
        curve = decay_curve(kept, lags=[1, 2, 5], estimator="plugin", values="symbols")
    for i, lag in enumerate(curve.lags):
        later = kept.assign(ds=kept["ds"] - lag)
        pairs = kept.merge(later, on=["unique_id", "ds"])
        joint = pd.crosstab(pairs["y_x"], pairs["y_y"]).to_numpy() / len(pairs)
        outer = np.outer(joint.sum(1), joint.sum(0))
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = np.nansum(joint * np.log(joint / outer))
        assert curve.n_pairs[i] == len(pairs)
        assert curve.mi[i] == pytest.approx(expected, abs=1e-12)
    assert curve.n_total == len(kept)
    assert curve.n_symbols == 3


def test_noise_with_gaps_stays_below_its_floor():
    above = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        frame = _frame(np.arange(1500), rng.normal(size=1500))[rng.random(1500) < 0.7]
        with pytest.warns(UserWarning, match="no value"):
            curve = decay_curve(frame, max_lag=40)
        above.append((curve.mi_corrected > curve.floor).mean())
    assert np.mean(above) < 0.02


def test_differences_and_trends_are_taken_beside_gaps():
    y = 0.01 * np.arange(len(MONTHS)) + _season()
    frame = _frame(MONTHS, y)[np.random.default_rng(1).random(len(MONTHS)) < 0.8]
    with pytest.warns(UserWarning, match="no value"):
        curve = decay_curve(frame, max_lag=40, detrend=True)
    assert analyze_decay(curve).period == 12
    with pytest.warns(UserWarning, match="no value"):
        curve = decay_curve(frame, max_lag=40, difference=1)
    assert curve.n_pairs[0] < 0.8**3 * len(frame) / 0.8 + 40  # two neighbours each


def test_each_series_has_its_own_clock_unless_freq_says_otherwise():
    days = _frame(DAYS, ids="days")
    months = _frame(pd.date_range("2020-01-01", periods=12, freq="30D"), ids="months")
    frame = pd.concat([days, months])
    assert read_panel(frame).note == ""
    assert read_panel(frame, freq="D").n_missing == 11 * 29
    with pytest.warns(UserWarning, match="319 steps of 1 of 2 series"):
        decay_curve(frame, freq="D", max_lag=5, detrend=True)
    with pytest.raises(ValueError, match="several times of a series fall into one such step"):
        read_panel(frame, freq="MS")
    with pytest.raises(ValueError, match="'foo' is no step that pandas knows"):
        read_panel(frame, freq="foo")
    with pytest.raises(ValueError, match="freq='D' names the step of a panel's times"):
        decay_curve(np.arange(50) % 7, freq="D")


@pytest.mark.parametrize("shift", [0, -40_000])
def test_whole_numbers_that_measure_are_known_beside_gaps(shift):
    week = np.sin(2 * np.pi * np.arange(1000) / 7)
    loads = 30_000 + 8000 * week + np.random.default_rng(0).normal(0, 500, 1000)
    frame = _frame(np.arange(1000), loads.astype(int) + shift)
    with pytest.warns(UserWarning, match="no value"):
        curve = decay_curve(frame[np.random.default_rng(1).random(1000) < 0.8], max_lag=21)
    assert curve.n_symbols == 8
    assert curve.lags[np.argmax(curve.mi_corrected)] % 7 == 0


def test_irregular_times_are_told_and_taken_in_order():
    times = pd.Timestamp("2020") + pd.to_timedelta(
        np.cumsum(np.random.default_rng(0).integers(1, 10**15, 300))
    )
    with pytest.warns(UserWarning, match="no regular step, and their rows are taken"):
        curve = decay_curve(_frame(times, _season(300)), max_lag=30)
    assert curve.n_pairs[0] == 299


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (_frame([None, *DAYS[1:]]), "1 of 400 rows have no ds"),
        (_frame(DAYS, ids=[None] * 10 + ["a"] * 390), "10 of 400 rows have no unique_id"),
        (_frame(["soon", *DAYS[1:].astype(str)]), "holds 'soon', which is no time"),
        (_frame(["1/2/2020", "3/4/2020", "5/6/2020"]), "may have the day or the month first"),
        (_frame(["13/13/2020", "1/2/2020"]), "which is no time"),
        (_frame([*DAYS[:9], DAYS[0]]), "1 rows repeat a pair"),
        (_frame([datetime.date(2020, 1, 1), "2020-01-01"]), "1 rows repeat a pair"),
        (_frame(DAYS, np.full(400, np.nan)), "all 400 values of y are missing"),
    ],
)
def test_panels_that_cannot_be_put_in_order_are_refused(frame, words):
    with pytest.raises(ValueError, match=words):
        decay_curve(frame)


class _Other:
    """A frame of a library that knows how to become a pandas one."""

    def __init__(self, frame):
        self._frame = frame

    def to_pandas(self):
        if self._frame is None:
            raise ImportError("pyarrow is required")
        return self._frame


def test_frames_of_other_libraries_are_converted():
    frame = _frame(MONTHS, _season())
    assert decay_curve(_Other(frame), max_lag=30).mi.tolist() == (
        decay_curve(frame, max_lag=30).mi.tolist()
    )
    with pytest.raises(ImportError, match="pyarrow is required"):
        decay_curve(_Other(None))


def test_polars_frames():
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    frame = _frame(MONTHS, _season())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curve = decay_curve(polars.from_pandas(frame), max_lag=30)
    assert curve.mi.tolist() == decay_curve(frame, max_lag=30).mi.tolist()
