"""Series of very different lengths, copies, outliers, and values of any size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from optuna_mi.context import context_curve, recommend_window, select_lags
from optuna_mi.context._data import read
from optuna_mi.context._steps import default_steps


def _seasonal(n: int, seed: int) -> np.ndarray:
    return lfilter([1.0], [1.0, *[0.0] * 11, -0.8], np.random.default_rng(seed).normal(size=n))


def _panel(series: list[np.ndarray]) -> pd.DataFrame:
    lengths = [len(s) for s in series]
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{i:03}" for i in range(len(series))], lengths),
            "ds": np.concatenate([np.arange(n) for n in lengths]),
            "y": np.concatenate(series),
        }
    )


def test_one_long_series_among_many_short_ones_does_not_decide_the_error_alone() -> None:
    """It was one block of a hundred, and its error hid a season of half a nat."""
    panel = _panel([_seasonal(5_000, 0), *(_seasonal(25, i) for i in range(1, 100))])
    assert select_lags(panel).lags == (12,)
    curve = context_curve(panel, max_context=20, budgets=False)
    assert curve.context_length == 12
    # by default the short ones allow eight steps, which is said
    curve = context_curve(panel, budgets=False)
    assert curve.max_context == 8
    assert any("max_context=512 looks farther" in note for note in curve.notes)


def test_copies_of_a_series_are_left_out() -> None:
    """What is learnt from a copy is no prediction: products of lags 58 and 63 were reported."""
    panel = _panel([_seasonal(200, 0)] * 20 + [_seasonal(200, 1)])
    window = recommend_window(panel, per_series=True)
    assert window.curve.context_length == 12
    assert "19 of 21 series repeat another one" in window.curve.notes[0]
    assert len(window.per_series) == 21
    rows = np.tile(np.random.default_rng(0).normal(size=500), (20, 1))
    assert select_lags(rows).lags == ()


def test_constant_series_are_no_copies() -> None:
    panel = _panel([_seasonal(200, 0), np.zeros(200), np.zeros(200)])
    assert context_curve(panel, budgets=False).notes == ("2 of 3 series are constant",)


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e12, 1e299])
def test_the_unit_of_values_does_not_matter(scale: float) -> None:
    x = _seasonal(900, 0)
    expected = context_curve(x, max_context=20, budgets=False)
    curve = context_curve(x * scale, max_context=20, budgets=False)
    assert curve.context_length == expected.context_length == 12
    np.testing.assert_allclose(curve.information, expected.information, rtol=1e-6, atol=1e-9)


def test_an_outlier_that_decides_all_is_told() -> None:
    x = _seasonal(900, 0)
    x[450] = 1e6
    notes = context_curve(x, max_context=20, budgets=False).notes
    assert any("one value, 1e+06 at place 450, has 100% of the variance" in n for n in notes)


def test_many_features_look_less_far_back() -> None:
    """Two features of 512 steps took twelve seconds for 4,000 values."""
    x = np.random.default_rng(0).normal(size=(1, 3_000, 4))
    assert default_steps(read(x), 1) == 128


def test_whole_numbers_are_read_as_the_decay_curve_reads_them() -> None:
    x = np.round(1_000 * _seasonal(2_000, 0)).astype(int)
    x -= x.min()
    curve = context_curve(x, max_context=20, budgets=False)
    assert curve.predictor == "linear"
    assert "taken for real" in curve.notes[0]
    few = context_curve(x // 100, max_context=3, budgets=False)
    assert few.predictor == "back-off"
    assert "if they are quantities, pass values='real'" in few.notes[0]
    assert context_curve(x % 20, max_context=3, budgets=False).notes == ()
