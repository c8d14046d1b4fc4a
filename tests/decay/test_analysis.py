"""Laws, breaks, periods and crossings that are known."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optuna_mi.decay import DecayAnalysis, DecayCurve, analyze_decay, decay_curve
from optuna_mi.decay import generators as make

LAGS = np.arange(1, 1001)


def noisy(mi, sigma, seed=0, **options):
    rng = np.random.default_rng(seed)
    value = np.asarray(mi) + sigma * rng.normal(size=len(mi))
    lags = np.arange(1, len(mi) + 1)
    return DecayCurve(
        lags, value, baseline=np.zeros(len(mi)), floor=np.full(len(mi), 3 * sigma), **options
    )


@settings(deadline=None, max_examples=25)
@given(amplitude=st.floats(0.01, 1.0), exponent=st.floats(0.8, 3.0), seed=st.integers(0, 100))
def test_power_laws(amplitude, exponent, seed):
    truth = amplitude * LAGS**-exponent
    analysis = analyze_decay(noisy(truth, 1e-6, seed))
    assert analysis.law == "power"
    assert analysis.fit.slopes[0] == pytest.approx(-exponent, abs=0.1)
    crossing = (amplitude / analysis.effective_threshold) ** (1 / exponent)
    if crossing < 700:
        assert analysis.crossing == pytest.approx(crossing, rel=0.2)
        assert analysis.max_dilation == round(analysis.crossing)


@settings(deadline=None, max_examples=25)
@given(amplitude=st.floats(0.05, 1.0), length=st.floats(2.0, 60.0), seed=st.integers(0, 100))
def test_exponential_laws(amplitude, length, seed):
    truth = amplitude * np.exp(-LAGS / length)
    analysis = analyze_decay(noisy(truth, 1e-6, seed))
    assert analysis.law == "exponential"
    assert analysis.fit.rate == pytest.approx(1 / length, rel=0.1)
    crossing = length * np.log(amplitude / analysis.effective_threshold)
    assert analysis.crossing == pytest.approx(crossing, rel=0.1, abs=1)


@pytest.mark.parametrize("knot", [8, 30, 100])
def test_a_break_is_found_with_its_interval(knot):
    truth = 0.5 * np.minimum(LAGS, knot) ** -2.0 * np.maximum(LAGS / knot, 1.0) ** -0.5
    analysis = analyze_decay(noisy(truth, 1e-6))
    assert analysis.law == "broken_power"
    assert len(analysis.breakpoints) == 1
    assert analysis.breakpoints[0] == pytest.approx(knot, rel=0.15)
    low, high = analysis.breakpoint_intervals[0]
    assert low <= knot * 1.05
    assert high >= knot * 0.95
    assert high / low < 2


def test_two_breaks_are_told_from_one():
    slopes = np.select([LAGS < 10, LAGS < 100], [-2.0, -0.2], -1.5)
    truth = 0.5 * np.exp(np.concatenate(([0], np.cumsum(slopes[1:] * np.diff(np.log(LAGS))))))
    analysis = analyze_decay(noisy(truth, 1e-6))
    assert len(analysis.breakpoints) == 2
    assert analysis.breakpoints == pytest.approx((10, 100), rel=0.2)


def test_flat_and_nothing():
    flat = analyze_decay(noisy(np.full(500, 0.02), 1e-3, sequence_length=501, n_sequences=50))
    assert flat.law == "flat"
    assert flat.max_dilation == 500
    assert flat.crossing is None
    assert "whole sequence of 501 steps" in flat.max_dilation_reason
    nothing = analyze_decay(noisy(np.zeros(500), 1e-3))
    assert nothing.law == "none"
    assert nothing.max_dilation == 1
    assert nothing.crossing is None
    assert (nothing.predict([1, 10]) > 0).all()


def test_one_dip_is_no_crossing():
    truth = 0.1 / LAGS
    truth[[40, 200, 201]] = -1e-5
    analysis = analyze_decay(noisy(truth, 1e-7, sequence_length=5000))
    assert analysis.crossing is None
    assert analysis.max_dilation == 1000
    assert "measure longer distances" in analysis.max_dilation_reason
    assert "near 9," in analysis.max_dilation_reason or "near 10," in analysis.max_dilation_reason


@settings(deadline=None, max_examples=15)
@given(period=st.integers(3, 90), seed=st.integers(0, 100))
def test_dominant_periods(period, seed):
    peak = 0.3 * np.exp(-0.5 * (np.abs((LAGS + period / 2) % period - period / 2) / 0.8) ** 2)
    analysis = analyze_decay(noisy(peak + 0.005, 1e-4, seed, sequence_length=2000))
    assert analysis.law == "periodic_power"
    assert (analysis.period, analysis.period_kind) == (period, "dominant")
    assert analysis.max_dilation == period
    assert analysis.period_strength > 0.5


@settings(deadline=None, max_examples=15)
@given(period=st.integers(4, 40), seed=st.integers(0, 100))
def test_modulating_periods_do_not_cut_the_span(period, seed):
    truth = 0.3 * LAGS**-1.2 * (0.2 + 0.8 * np.cos(np.pi * LAGS / period) ** 2)
    analysis = analyze_decay(noisy(truth, 1e-6, seed))
    assert (analysis.period, analysis.period_kind) == (period, "modulating")
    crossing = (0.3 / max(1e-5, 3e-6)) ** (1 / 1.2)
    if crossing < 900:
        assert analysis.crossing == pytest.approx(crossing, rel=0.3)
    assert analysis.max_dilation > 300


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), exponent=st.floats(0.3, 2.0))
def test_no_period_in_noise(seed, exponent):
    analysis = analyze_decay(noisy(0.05 * LAGS**-exponent, 2e-4, seed))
    assert analysis.period is None


def test_forced_settings_are_obeyed_and_said():
    curve = noisy(0.5 * LAGS**-2.0, 1e-6)
    forced = analyze_decay(curve, breakpoints=[12, 50.5])
    assert forced.law == "broken_power"
    assert forced.breakpoints == (12.0, 50.5)
    assert forced.breakpoint_intervals == ((12.0, 12.0), (50.5, 50.5))
    assert forced.forced == ("breakpoints",)
    assert "given: breakpoints" in forced.summary()
    for law in ("power", "exponential", "broken_power", "flat", "none"):
        analysis = analyze_decay(curve, law=law)
        assert analysis.law == law
        assert analysis.forced == ("law",)
    period = analyze_decay(curve, period=7)
    assert (period.law, period.period, period.period_kind) == ("periodic_power", 7, "modulating")
    assert analyze_decay(curve, threshold=1e-3).crossing < analyze_decay(curve).crossing
    both = analyze_decay(curve, law="broken_power", breakpoints=[9])
    assert both.forced == ("law", "breakpoints")


def test_scores_of_all_candidates_are_kept():
    analysis = analyze_decay(noisy(0.5 * LAGS**-1.5, 1e-6))
    assert set(analysis.scores) >= {"power", "exponential", "flat", "broken_power_1"}
    assert min(analysis.scores, key=analysis.scores.get) == "power"


def test_resolution_says_how_many_pairs_would_do():
    x = make.markov_chain(50_000, make.sticky_transition(3, 0.6), seed=0)
    analysis = analyze_decay(decay_curve(x, max_lag=100))
    assert not analysis.resolved
    assert "would be needed" in analysis.resolution
    assert analysis.effective_threshold > 1e-5
    assert analyze_decay(decay_curve(x, max_lag=100), threshold=0.01).resolved


def test_predictions_never_rise_and_stay_positive():
    d = np.geomspace(1, 1e7, 500)
    for law in ("power", "exponential", "broken_power", "flat", "none"):
        for curve in (noisy(0.5 * LAGS**-0.7, 1e-4), noisy(0.5 * np.exp(-LAGS / 9.0), 1e-4)):
            value = analyze_decay(curve, law=law).predict(d)
            assert (value > 0).all()
            assert (np.diff(value) <= 0).all()
    with pytest.raises(ValueError, match="d must hold numbers >= 1"):
        analyze_decay(curve).predict([0.5])


def test_predict_has_the_slopes_of_the_fit_on_either_side_of_an_inflection():
    truth = 0.5 * np.minimum(LAGS, 20) ** -2.0 * np.maximum(LAGS / 20, 1.0) ** -0.8
    analysis = analyze_decay(noisy(truth, 1e-6))
    edges = np.array([1.0, *analysis.breakpoints, float(analysis.max_dilation)])
    slopes = np.diff(np.log(analysis.predict(edges))) / np.diff(np.log(edges))
    assert slopes == pytest.approx(analysis.fit.slopes, abs=1e-9)
    assert len(analyze_decay(noisy(np.zeros(50), 1e-3)).fit.slopes) == 1


@pytest.mark.parametrize("length", [1, 2, 3, 5])
@pytest.mark.parametrize("value", [0.5, 0.0, -1e-3])
def test_short_curves(length, value):
    lags = np.arange(1, length + 1)
    curve = DecayCurve(lags, value / lags)
    for law in (None, "power", "exponential", "flat", "none"):
        analysis = analyze_decay(curve, law=law)
        assert 1 <= analysis.max_dilation <= max(1, length)
        assert np.isfinite(analysis.predict([1, 100])).all()
        assert DecayAnalysis.from_json(analysis.to_json()) == analysis


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"threshold": 0}, "finite number > 0"),
        ({"threshold": np.nan}, "finite number > 0"),
        ({"law": "cubic"}, "'cubic'"),
        ({"breakpoints": [5, 3]}, "increasing"),
        ({"breakpoints": [0.5]}, "between 1"),
        ({"breakpoints": [2000]}, "between 1"),
        ({"breakpoints": []}, "increasing"),
        ({"breakpoints": [5], "law": "power"}, "broken_power"),
        ({"period": 1}, "got 1"),
        ({"period": 2.5}, r"got 2\.5"),
        ({"period": 5, "law": "power"}, "periodic_power"),
        ({"period": 5, "breakpoints": [9]}, "without breakpoints"),
        ({"law": "periodic_power"}, "no period was found"),
    ],
)
def test_bad_settings(options, match):
    with pytest.raises((TypeError, ValueError), match=match):
        analyze_decay(noisy(0.5 / LAGS, 1e-6), **options)


@pytest.mark.parametrize("lags", [[2, 4, 8, 16, 32], [5], list(range(2, 60)), [3, 5, 6, 7]])
def test_a_curve_need_not_start_at_lag_one(lags):
    x = make.markov_chain(50_000, make.sticky_transition(4, 0.9))
    curve = decay_curve(x, lags=lags)
    analysis = analyze_decay(curve)
    assert analysis.period is None
    assert analysis.law != "none"
    told = analyze_decay(curve, period=4)
    assert (told.law, told.period, told.period_strength) == ("periodic_power", 4, 0.0)
    assert "its value at 1 " not in told.max_dilation_reason
    with pytest.raises(ValueError, match="no period was found"):
        analyze_decay(curve, law="periodic_power")


def test_nothing_at_all_has_no_period():
    empty = DecayCurve(LAGS, np.zeros(LAGS.size))
    assert analyze_decay(empty).law == "none"
    with pytest.raises(ValueError, match=r"period=7.*0 at all lags"):
        analyze_decay(empty, period=7)


def test_a_curve_is_wanted():
    with pytest.raises(TypeError, match="decay_curve"):
        analyze_decay([1, 2, 3])


def test_a_thousand_lags_take_less_than_a_second():
    curve = noisy(0.5 * np.minimum(LAGS, 20) ** -2.0 * np.maximum(LAGS / 20, 1.0) ** -0.8, 1e-6)
    analyze_decay(curve)
    start = time.process_time()
    analyze_decay(curve)
    assert time.process_time() - start < 1.0


@pytest.mark.parametrize("seed", range(8))
def test_a_motif_that_resembles_itself_halfway_keeps_its_period(seed):
    """Lesser peaks at fractions of the period, which a random motif has, are not the period."""
    rng = np.random.default_rng(seed)
    motif, errors = rng.integers(0, 5, 24), rng.random(20_000) < 0.3
    x = np.where(errors, rng.integers(0, 5, 20_000), np.resize(motif, 20_000))
    analysis = analyze_decay(decay_curve(x, max_lag=200))
    assert (analysis.period, analysis.period_kind) == (24, "dominant")
