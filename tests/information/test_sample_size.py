"""The sample-size curve and its figure."""

from __future__ import annotations

import numpy as np
import pytest

from optuna_mi.information import (
    MutualInformation,
    SampleSizeCurve,
    mi_sample_size_curve,
    mutual_info_mixed,
)
from optuna_mi.visualization import plot_mi_sample_size


def curve_of(sizes, means, spread) -> SampleSizeCurve:
    """A curve with the given means and standard deviation (two repeats)."""
    half = spread / np.sqrt(2)
    values = np.stack([np.asarray(means) - half, np.asarray(means) + half])
    return SampleSizeCurve(np.asarray(sizes), values, 10_000, 3, "chebyshev", "mixed", 0)


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ([1.0, 1.5, 1.52, 1.53], 200),  # from 200 on, doubling moves less than 0.05 * sqrt(2)
        ([1.5, 1.5, 1.5, 1.5], 100),
        ([1.0, 1.0, 1.3, 1.6], None),  # the last doubling still moves it
        ([1.0, 1.01, 1.3, 1.31], 400),  # an early calm does not count
    ],
)
def test_sufficient_size(means, expected):
    assert curve_of([100, 200, 400, 800], means, 0.05).sufficient == expected


def test_without_doublings_nothing_is_sufficient():
    assert curve_of([100, 150, 250], [1.0, 1.0, 1.0], 0.05).sufficient is None


def test_curve_matches_direct_estimates():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 3000)
    x = rng.normal(size=3000) + 2 * y
    curve = mi_sample_size_curve(x, y, repeats=8)
    assert list(curve.sizes) == [125, 250, 500, 1000]
    assert curve.values.shape == (8, 4)
    assert curve.mean[-1] == pytest.approx(mutual_info_mixed(x, y).value, abs=0.05)
    assert curve.std[0] > curve.std[-1]
    again = mi_sample_size_curve(x, y, repeats=8)
    assert np.array_equal(again.values, curve.values)
    frame = curve.to_frame()
    assert list(frame.columns) == ["size", "mean", "std"]
    assert np.array_equal(frame["mean"], curve.mean)


def test_no_sample_is_drawn_twice():
    # duplicates would shrink the balls: at the full size every repeat is the full data
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 300)
    x = rng.normal(size=300) + y
    curve = mi_sample_size_curve(x, y, sizes=[300], repeats=3)
    assert np.allclose(curve.values, mutual_info_mixed(x, y).value, atol=1e-12)


def test_ksg():
    x, noise = np.random.default_rng(2).normal(size=(2, 600))
    curve = mi_sample_size_curve(x, x + noise, sizes=[150, 300], estimator="ksg")
    assert curve.mean == pytest.approx([0.5 * np.log(2)] * 2, abs=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sizes": [3]}, "4 to 300"),
        ({"sizes": [301]}, "4 to 300"),
        ({"sizes": []}, "4 to 300"),
        ({"repeats": 1}, "at least 2"),
        ({"estimator": "mine"}, "mine"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        mi_sample_size_curve(np.arange(300.0), np.arange(300) % 2, **options)


def test_too_few_for_default_sizes():
    with pytest.raises(ValueError, match="pass sizes"):
        mi_sample_size_curve(np.arange(100.0), np.arange(100) % 2)


def test_figure_shows_the_curve():
    curve = curve_of([100, 200, 400, 800], [1.0, 1.5, 1.52, 1.53], 0.05)
    figure = plot_mi_sample_size(curve)
    line, mark = figure.data
    assert list(line.x) == [100, 200, 400, 800]
    assert np.allclose(line.y, curve.mean)
    assert np.allclose(line.error_y.array, curve.std)
    assert list(mark.x) == [200, 200]


def test_result_is_a_number_with_its_circumstances():
    result = MutualInformation(1.5, 0.1, 100, 3, "mixed", 2.3, 2.3, 0.0)
    assert float(result) == 1.5
    assert result.to_dict()["standard_error"] == 0.1
    with pytest.raises(AttributeError):
        result.value = 2.0
