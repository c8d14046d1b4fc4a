"""Single distances that depend while nothing else does: echoes and copies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from optuna_mi.decay import DecayAnalysis, analyze_decay, decay_curve
from optuna_mi.search_space import DilationSpace


def echo(n, seed, **strength):
    """White noise plus itself, so many steps later."""
    noise = np.random.default_rng(seed).normal(size=n)
    out = noise.copy()
    for name, share in strength.items():
        distance = int(name[1:])
        out[distance:] += share * noise[:-distance]
    return out


def copied(n, distance, share, n_symbols, seed):
    """Independent symbols, some of which are those of so many steps ago."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, n_symbols, n)
    takes = rng.random(n - distance) < share
    x[distance:] = np.where(takes, x[:-distance].copy(), x[distance:])
    return x


def named(analysis):
    return [d.distance for d in analysis.delays]


def recommended(analysis):
    space = DilationSpace.from_analysis(analysis)
    return space.dilations(space.recommended)


@pytest.mark.parametrize("distance", [2, 5, 31, 300, 1900])
@pytest.mark.parametrize("share", [0.1, 0.8])
def test_an_echo_is_named_and_reached(distance, share):
    x = echo(20_000, seed=distance, **{f"d{distance}": share})
    analysis = analyze_decay(decay_curve(x, max_lag=2000))
    assert analysis.law == "delays"
    assert named(analysis) == [distance]
    assert analysis.max_dilation == distance
    assert f"only at one distance: {distance:,}" in analysis.max_dilation_reason
    assert f"{distance:,} (" in analysis.summary()
    assert recommended(analysis)[-1] == distance
    assert DecayAnalysis.from_json(analysis.to_json()) == analysis


@pytest.mark.parametrize("n_symbols", [2, 8, 200])
def test_copied_symbols_are_named(n_symbols):
    analysis = analyze_decay(decay_curve(copied(30_000, 500, 0.3, n_symbols, 0), max_lag=2000))
    assert 500 in named(analysis) or analysis.period == 500
    assert 500 in recommended(analysis)


def test_several_echoes_and_the_distances_between_them():
    analysis = analyze_decay(decay_curve(echo(40_000, 0, d40=0.6, d300=0.5, d1700=0.4)))
    # two echoes of the same value also depend on one another
    assert {40, 300, 1700} <= set(named(analysis)) <= {40, 260, 300, 1400, 1660, 1700}
    assert {40, 300, 1700} <= set(recommended(analysis))


def test_two_distances_are_no_period_though_one_is_twice_the_other():
    analysis = analyze_decay(decay_curve(echo(40_000, 0, d300=0.5, d600=0.5)))
    assert analysis.period is None
    assert named(analysis) == [300, 600]


def test_two_echoes_side_by_side():
    analysis = analyze_decay(decay_curve(echo(40_000, 0, d36=0.6, d38=0.5), max_lag=500))
    assert {36, 38} <= set(named(analysis))


def test_an_echo_behind_a_decay():
    rng = np.random.default_rng(0)
    memory = lfilter([1.0], [1.0, -0.9], rng.normal(size=40_000))
    analysis = analyze_decay(decay_curve(memory + 2 * echo(40_000, 1, d300=0.8), max_lag=2000))
    assert analysis.law not in ("delays", "none")
    assert named(analysis) == [300]
    assert analysis.crossing < 60
    assert analysis.max_dilation == 300
    assert "elsewhere it decays" in analysis.max_dilation_reason
    assert recommended(analysis)[-1] == 300


@pytest.mark.parametrize("n_symbols", [2, 5, 50])
def test_noise_has_no_delays(n_symbols):
    """One lag in hundreds passes a floor of three deviations; none of thousands must be named."""
    for seed in range(6):
        x = np.random.default_rng(seed).integers(0, n_symbols, 20_000)
        assert analyze_decay(decay_curve(x)).delays == ()


def test_asking_for_delays():
    x = echo(20_000, 0, d30=0.5)
    curve = decay_curve(x, max_lag=100)
    assert analyze_decay(curve, law="delays").forced == ("law",)
    with pytest.raises(ValueError, match="no single distance stands out"):
        analyze_decay(decay_curve(x, max_lag=20), law="delays")
