from __future__ import annotations

import numpy as np
import pytest

from optuna_mi.context import _lag_products
from optuna_mi.context._lag_products import lag_products


@pytest.mark.parametrize("n_features", [1, 3])
@pytest.mark.parametrize("n_lags", [1, 2, 9])
def test_sums_by_differences_are_those_of_all_rows(
    n_features: int, n_lags: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_cauchy((600, n_features))
    # two sequences, a gap and a step alone
    at = np.concatenate([np.arange(8, 300), np.arange(320, 500), [510], np.arange(520, 590)])
    cell = np.arange(at.size) * 3 // at.size
    given = (values, at, cell, 3, np.arange(1, n_lags + 1), np.array([1, 4]))
    sums, roots = lag_products(*given)
    monkeypatch.setattr(_lag_products, "_WORTH", at.size)
    expected, _ = lag_products(*given)
    np.testing.assert_allclose(sums, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    for root, products in zip(roots, sums, strict=True):
        np.testing.assert_allclose(root.T @ root, products, atol=1e-9 * products.max())
