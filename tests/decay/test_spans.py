"""Spans that more data of the same source do not turn over: clocks, wandering cycles, images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.signal import lfilter

from optuna_mi.decay import DecayCurve, analyze_decay, decay_curve
from optuna_mi.decay.analysis.periods._swings import swing_period
from optuna_mi.search_space import design_dilations


def load(n):
    """Hours of a grid's demand: days, weekends, a year, weather."""
    rng = np.random.default_rng(0)
    hour = np.arange(145_366)
    day = 20 + 6 * np.sin((hour - 7) / 12 * np.pi) + 3 * np.sin((hour - 4) / 6 * np.pi)
    year = 4 * np.cos(hour / 8766 * 2 * np.pi) * (1 + 0.2 * np.sin(hour / 12 * np.pi))
    weather = 0.3 * lfilter([1], [1, -0.985], rng.normal(size=hour.size))
    demand = day * np.where(hour // 24 % 7 >= 5, 0.85, 1.0) + year + weather
    return (demand + 0.5 * rng.normal(size=hour.size))[:n]


# half a year looks like a trend
@pytest.mark.filterwarnings("ignore:.*series tested look like")
@pytest.mark.parametrize(("n", "span"), [(4_000, 24), (17_520, 168), (52_000, 168)])
def test_the_load_of_a_grid_needs_one_period_however_long_it_is(n, span):
    analysis = analyze_decay(decay_curve(load(n)))
    assert (analysis.period_kind, analysis.max_dilation) == ("dominant", span)
    assert "of that as far as was measured" in analysis.max_dilation_reason
    if span == 168:
        assert [c.period for c in analysis.periods] == [24, 168]
        assert analysis.periods[0].reach > n // 10 - 100
        assert "all periods" in analysis.summary()
        assert 24 in design_dilations(analysis, n_layers=9)


def test_ten_years_of_days_show_the_year_by_default():
    rng = np.random.default_rng(0)
    day = np.arange(3652)
    weather = 2 * lfilter([1], [1, -0.8], rng.normal(size=day.size))
    analysis = analyze_decay(decay_curve(10 * np.cos(2 * np.pi * day / 365.25) + weather))
    assert analysis.period == pytest.approx(365, abs=5)
    assert analysis.max_dilation == analysis.period


@pytest.mark.parametrize("rate", [1_000, 8_000, 6_667])
def test_a_hum_is_a_clock_also_where_its_period_is_no_whole_number(rate):
    rng = np.random.default_rng(0)
    hum = np.sin(2 * np.pi * 50 * np.arange(20_000) / rate) + 0.5 * rng.normal(size=20_000)
    analysis = analyze_decay(decay_curve(hum))
    assert (analysis.period, analysis.period_kind) == (round(rate / 50), "dominant")
    assert analysis.max_dilation == round(rate / 50)


def spots(seed, years=270):
    """Months of a cycle of eleven years, give or take: its length and height vary."""
    rng = np.random.default_rng(seed)
    out = []
    while sum(map(len, out)) < 12 * years:
        n = int(12 * rng.normal(11.0, 1.1))
        out.append(rng.uniform(60, 200) * np.sin(np.linspace(0, np.pi, n)) ** 2)
    mean = np.concatenate(out)[: 12 * years]
    return np.maximum(mean * (1 + 0.25 * rng.normal(size=mean.size)), 0) + 5 * rng.random(mean.size)


@pytest.mark.parametrize("seed", range(4))
def test_a_cycle_that_wanders_is_found(seed):
    analysis = analyze_decay(decay_curve(spots(seed), max_lag=400))
    assert analysis.period == pytest.approx(132, rel=0.08)


@pytest.mark.parametrize("memory", [0.9, 0.99, 1.0])
def test_memory_is_no_cycle(memory):
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(size=3000)
        x = lfilter([1], [1, -memory], noise)
        x = (x - x.mean()) / x.std()
        alike = np.correlate(x, x, "full")[3000:3600] / 3000
        assert swing_period(alike) is None


def test_images_reach_one_row():
    rng = np.random.default_rng(0)
    images = [gaussian_filter(rng.normal(size=(32, 32)), 3.0) for _ in range(60)]
    x = np.clip(np.concatenate(images).ravel() * 20 + 8, 0, 15).astype(np.int64)
    for max_lag in (200, 1024, 3000):
        analysis = analyze_decay(decay_curve(x, max_lag=max_lag))
        assert (analysis.period, analysis.period_kind, analysis.max_dilation) == (
            32,
            "dominant",
            32,
        )


def test_where_peaks_drown_does_not_decide_about_the_kind():
    """The same peaks, gone after fifteen rows, with floors that more and more data would have."""
    d = np.arange(1, 4001)
    peak = (d % 32 == 0) * np.exp(-d / 32 / 2) + 1e-3 * np.exp(-d / 900)
    for floor in (1e-2, 1e-3, 1e-4, 1e-5):
        curve = DecayCurve(d, peak, std_error=np.full(4000, floor / 3), floor=np.full(4000, floor))
        assert analyze_decay(curve).period_kind == "dominant"


def test_peaks_that_are_gone_after_some_rows_are_no_peaks_that_drown():
    """Rows of an image: ten peaks stand clear, the next two are below the floor."""
    rng = np.random.default_rng(4)
    images = [gaussian_filter(rng.normal(size=(32, 32)), 3.0) for _ in range(300)]
    x = np.clip(np.concatenate(images).ravel() * 20 + 8, 0, 15).astype(np.int64)
    analysis = analyze_decay(decay_curve(x, seed=4))
    assert (analysis.period, analysis.period_kind, analysis.max_dilation) == (32, "dominant", 32)
