"""Clocks that are weak, short or noiseless: their period, and the span that they need."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from optuna_mi.decay import DecayCurve, analyze_decay, decay_curve
from optuna_mi.decay.analysis.periods._swings import season
from optuna_mi.decay.measure.reading._real import rank_correlation
from optuna_mi.search_space import DilationSpace


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("wave", ["weekend", "sine"])
def test_a_weak_week_in_daily_counts_needs_one_week(seed: int, wave: str) -> None:
    """Single peaks drown in noise; the span was hundreds of days in half of the draws."""
    day = np.arange(1500)
    mean = 5.0 + 3 * (day % 7 > 4) if wave == "weekend" else 6.5 + 1.5 * np.sin(day / 7 * 2 * np.pi)
    analysis = analyze_decay(decay_curve(np.random.default_rng(seed).poisson(mean)))
    assert (analysis.period, analysis.max_dilation) == (7, 7)
    space = DilationSpace.from_analysis(analysis)
    assert max(space.dilations(space.recommended)) == 7


def test_a_wave_far_below_the_memory_before_it_needs_one_period() -> None:
    """The peaks have a tenth of MI(1), but never fall: the span was the last lag measured."""
    rng = np.random.default_rng(0)
    x = 2 * np.sin(np.arange(20_000) / 50 * 2 * np.pi) + lfilter(
        [1], [1, -0.9], rng.normal(size=20_000)
    )
    analysis = analyze_decay(decay_curve(x))
    assert (analysis.period, analysis.max_dilation) == (50, 50)
    assert "does not fall" in analysis.max_dilation_reason


def test_a_marker_needs_one_period_and_codons_a_codon() -> None:
    rng = np.random.default_rng(0)
    keep = rng.random(60_000) < 0.7
    keep[0] = False
    x = rng.integers(0, 2, 60_000)[np.maximum.accumulate(np.where(keep, 0, np.arange(60_000)))]
    x[::100] = 2
    marker = analyze_decay(decay_curve(x, max_lag=2000))
    assert (marker.period, marker.max_dilation) == (100, 100)
    codons = rng.choice(64, 30_000, p=rng.dirichlet(np.full(64, 0.8)))
    x = np.stack([codons // 16, codons // 4 % 4, codons % 4], axis=1).ravel()
    bases = analyze_decay(decay_curve(x, max_lag=3000))
    assert bases.period == 3
    assert bases.max_dilation <= 9


def test_memory_beyond_a_clock_counts_as_far_as_it_exceeds_the_clock() -> None:
    """The span was 1,000, the last lag."""
    d = np.arange(1, 1001)
    curve = DecayCurve(d, 0.4 / d + 0.02 * (d % 10 == 0), floor=np.full(1000, 1e-4))
    analysis = analyze_decay(curve)
    assert (analysis.period, analysis.period_kind) == (10, "modulating")
    # 0.4 / d is 15 % of the peaks at 130
    assert 60 < analysis.max_dilation < 260
    assert "one period back tells what they tell" in analysis.max_dilation_reason


@pytest.mark.filterwarnings("ignore:.*series tested look like")
@pytest.mark.parametrize(("n", "period"), [(60, 4), (72, 12), (90, 7)])
def test_a_short_series_shows_its_season(n: int, period: int) -> None:
    found = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        shape = np.linspace(-2, 2, period) + rng.normal(size=period)
        x = shape[np.arange(n) % period] * 2 + 0.7 * rng.normal(size=n)
        analysis = analyze_decay(decay_curve(x))
        found += (analysis.period, analysis.max_dilation) == (period, period)
    assert found >= 8


@pytest.mark.parametrize("memory", [0.0, 0.8, 0.95, 1.0, -0.8])
def test_memory_is_no_season(memory: float) -> None:
    for n in (30, 100, 300):
        lags = np.arange(1, n // 3 + 1)
        for seed in range(30):
            x = lfilter([1], [1, -memory], np.random.default_rng(seed).normal(size=n))
            assert season(rank_correlation(x, np.array([0, n]), lags), n - lags) is None


def test_a_motif_that_repeats_here_and_there_is_no_period() -> None:
    """Each distance within it has a height of its own, some of them in a row by chance."""
    for seed in range(2):
        rng = np.random.default_rng(seed)
        motif, parts = rng.integers(0, 4, 300), []
        for _ in range(60):
            parts.append(rng.integers(0, 4, rng.integers(800, 1600)))
            parts.append(np.where(rng.random(300) < 0.08, rng.integers(0, 4, 300), motif))
        assert analyze_decay(decay_curve(np.concatenate(parts), max_lag=1500)).period is None


def test_a_motif_has_no_chance_divisors() -> None:
    named = []
    for seed in range(43, 47):
        rng = np.random.default_rng(seed)
        x = np.where(
            rng.random(60_000) < 0.3,
            rng.integers(0, 4, 60_000),
            np.resize(rng.integers(0, 4, 60), 60_000),
        )
        named.append([c.period for c in analyze_decay(decay_curve(x, max_lag=600)).periods])
    assert sum(p != [60] for p in named) <= 1


def test_topics_of_a_text_are_no_dependence_without_end() -> None:
    """The memory of a few topics biases MI of many words, in few directions."""
    rng = np.random.default_rng(1)
    topics, words = rng.dirichlet(np.full(200, 0.1), 12), []
    while sum(map(len, words)) < 30_000:
        words.append(rng.choice(200, rng.geometric(1 / 200), p=topics[rng.integers(12)]))
    analysis = analyze_decay(decay_curve(np.concatenate(words), max_lag=3000))
    assert 150 < analysis.max_dilation < 2000
