"""Baseline, floor and standard error against data whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from optuna_mi.decay import analyze_decay, decay_curve
from optuna_mi.decay import generators as make
from optuna_mi.decay.measure.noise._memory import measure_memory
from optuna_mi.decay.measure.reading._sequences import encode, encode_with_gaps


@pytest.mark.parametrize(
    ("n_symbols", "n_steps", "max_lag"),
    [(4, 100_000, 400), (50, 200_000, 200), (10_000, 300_000, 60)],
)
def test_independent_data_stay_within_three_standard_errors(n_symbols, n_steps, max_lag):
    x = make.independent(n_steps, n_symbols, seed=3)
    curve = decay_curve(x, max_lag=max_lag, lags="all")
    inside = np.abs(curve.mi_corrected) < 3 * curve.std_error
    assert inside.mean() >= 0.97
    # and the standard error is not simply huge
    assert curve.std_error.mean() < 3 * curve.mi_corrected.std()
    assert (curve.mi_corrected > curve.floor).mean() < 0.02


@pytest.mark.parametrize("n_symbols", [2, 5, 30])
def test_floor_is_that_of_chi_square_where_it_applies(n_symbols):
    n = 200_000
    x = make.independent(n, n_symbols, seed=1)
    curve = decay_curve(x, max_lag=30, n_surrogates=6, estimator="plugin")
    dof = (n_symbols - 1) ** 2
    # 2 N MI is chi-square: mean dof, and the point that noise passes once in 741 times
    assert curve.baseline == pytest.approx(np.full(30, dof / (2 * n)), rel=0.35)
    analytic = (chi2.isf(0.00135, dof) - dof) / (2 * n)
    assert curve.floor == pytest.approx(np.full(30, analytic), rel=0.35)


def test_markov_chains_follow_their_transition_matrix():
    rng = np.random.default_rng(0)
    for transition in (make.sticky_transition(5, 0.7), rng.dirichlet(np.ones(6) * 0.4, 6)):
        x = make.markov_chain(400_000, transition, seed=rng)
        lags = np.arange(1, 16)
        curve = decay_curve(x, lags=lags)
        truth = make.markov_mutual_information(transition, lags)
        assert (np.abs(curve.mi_corrected - truth) < 4 * curve.std_error).all()
        strong = truth > 0.01
        assert curve.mi_corrected[strong] == pytest.approx(truth[strong], rel=0.05)


def test_binary_gaussian_signs_follow_the_arcsine_law():
    lags = np.arange(0, 21)
    rho = make.power_correlation(lags, exponent=1.0)
    x = make.gaussian_symbols(300_000, make.power_correlation(np.arange(300_000), exponent=1.0))
    curve = decay_curve(x, lags=lags[1:])
    truth = make.binary_mutual_information(rho)[1:]
    assert curve.mi_corrected == pytest.approx(truth, rel=0.15)


def test_a_sequence_with_memory_has_a_higher_floor():
    chain = make.markov_chain(200_000, make.sticky_transition(4, 0.95), seed=0)
    shuffled = np.random.default_rng(0).permutation(chain)
    with_memory, without = (decay_curve(x, max_lag=400, lags="all") for x in (chain, shuffled))
    assert with_memory.floor[-1] > 3 * without.floor[-1]
    far = slice(150, None)
    assert (with_memory.mi_corrected[far] > with_memory.floor[far]).mean() < 0.02


def test_conditional_leaves_out_what_positions_alone_cause():
    rng = np.random.default_rng(0)
    # every position has its own marginal, and nothing depends on anything
    p = rng.dirichlet(np.ones(4) * 0.5, 10)
    x = np.stack([rng.choice(4, 3000, p=row) for row in p], axis=1)
    pooled = decay_curve(x, positions="pooled", baseline=None)
    conditional = decay_curve(x)
    assert conditional.positions == "conditional"
    assert pooled.mi[:5].max() > 0.02
    assert (np.abs(conditional.mi_corrected) < 3 * conditional.std_error).all()
    across = decay_curve(x, positions="pooled")
    assert (np.abs(across.mi_corrected) < 4 * across.std_error).all()


def test_copies_are_seen_at_their_delay_only():
    x = make.copy_task(2000, 12, 4, seed=1)
    curve = decay_curve(x)
    corrected = dict(zip(curve.lags.tolist(), curve.mi_corrected.tolist(), strict=True))
    assert corrected.pop(12) == pytest.approx(np.log(4), abs=0.02)
    assert max(corrected.values()) < 0.01


def test_few_positions_carry_the_spread_over_positions(mnist_train):
    order = np.random.RandomState(92916).permutation(784)
    x = mnist_train[:4000, order]
    for positions in ("pooled", "conditional"):
        curve = decay_curve(x, lags=[1, 300, 700, 783], positions=positions)
        # one pair of neighbouring pixels: far above the rest, and no finding
        assert curve.mi_corrected[-1] > 0.3
        assert curve.std_error[-1] > 0.5 * curve.mi_corrected[-1]
        assert (curve.std_error[:2] < 0.02).all()


def test_known_figures_of_mnist(mnist_train):
    curve = decay_curve(mnist_train[:20_000], lags=[1, 2, 14, 28, 56, 100, 600])
    expected = [0.297, 0.124, 0.014, 0.314, 0.142, 0.009, 0.0]
    assert curve.mi_corrected == pytest.approx(expected, abs=1.5e-3)


@pytest.mark.slow
def test_known_figures_of_pooled_mnist(mnist_pixels):
    images = mnist_pixels[:-1].astype(np.uint8).reshape(70_000, 784)
    plain = decay_curve(images, lags=[1, 28, 100, 700], positions="pooled")
    assert plain.mi == pytest.approx([0.378, 0.386, 1.73e-2, 4.2e-5], rel=0.02)
    assert plain.baseline == pytest.approx([0.0505, 0.0490, 1.71e-2, 8.5e-5], rel=0.06)
    order = np.random.RandomState(92916).permutation(784)
    permuted = decay_curve(images[:, order], lags=[1, 300, 700, 783], positions="pooled")
    assert permuted.mi == pytest.approx([8.2e-3, 8.9e-3, 8.4e-3, 0.71], rel=0.02)
    assert permuted.baseline == pytest.approx([1.0e-4, 3.1e-4, 3.2e-3, 0.17], rel=0.06)
    # one pair of neighbouring pixels is no finding
    assert permuted.std_error[-1] > permuted.mi_corrected[-1]


def test_known_figures_of_ptb_words(ptb_words):
    curve = decay_curve(ptb_words, lags=[1, 2, 5, 10, 20, 50, 100, 500])
    assert curve.baseline == pytest.approx(np.full(8, 1.016), abs=2e-3)
    expected = [1.107, 0.463, 0.112, 0.065, 0.043, 0.028, 0.019, 0.0035]
    assert curve.mi_corrected == pytest.approx(expected, abs=2e-3)


def test_no_baseline_no_floor():
    curve = decay_curve(make.independent(1000, 3), baseline=None)
    assert curve.baseline is None
    assert curve.floor is None
    assert curve.baseline_method is None
    np.testing.assert_array_equal(curve.mi_corrected, curve.mi)


@pytest.mark.parametrize(("n_symbols", "persistence"), [(30, 0.99), (100, 0.98), (4, 0.99)])
def test_a_chain_that_keeps_its_symbol_for_long_ends_all_the_same(n_symbols, persistence):
    """It has so few independent pairs that its bias alone is a tenth of MI(1) and more."""
    x = make.markov_chain(200_000, make.sticky_transition(n_symbols, persistence), seed=0)
    curve = decay_curve(x, max_lag=1000)
    analysis = analyze_decay(curve)
    assert (curve.mi_corrected[-300:] < curve.floor[-300:]).mean() > 0.9
    assert analysis.crossing is not None
    assert analysis.max_dilation < 400


def take_turns(n_chains, n_symbols, persistence, n_steps, seed):
    slow = make.sticky_transition(n_symbols, persistence)
    chains = [
        make.markov_chain(n_steps // n_chains, slow, seed=1000 * seed + i) for i in range(n_chains)
    ]
    return np.stack(chains, axis=1).ravel()


@pytest.mark.parametrize(
    ("n_chains", "n_symbols", "persistence"),
    [(1, 4, 0.99), (1, 100, 0.98), (50, 4, 0.9), (50, 20, 0.95), (7, 2, 0.95)],
)
def test_growth_of_noise_is_that_of_chains_that_take_turns(n_chains, n_symbols, persistence):
    x = take_turns(n_chains, n_symbols, persistence, 200_000, seed=0)
    memory = measure_memory(encode(x, np.array([0, x.size])), seed=0)
    # c(k) = (K - 1) q^m at k = m chains
    squared = persistence**2
    assert memory.growth == pytest.approx(2 * squared / (1 - squared), rel=0.1)
    collected = n_chains * np.log(0.05) / np.log(squared)
    assert memory.reach == pytest.approx(collected, rel=0.15, abs=n_chains)


def test_order_free_symbols_and_a_clock_make_no_more_noise():
    rng = np.random.default_rng(0)
    for x in (
        rng.integers(0, 2, 100_000),
        rng.integers(0, 5000, 100_000),
        make.periodic(100_000, 48, 4, noise=0.3),
        make.periodic(100_000, 5000, 4, noise=0.3),
    ):
        assert measure_memory(encode(x, np.array([0, x.size])), seed=0).growth == 0


@pytest.mark.parametrize(
    ("n_chains", "n_symbols", "persistence"), [(50, 4, 0.98), (7, 2, 0.95), (200, 4, 0.9)]
)
def test_long_periodic_memory_raises_the_floor(n_chains, n_symbols, persistence):
    """At distances that are no multiple of the period, different chains meet: MI is 0."""
    x = take_turns(n_chains, n_symbols, persistence, 200_000, seed=1)
    lags = np.concatenate([np.arange(1, 120), np.arange(1000, 1100)])
    curve = decay_curve(x, lags=lags[lags % n_chains != 0])
    assert (curve.mi_corrected > curve.floor).mean() < 0.05
    # and the bias is known; of two symbols one number is all that a sample tells of it
    tolerance = 0.3 if n_symbols > 2 else 0.6
    assert curve.floor_shared.mean() == pytest.approx(curve.mi_corrected.mean(), rel=tolerance)


def test_gaps_have_no_memory():
    """A step without a value is no symbol that comes again."""
    rng = np.random.default_rng(0)
    x, present = rng.integers(0, 3, 20_000), rng.random(20_000) < 0.7
    for gaps in (~present, np.arange(20_000) // 40 % 3 == 0):
        sequences = encode_with_gaps(np.where(gaps, -1, x), np.array([0, x.size]))
        assert measure_memory(sequences, seed=0).growth < 0.05


@pytest.mark.parametrize(("n_sequences", "n_steps"), [(40, 1000), (300, 200)])
def test_aligned_sequences_stay_below_the_floor_where_their_memory_ends(n_sequences, n_steps):
    chain = make.sticky_transition(4, 0.95)
    x = np.stack([make.markov_chain(n_steps, chain, seed=i) for i in range(n_sequences)])
    lags = np.r_[1:20, n_steps // 2 : n_steps // 2 + 80]
    for positions in ("pooled", "conditional"):
        curve = decay_curve(x, lags=lags, positions=positions)
        far = curve.lags >= n_steps // 2
        assert (curve.mi_corrected > curve.floor)[far].mean() < 0.06


def test_a_block_that_meets_itself_does_not_widen_the_noise():
    """Of a few wide blocks one in shuffled order may stand beside itself: that is no noise."""
    d = np.arange(200_000)
    correlation = make.broken_power_correlation(d, exponents=(2.5, 0.5), knot=10.0, first=0.7)
    floors = [
        decay_curve(
            make.gaussian_symbols(d.size, correlation, n_symbols=4, seed=s), max_lag=20
        ).floor[0]
        for s in (1, 19, 23)
    ]
    # before: 6e-5, 57e-5, 36e-5
    assert max(floors) < 1.6 * min(floors)
