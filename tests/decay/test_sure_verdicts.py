"""Verdicts as sure as their intervals; series that wander behind their cycles."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from scipy.signal import lfilter

from optuna_mi.decay import DecayCurve, analyze_decay, decay_curve
from optuna_mi.decay.measure.reading._stationarity import nonstationary


def noisy(mi, sigma, seed):
    rng = np.random.default_rng(seed)
    floor = np.full(len(mi), 3 * sigma)
    value = np.asarray(mi) + sigma * rng.normal(size=len(mi))
    return DecayCurve(np.arange(1, len(mi) + 1), value, std_error=floor / 3, floor=floor)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("exponent", [0.15, 0.5, 1.0])
def test_estimates_lie_in_their_intervals_and_these_do_not_overlap(seed, exponent):
    d = np.arange(1, 2001)
    analysis = analyze_decay(noisy(1e-3 * d**-exponent, 1e-4, seed))
    if analysis.crossing is not None:
        low, high = analysis.crossing_interval
        assert low <= analysis.crossing <= high
        # the headline is as sure as the interval
        assert ("somewhere between" in analysis.max_dilation_reason) == (high > 4 * low)
    for (_, high), (low, _) in itertools.pairwise(analysis.breakpoint_intervals):
        assert high <= low


def hours(seed, n, *, level):
    day = 3 * np.sin(np.arange(n) / 12 * np.pi) + np.sin(np.arange(n) / 84 * np.pi)
    return day + level(np.random.default_rng(seed).normal(size=n))


@pytest.mark.parametrize("n", [1_000, 17_420])
def test_a_walk_shows_behind_cycles_and_noise(n):
    def found(level):
        series = [hours(seed, n, level=level) for seed in range(12)]
        offsets = np.arange(13) * n
        walks, trends, tested = nonstationary(np.concatenate(series), offsets)
        assert tested == 12
        return walks + trends

    def noise_too(w):
        return 0.2 * np.cumsum(w) + np.roll(w, n // 2)

    assert found(lambda w: 0.3 * np.cumsum(w)) >= 9
    # in a short one the noise hides it
    assert n < 10_000 or found(noise_too) >= 9
    assert found(lambda w: 40 * np.exp(0.01 * np.cumsum(w))) >= 8
    # what forgets is no walk, whatever its cycles
    assert found(lambda w: 0 * w) == 0
    assert found(lambda w: w) == 0
    assert found(lambda w: lfilter([1], [1, -0.9], w)) <= 1
    if n > 10_000:
        assert found(lambda w: lfilter([1], [1, -0.99], w)) <= 1


def test_a_walk_behind_a_day_warns():
    with pytest.warns(UserWarning, match="random walk"):
        decay_curve(hours(0, 5_000, level=lambda w: 0.3 * np.cumsum(w)), max_lag=50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decay_curve(hours(0, 5_000, level=lambda w: w), max_lag=50)
