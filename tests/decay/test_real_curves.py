"""Verdicts on real data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from optuna_mi.decay import DecayCurve, analyze_decay, decay_curve


def test_published_ptb_letters(published):
    lags, columns = published("ptb_letters_grassberger")
    analysis = analyze_decay(DecayCurve(lags, columns[:, 0]))
    assert analysis.law == "broken_power"
    assert len(analysis.breakpoints) == 1
    assert 24 < analysis.breakpoints[0] < 34
    assert "no baseline" in analysis.resolution
    forced = analyze_decay(DecayCurve(lags, columns[:, 0]), breakpoints=[12])
    assert forced.breakpoints == (12.0,)
    # steep before the paper's inflection, shallow after it
    assert forced.fit.slopes[0] < 2 * forced.fit.slopes[1]


def test_ptb_letters_with_baseline(ptb_letters):
    analysis = analyze_decay(decay_curve(ptb_letters))
    assert analysis.law == "broken_power"
    assert 20 < analysis.breakpoints[0] < 40
    assert 1000 < analysis.crossing < 4000
    assert analysis.crossing_interval[0] <= analysis.crossing <= analysis.crossing_interval[1]
    assert analysis.max_dilation == round(analysis.crossing)


@pytest.mark.parametrize("seed", range(8))
def test_the_seed_of_the_baseline_does_not_decide_about_the_period(seed):
    # two thirds of the digits, as the main job measures them: weak second to fourth peaks
    datasets = pytest.importorskip("sklearn.datasets")
    curve = decay_curve(datasets.load_digits().data[:1197].astype(np.int64), seed=seed)
    analysis = analyze_decay(curve)
    assert (analysis.law, analysis.period) == ("periodic_power", 8)


def test_digits_are_periodic():
    datasets = pytest.importorskip("sklearn.datasets")
    curve = decay_curve(datasets.load_digits().data.astype(np.int64))
    assert curve.positions == "conditional"
    expected = [0.147, 0.035, 0.017, 0.013, 0.176, 0.032]
    assert curve.mi_corrected[[0, 1, 2, 3, 7, 15]] == pytest.approx(expected, abs=3e-3)
    analysis = analyze_decay(curve)
    assert analysis.law == "periodic_power"
    assert (analysis.period, analysis.period_kind, analysis.max_dilation) == (8, "dominant", 8)


def test_mnist_is_periodic_and_permuted_is_flat(mnist_train):
    images = mnist_train[:2000]
    lags = np.arange(1, 80)
    plain = analyze_decay(decay_curve(images, lags=lags))
    assert (plain.period, plain.period_kind, plain.max_dilation) == (28, "dominant", 28)
    order = np.random.RandomState(92916).permutation(784)
    sparse = np.r_[1:20, 40:780:40, 780:784]
    permuted = analyze_decay(decay_curve(images[:, order], lags=sparse))
    assert permuted.law == "flat"
    assert permuted.max_dilation == 783
    assert "784 steps" in permuted.max_dilation_reason


def test_published_mnist_is_periodic(published):
    lags, columns = published("mnist_grassberger")
    analysis = analyze_decay(DecayCurve(lags, columns[:, 0]))
    assert (analysis.period, analysis.period_kind) == (28, "dominant")


def test_whole_numbers_that_measure_something_are_real():
    rng = np.random.default_rng(0)
    hours = np.arange(4000)
    load = 30_000 + 5000 * np.sin(2 * np.pi * hours / 24) + 500 * rng.normal(size=hours.size)
    whole = decay_curve(load.round().astype(int), max_lag=60)
    assert "taken for real" in whole.notes[0]
    np.testing.assert_allclose(whole.mi, decay_curve(load.round(), max_lag=60).mi)
    assert decay_curve(load.round().astype(int), max_lag=60, values="symbols").n_symbols > 1000
    # names are no quantities, however many: words, characters, ids, a few levels, bytes
    names = rng.zipf(1.3, 4000) % 1000
    characters = np.repeat(rng.integers(0x4E00, 0x9FFF, 400), 10)
    for symbols in (
        names,
        rng.integers(0, 300, 4000),
        "".join(map(chr, characters)),
        np.array([f"w{i}" for i in characters]),
        pd.Series([f"w{i}" for i in characters]),
        (hours // 10 % 200).astype(np.uint16),
        hours % 50,
    ):
        assert not decay_curve(symbols, max_lag=3).notes
