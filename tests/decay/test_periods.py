"""Periods that are weak, nested, or ride on a long dependence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from optuna_mi.decay import DecayCurve, analyze_decay, decay_curve
from optuna_mi.decay import generators as make
from optuna_mi.decay.analysis.periods._weak_peaks import comb_period
from optuna_mi.search_space import DilationSpace

# composition (A, C, G, T) of the three places of a bacterial gene's codons
PLACES = np.array([[0.26, 0.24, 0.35, 0.15], [0.29, 0.23, 0.18, 0.30], [0.19, 0.27, 0.28, 0.26]])


def genes(seed, strength, n=300_000, length=900):
    """DNA: genes of 900 bases on average in any frame, their composition mixed with even bases."""
    rng = np.random.default_rng(seed)
    starts = rng.random(n) < 1 / length
    gene = np.cumsum(starts)
    frame = rng.integers(0, 3, gene[-1] + 1)[gene]
    share = 0.25 + strength * (PLACES - 0.25)
    edges = share.cumsum(axis=1)[(np.arange(n) + frame) % 3]
    return np.minimum((rng.random(n)[:, None] > edges).sum(axis=1), 3)


@pytest.mark.parametrize("seed", range(4))
def test_codons_show_where_single_lags_drown(seed):
    curve = decay_curve(genes(seed, 0.6), max_lag=1000)
    at_multiples = curve.lags % 3 == 0
    assert (curve.mi_corrected[at_multiples] < curve.floor[at_multiples]).mean() > 0.35
    analysis = analyze_decay(curve)
    assert (analysis.period, analysis.period_kind) == (3, "modulating")
    # MI at multiples falls as exp(-2 d / 900): from 1.1e-4 to the threshold near 1,070
    assert 60 < analysis.max_dilation <= 1000
    assert analysis.period_strength > 0.1


def test_a_codon_table_has_period_three():
    """Neighbours within a codon share so much more that the first peaks are in their shadow."""
    rng = np.random.default_rng(0)
    usage = rng.gamma(0.7, size=64)
    codons = rng.choice(64, 100_000, p=usage / usage.sum())
    x = np.stack([codons // 16, codons // 4 % 4, codons % 4], axis=1).ravel()
    assert analyze_decay(decay_curve(x, max_lag=600)).period == 3


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_symbols", [3, 8])
def test_markov_chains_have_no_period(seed, n_symbols):
    transition = np.random.default_rng(seed).dirichlet(np.full(n_symbols, 0.3), n_symbols)
    x = make.markov_chain(100_000, transition, seed=seed)
    assert analyze_decay(decay_curve(x, max_lag=1000)).period is None


def test_pooled_multiples_of_noise_have_no_period():
    rng = np.random.default_rng(0)
    memory = np.ones(20) / np.sqrt(20)
    for _ in range(30):
        noise = rng.normal(size=1020)
        assert comb_period(noise[:1000]) is None
        # neighbouring lags err together
        assert comb_period(np.convolve(noise, memory, "valid")) is None


@pytest.mark.parametrize("bend", [-2e-6, 0.0, 2e-6])
def test_a_smooth_curve_has_no_period_however_it_bends(bend):
    d = np.arange(1.0, 1001)
    assert comb_period(5.0 - 2e-3 * d + bend * d**2) is None
    assert comb_period(5.0 - np.log(d) + 1e-3 * np.random.default_rng(0).normal(size=1000)) is None


def in_turn(seed, n, stay):
    """Two chains that take turns; each keeps its state for about 1 / (1 - stay) turns."""
    chains = [
        make.markov_chain(n // 2, make.sticky_transition(5, stay), seed=2 * seed + i)
        for i in (0, 1)
    ]
    return np.stack(chains, axis=1).ravel()


def test_symbols_in_turn_keep_their_long_span():
    analysis = analyze_decay(decay_curve(in_turn(0, 100_000, 0.99), max_lag=2000))
    assert (analysis.period, analysis.period_kind) == (2, "modulating")
    assert analysis.max_dilation > 400
    assert "too long for one period" in analysis.max_dilation_reason


def test_symbols_in_turn_that_forget_soon_need_one_period():
    analysis = analyze_decay(decay_curve(in_turn(0, 100_000, 0.5), max_lag=500))
    assert (analysis.period, analysis.period_kind) == (2, "dominant")
    assert analysis.max_dilation == 2


def melody(seed, bars=3000):
    """Bars of 16 notes; a bar varies the last one, and now and then a new theme begins."""
    rng = np.random.default_rng(seed)
    bar, out = rng.integers(0, 12, 16), []
    for _ in range(bars):
        bar = np.where(rng.random(16) < 0.02, rng.integers(0, 12, 16), bar)
        out.append(np.where(rng.random(16) < 0.1, rng.integers(0, 12, 16), bar))
    return np.concatenate(out)


def test_a_melody_in_bars_remembers_many_bars():
    analysis = analyze_decay(decay_curve(melody(0), max_lag=1500))
    assert (analysis.period, analysis.period_kind) == (16, "modulating")
    assert analysis.max_dilation > 800


def test_the_longest_of_nested_periods_is_meant():
    rng = np.random.default_rng(0)
    hour = np.arange(8760)
    busy = 10 + 8 * np.sin(hour % 24 / 12 * np.pi) + 4 * np.sin(hour % 24 / 6 * np.pi)
    demand = np.where(hour // 24 % 7 >= 5, 0.6 * np.roll(busy, 5), busy)
    analysis = analyze_decay(decay_curve(demand + rng.normal(size=8760)))
    assert (analysis.period, analysis.period_kind) == (168, "dominant")
    assert analysis.max_dilation == 168
    assert "does not fall from one peak to the next" in analysis.max_dilation_reason


def test_peaks_that_never_return_near_mi_1_leave_the_period_modulating():
    d = np.arange(1, 1001)
    curve = DecayCurve(d, 0.4 / d + 0.02 * (d % 10 == 0), floor=np.full(1000, 1e-4))
    analysis = analyze_decay(curve)
    assert (analysis.period, analysis.period_kind) == (10, "modulating")


@pytest.mark.parametrize("values", ["auto", "ksg"])
def test_half_a_cycle_is_no_period_of_real_values(values):
    """MI is as high half a cycle later, where all values are opposed."""
    rng = np.random.default_rng(0)
    x = np.sin(np.arange(2000) / 12 * np.pi) + 0.3 * rng.normal(size=2000)
    curve = decay_curve(x, lags=np.arange(1, 151), values=values)
    analysis = analyze_decay(curve)
    assert (analysis.period, analysis.period_kind) == (24, "dominant")
    assert curve.correlation[11] < -0.5
    assert curve.correlation[23] > 0.5


def test_half_a_weak_cycle_is_no_period_either():
    rng = np.random.default_rng(0)
    x = np.sin(np.arange(30_000) / 12 * np.pi) + 1.4 * rng.normal(size=30_000)
    assert analyze_decay(decay_curve(x, max_lag=600)).period == 24


def test_a_clock_whose_values_all_differ_is_seen_in_their_signs():
    """MI is the same at all distances, as each value tells the phase."""
    rng = np.random.default_rng(0)
    quarters = np.resize([3.0, 1.0, 4.0, 2.0], 160) + 0.5 * rng.normal(size=160)
    analysis = analyze_decay(decay_curve(quarters))
    assert (analysis.period, analysis.period_kind, analysis.max_dilation) == (4, "dominant", 4)


@pytest.mark.parametrize("seed", range(8))
def test_real_values_that_forget_have_no_period(seed):
    noise = np.random.default_rng(seed).normal(size=600)
    x = lfilter([1.0], [1.0, -0.9], noise)
    assert analyze_decay(decay_curve(x)).period is None


def test_a_cycle_of_an_odd_length_that_forgets_its_phase():
    noise = np.random.default_rng(0).normal(size=20_000)
    x = lfilter([1.0], [1.0, -2 * 0.97 * np.cos(2 * np.pi / 15), 0.97**2], noise)
    assert analyze_decay(decay_curve(x, max_lag=300)).period == 15


def test_a_correlation_is_that_of_ranks():
    rng = np.random.default_rng(0)
    x = np.exp(rng.normal(size=300))
    parts = [x[:100], x[100:]]
    curve = decay_curve(parts, n_bins=300, lags=[1, 7, 150])
    rank = (x.argsort().argsort() - 149.5) / np.std(np.arange(300))
    for lag, found in zip(curve.lags, curve.correlation, strict=True):
        pairs = [(a, b) for p in (rank[:100], rank[100:]) for a, b in zip(p, p[lag:], strict=False)]
        assert found == pytest.approx(np.mean([a * b for a, b in pairs]))
    assert decay_curve("".join(rng.choice(list("abc"), 300))).correlation is None


@pytest.mark.parametrize("seed", range(3))
def test_twelve_years_of_months_show_the_year(seed):
    """Default settings: the lags must reach over some years although the series is short."""
    rng = np.random.default_rng(seed)
    month = np.arange(144)
    season = rng.normal(size=12)[month % 12]
    sales = np.exp(4.8 + 0.01 * month + 0.12 * season + 0.03 * rng.normal(size=144))
    analysis = analyze_decay(decay_curve(sales, difference=1))
    assert (analysis.period, analysis.period_kind) == (12, "dominant")


def test_the_summary_says_that_peaks_decide_about_a_period():
    d = np.arange(1, 1001)
    rng = np.random.default_rng(0)
    mi = 0.002 * (1 + 0.4 * (d % 3 == 0)) * np.exp(0.3 * rng.normal(size=1000))
    curve = DecayCurve(d, mi, std_error=np.full(1000, 6e-4), floor=np.full(1000, 3e-3))
    analysis = analyze_decay(curve)
    assert analysis.period == 3
    assert min(analysis.scores, key=analysis.scores.get) != "periodic_power"
    assert "a period is decided by repeating peaks, not by the score" in analysis.summary()
    assert "decide about" not in analyze_decay(DecayCurve(d, 0.4 / d)).summary()


@pytest.mark.parametrize("seed", [16, 20])
def test_a_season_whose_first_peak_stands_alone_is_a_period(seed):
    """Peaks at 24 and 36 as high as the one at 12, which alone towers over what lies about it."""
    rng = np.random.default_rng(seed)
    season = np.resize(rng.normal(size=12), 144)
    x = np.diff(0.01 * np.arange(144) + 0.12 * season + 0.03 * rng.normal(size=144))
    assert analyze_decay(decay_curve(x, seed=seed)).period == 12


def _of_several_periods(periods: tuple[int, ...], n: int, steps: int, seed: int) -> np.ndarray:
    """Return sequences with one of the periods each, a random motif repeated, 10 % noise."""
    rng = np.random.default_rng(seed)
    at = np.arange(steps)
    x = np.array([rng.integers(0, 8, p)[at % p] for p in np.resize(periods, n)])
    return np.where(rng.random(x.shape) < 0.1, rng.integers(0, 8, x.shape), x)


@pytest.mark.parametrize("periods", [(5, 12, 30), (7, 12), (4, 9, 25), (6, 10)])
def test_periods_side_by_side_are_all_named(periods: tuple[int, ...]) -> None:
    for seed in range(3):
        analysis = analyze_decay(decay_curve(_of_several_periods(periods, 300, 120, seed)))
        assert {c.period for c in analysis.periods} >= set(periods)
        assert "all periods" in analysis.summary()
        space = DilationSpace.from_analysis(analysis)
        assert set(periods) <= set(space.dilations(space.recommended))


def test_one_period_has_none_beside_it() -> None:
    for period in (5, 12, 30):
        for seed in range(5):
            x = _of_several_periods((period,), 300, 120, seed)
            assert all(period % c.period == 0 for c in analyze_decay(decay_curve(x)).periods)


@pytest.mark.parametrize(("length", "run"), [(60, 5), (24, 4), (12, 3), (100, 10), (60, 20)])
def test_a_clock_of_runs_has_the_period_of_its_runs(length: int, run: int) -> None:
    """Each multiple of a run tells the symbol; without noise 60 // 5 was told 57 steps."""
    analysis = analyze_decay(decay_curve(np.arange(6000) % length // run, values="symbols"))
    assert analysis.period == run
    assert [found.period for found in analysis.periods] == [run]


@pytest.mark.parametrize(("length", "run"), [(60, 5), (24, 4), (12, 3), (7, 1), (30, 1)])
def test_numbers_on_a_clock_have_the_period_of_the_clock(length: int, run: int) -> None:
    """MI is the same at each multiple of a run; that values are equal again, their order shows."""
    analysis = analyze_decay(decay_curve(np.arange(6000) % length // run))
    assert (analysis.period, analysis.max_dilation) == (length, length)


@pytest.mark.parametrize(("hold", "kinds", "n"), [(5, 2, 4000), (10, 8, 2000), (2, 9, 5000)])
@pytest.mark.parametrize("seed", range(2))
def test_values_that_are_held_have_no_period(hold: int, kinds: int, n: int, seed: int) -> None:
    """Pairs a multiple of the hold apart repeat, and their bias was taken for peaks."""
    x = np.repeat(np.random.default_rng(seed).integers(0, kinds, n), hold)
    analysis = analyze_decay(decay_curve(x))
    assert analysis.period is None
    assert analysis.max_dilation == hold
