from __future__ import annotations

import numpy as np
import pytest

from optuna_mi._fewer_points import thin


@pytest.mark.parametrize("log", [False, True])
def test_keeps_both_ends_and_about_n_points(log: bool) -> None:
    x = np.arange(1.0, 5001.0)
    y = np.random.default_rng(0).normal(size=5000)
    keep = thin(x, y, 100, log=log)
    assert keep[0] == 0
    assert keep[-1] == 4999
    assert np.all(np.diff(keep) > 0)
    assert len(keep) <= 100


def test_keeps_the_peaks_that_every_kth_point_would_lose() -> None:
    lags = np.arange(1.0, 784.0)
    y = np.where(lags % 28 == 0, 1.0, 0.01)
    kept = lags[thin(lags, y, 200, log=True)]
    assert set(lags[lags % 28 == 0][:20]) <= set(kept)
    assert y[::4].sum() < 10  # the naive choice keeps 6 peaks of 27


def test_keeps_extremes() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=1000)
    keep = thin(np.arange(1000.0), y, 40)
    assert y[keep].max() == y.max()
    assert y[keep].min() == y.min()


def test_short_curves_are_untouched() -> None:
    y = np.array([3.0, np.nan, 1.0])
    np.testing.assert_array_equal(thin(np.array([1.0, 2.0, 9.0]), y, 3), [0, 1, 2])


def test_a_bin_of_nan_gives_one_point() -> None:
    keep = thin(np.arange(100.0), np.full(100, np.nan), 10)
    assert 5 <= len(keep) <= 10
