"""Long sequences, of whose lags only some are measured: the right ones."""

from __future__ import annotations

import numpy as np
import pytest

from optuna_mi.decay import analyze_decay, decay_curve
from optuna_mi.decay.measure import _lags
from optuna_mi.decay.measure._promising_lags import promising_lags
from optuna_mi.decay.measure.reading._read import flatten
from optuna_mi.decay.measure.reading._sequences import Sequences, encode


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch):
    """Thin sequences that are short enough for a test."""
    monkeypatch.setattr(_lags, "_AFFORDABLE", 1e7)


def copied(n, distance, share, n_symbols, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, n_symbols, n)
    y = x.copy()
    y[distance:] = np.where(rng.random(n - distance) < share, x[:-distance], x[distance:])
    return y


def pattern(n, period, n_symbols, noise, seed=0):
    rng = np.random.default_rng(seed)
    clean = np.resize(rng.integers(0, n_symbols, period), n)
    return np.where(rng.random(n) < noise, rng.integers(0, n_symbols, n), clean)


@pytest.mark.parametrize(("distance", "n_symbols"), [(300, 20), (5000, 20), (7777, 100)])
def test_a_copy_between_selected_lags_is_measured(distance, n_symbols):
    curve = decay_curve(copied(100_000, distance, 0.2, n_symbols))
    assert len(curve) < 1000
    assert distance in curve.lags
    analysis = analyze_decay(curve)
    assert [d.distance for d in analysis.delays] == [distance]
    assert analysis.max_dilation == distance


def test_a_permutation_is_seen_too():
    """No symbol is more often itself after 3,333 steps; it is more often another one."""
    x = copied(100_000, 3333, 0.2, 20)
    rng = np.random.default_rng(1)
    other = np.where(np.arange(x.size) // 3333 % 2, rng.permutation(20)[x], x)
    assert 3333 in decay_curve(other).lags


@pytest.mark.parametrize(("period", "n_symbols"), [(48, 20), (168, 30), (1000, 20)])
def test_periods_longer_than_what_is_measured_without_gaps(period, n_symbols):
    curve = decay_curve(pattern(120_000, period, n_symbols, 0.5))
    analysis = analyze_decay(curve)
    assert (analysis.period, analysis.period_kind) == (period, "dominant")
    assert analysis.max_dilation == period


@pytest.mark.parametrize("length", [51, 81])
def test_lines_of_equal_length(length):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 20, 200_000)
    x[length - 1 :: length] = 20
    assert analyze_decay(decay_curve(x)).max_dilation == length


def test_independent_symbols_get_few_more_lags_and_no_dependence():
    for seed in range(4):
        x = np.random.default_rng(seed).integers(0, 30, 100_000)
        curve = decay_curve(x)
        assert len(curve) <= 100 + 16 * 8 + 3
        analysis = analyze_decay(curve)
        assert (analysis.law, analysis.delays) == ("none", ())


def test_what_was_not_measured_is_said():
    x = np.random.default_rng(0).integers(0, 30, 100_000)
    curve = decay_curve(x)
    near = int((np.diff(curve.lags) > 1).argmax()) + 1
    assert f"beyond lag {near} only {len(curve) - near} of {10_000 - near:,} were" in curve.gaps
    assert curve.gaps in curve.summary()
    assert "is not seen" in analyze_decay(curve).summary()
    assert decay_curve(x, lags=range(1, 20)).gaps == ""


def test_few_symbols_are_measured_at_all_lags(monkeypatch):
    """Fourier transforms count all lags at once."""
    monkeypatch.setattr(_lags, "_AFFORDABLE", 1e8)
    x = pattern(260_000, 48, 8, 0.3)
    curve = decay_curve(x, max_lag=4000)
    assert len(curve) == 4000
    assert analyze_decay(curve).period == 48


def test_the_look_at_all_lags_keeps_its_false_alarms():
    found = 0
    for seed in range(40):
        x = np.random.default_rng(seed).zipf(1.5, 30_000) % 500
        codes, offsets = flatten(x)
        found += promising_lags(encode(codes, offsets), 2000)[0].size
    assert found <= 1


def test_the_look_at_all_lags_leaves_out_steps_without_a_symbol():
    x = copied(60_000, 700, 0.3, 20)
    gaps = np.where(np.arange(x.size) % 50 < 5, 20, x).astype(np.uint8)
    offsets = np.array([0, x.size])
    peaks, _ = promising_lags(Sequences(gaps, offsets, 21, 20, has_gaps=True), 2000)
    assert peaks.tolist() == [700]
