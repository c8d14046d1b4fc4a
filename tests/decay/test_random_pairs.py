"""The estimate of randomly paired symbols against enumeration, shuffles and the chi-square law."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import gamma, hypergeom, norm, skew

from optuna_mi.decay import analyze_decay, decay_curve
from optuna_mi.decay._floor import noise_floor
from optuna_mi.decay.measure.noise._pairing_moments import _far_cell, _near_cell, pairing_moments
from optuna_mi.decay.measure.noise._random_pairs import random_pairs
from optuna_mi.decay.measure.reading._sequences import encode
from optuna_mi.information import entropy_from_counts
from optuna_mi.information._entropy import ESTIMATORS, count_terms


def information(x, y, estimator):
    counts = (np.bincount(x), np.bincount(y), np.unique(x * 100_000 + y, return_counts=True)[1])
    h = [entropy_from_counts(c, estimator=estimator) for c in counts]
    return h[0] + h[1] - h[2]


def draw(n_symbols, n, exponent, rng):
    p = np.arange(1.0, n_symbols + 1) ** -exponent
    return rng.choice(n_symbols, n, p=p / p.sum())


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_mean_is_that_over_all_pairings(estimator):
    x, y = np.array([0, 0, 0, 1, 1, 2, 3]), np.array([0, 0, 1, 1, 1, 1, 2])
    every = [information(x, y[list(p)], estimator) for p in itertools.permutations(range(7))]
    moments = pairing_moments(np.bincount(x), np.bincount(y), estimator)
    assert moments.mean == pytest.approx(np.mean(every), abs=1e-12)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("n_symbols", "n", "exponent"),
    [(2, 1000, 0.0), (10, 1000, 1.5), (1000, 1000, 0.0), (10_000, 1000, 1.0), (1000, 9000, 1.0)],
)
def test_moments_are_those_of_shuffles(n_symbols, n, exponent, estimator):
    rng = np.random.default_rng(1)
    x, y = (draw(n_symbols, n, exponent, rng) for _ in range(2))
    found = np.array([information(x, rng.permutation(y), estimator) for _ in range(400)])
    moments = pairing_moments(np.bincount(x), np.bincount(y), estimator)
    assert abs(moments.mean - found.mean()) < 4 * found.std() / np.sqrt(found.size)
    # of few symbols the spread of a spread is large
    assert moments.deviation == pytest.approx(found.std(), rel=0.25 if n_symbols == 2 else 0.15)
    assert moments.skewness == pytest.approx(
        skew(found), abs=1.0 if n_symbols in (2, 1000) else 0.4
    )


def test_few_symbols_and_many_pairs_follow_the_chi_square_law():
    n = np.array([100_000, 150_000, 250_000])
    moments = pairing_moments(n, n[::-1].copy(), "plugin")
    assert moments.mean == pytest.approx(4 / (2 * n.sum()), rel=1e-3)
    assert moments.deviation == pytest.approx(np.sqrt(8) / (2 * n.sum()), rel=1e-3)
    assert moments.skewness == pytest.approx(np.sqrt(8 / 4), rel=1e-3)


@pytest.mark.parametrize(("a", "b", "total"), [(2000, 3000, 30_000), (5000, 9000, 10_000)])
def test_cells_with_many_pairs_agree_with_their_distribution(a, b, total):
    n = np.arange(max(0, a + b - total), min(a, b) + 1)
    exact = (hypergeom.pmf(n, total, a, b) * count_terms(n, "plugin")).sum()
    assert _far_cell(a, b, total)[0] == pytest.approx(exact, abs=1e-7)
    table = count_terms(np.arange(b + 1), "plugin")
    near, far = _near_cell(a, b, total, table), _far_cell(a, b, total)
    assert near[0] == pytest.approx(exact, abs=1e-7)
    assert near[1] == pytest.approx(far[1], abs=1e-5)
    assert near[2:] == pytest.approx(far[2:], rel=0.05)


def test_lags_in_between_are_interpolated_and_say_by_how_much_they_may_err():
    rng = np.random.default_rng(0)
    codes = encode(draw(5000, 20_000, 1.0, rng), np.array([0, 20_000]))
    lags = np.arange(1, 2001)
    every, some = (random_pairs(codes, lags, "grassberger", precise=p) for p in (True, False))
    off = np.abs(every.mean - some.mean)
    assert 0 < off.max() < 5e-3
    assert np.sqrt((off**2).mean()) < 2 * some.error.max()


def test_floor_is_passed_as_rarely_by_chi_square_as_by_normal_noise():
    for dof in (1, 9, 400):
        tail = gamma.isf(norm.sf(3.0), dof / 2) - dof / 2
        found = noise_floor(np.sqrt(dof / 2), np.sqrt(8 / dof))
        assert tail <= found < 1.15 * tail
    assert noise_floor(np.array([2.0])) == pytest.approx([6.0], rel=0.01)


def test_one_chance_repeat_is_no_finding():
    """Of nearly as many symbols as pairs, a repeated pair in two hundred lags is to be expected."""
    rng = np.random.default_rng(7)
    x = rng.integers(0, 10_000, 1000)
    assert analyze_decay(decay_curve(x)).law == "none"


@pytest.mark.parametrize(
    ("n_symbols", "n", "exponent"),
    [(256, 20_000, 0.0), (1000, 20_000, 0.0), (1000, 20_000, 1.0), (10_000, 20_000, 0.0)],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_independent_symbols_of_large_alphabets_are_not_dependent(n_symbols, n, exponent, seed):
    x = draw(n_symbols, n, exponent, np.random.default_rng(seed))
    curve = decay_curve(x, seed=seed)
    assert analyze_decay(curve).law == "none"
    # the baseline is that of the data: no drift over the lags, and none of their mean
    z = curve.mi_corrected / curve.std_error
    assert abs(z.mean()) < 0.3
    assert z.std() == pytest.approx(1.0, abs=0.2)


def test_few_repeats_are_no_delay():
    """Sequences of 4,000 kinds of symbols and 1,000 steps: a pair seen twice is twenty floors."""
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        parts = np.split(rng.integers(0, 4000, 1000), np.cumsum(rng.integers(20, 400, 4)))
        found.append(analyze_decay(decay_curve(parts, seed=seed)).law)
    assert found == ["none"] * 8


def test_the_first_lag_alone_a_little_above_its_floor_is_noise():
    rng = np.random.default_rng([0, 1000, 29])
    x = rng.choice(2, 1000, p=[2 / 3, 1 / 3])
    curve = decay_curve(x, seed=29)
    assert 1.0 < curve.mi_corrected[0] / curve.floor[0] < 1.25
    assert analyze_decay(curve).law == "none"


@pytest.mark.parametrize("x", [[0, 1], [0, 1, 1], [0, 0, 0, 1], [0] * 50 + [1], [0, 1, 2]])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_one_row_of_a_table_has_the_mean_of_what_it_is(x, estimator):
    """Grassberger's estimate of nothing is not 0 then, and no pairing would change it."""
    curve = decay_curve(np.array(x), estimator=estimator)
    assert curve.mi_corrected == pytest.approx(np.zeros(len(curve)), abs=1e-12)
    assert analyze_decay(curve).law == "none"
