"""Entropies and MI of integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optuna_mi.information import entropy_discrete, entropy_from_counts, mutual_info_discrete
from tests import naive

ESTIMATORS = ("plugin", "miller-madow", "grassberger")
symbols = st.lists(st.integers(-5, 5), min_size=1, max_size=60)


@settings(deadline=None, max_examples=50)
@given(x=symbols)
def test_entropy_is_the_formula(x):
    counts = np.unique(x, return_counts=True)[1]
    for estimator in ESTIMATORS:
        expected = naive.entropy(counts, estimator)
        assert entropy_discrete(x, estimator=estimator) == pytest.approx(expected, abs=1e-12)
    assert entropy_discrete(x) == entropy_discrete(x, estimator="grassberger")


@settings(deadline=None, max_examples=50)
@given(x=symbols, seed=st.integers(0, 1000), estimator=st.sampled_from(ESTIMATORS))
def test_mutual_information_is_symmetric_and_blind_to_names(x, seed, estimator):
    y = np.random.default_rng(seed).integers(0, 3, len(x))
    mi = float(mutual_info_discrete(x, y, estimator=estimator))
    assert mi == pytest.approx(naive.mutual_info(x, y, estimator), abs=1e-12)
    assert mi == pytest.approx(float(mutual_info_discrete(y, x, estimator=estimator)), abs=1e-12)
    renamed = [7 - 3 * v for v in x]
    assert mi == pytest.approx(float(mutual_info_discrete(renamed, y, estimator=estimator)))


def test_plugin_bounds():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 4, (2, 500))
    found = mutual_info_discrete(x, x, estimator="plugin")
    assert float(found) == pytest.approx(found.upper_bound)
    assert 0 <= float(mutual_info_discrete(x, y, estimator="plugin")) <= found.upper_bound
    assert found.n == 500
    assert found.estimator == "plugin"


def test_grassberger_is_less_biased_than_plugin():
    rng = np.random.default_rng(0)
    values = {name: [] for name in ESTIMATORS}
    for _ in range(50):
        x, y = rng.integers(0, 10, (2, 300))
        for name in ESTIMATORS:
            values[name].append(float(mutual_info_discrete(x, y, estimator=name)))
    means = {name: np.mean(v) for name, v in values.items()}
    assert means["plugin"] == pytest.approx(81 / 600, rel=0.15)
    assert abs(means["grassberger"]) < 0.5 * means["plugin"]
    assert abs(means["miller-madow"]) < 0.5 * means["plugin"]


def test_standard_error_covers_the_truth():
    rng = np.random.default_rng(1)
    p = np.array([[0.3, 0.1], [0.2, 0.4]])
    truth = float((p * np.log(p / np.outer(p.sum(1), p.sum(0)))).sum())
    inside = 0
    for _ in range(200):
        cell = rng.choice(4, 400, p=p.ravel())
        found = mutual_info_discrete(cell // 2, cell % 2)
        inside += abs(found.value - truth) < 2 * found.standard_error
    assert inside >= 180


@pytest.mark.parametrize(
    ("x", "error", "match"),
    [
        ([], ValueError, "non-empty"),
        ([[1, 2]], ValueError, "shape"),
        ([0.5, 1.5], TypeError, "integers"),
        (["a"], TypeError, "integers"),
        (np.ma.masked_equal([1, 2, 2], 2), ValueError, "2 of 3 values of x are masked"),
    ],
)
def test_bad_input(x, error, match):
    with pytest.raises(error, match=match):
        entropy_discrete(x)


def test_bad_pairs_and_names():
    with pytest.raises(ValueError, match="3 samples but y has 2"):
        mutual_info_discrete([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="'best'"):
        entropy_discrete([1, 2], estimator="best")
    with pytest.raises(ValueError, match="positive"):
        entropy_from_counts(np.array([0, 0]))
    with pytest.raises(ValueError, match="1 of 2 values of counts are masked"):
        entropy_from_counts(np.ma.masked_equal([3, 9], 9))
