"""Counts against the obvious way, whatever the method, shape and type."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optuna_mi.decay import decay_curve
from optuna_mi.decay.measure._pooled_curve import rotated
from optuna_mi.decay.measure.counting._dense import dense_lags, fft_segment
from optuna_mi.decay.measure.counting._engine import PooledEngine
from optuna_mi.decay.measure.counting._sparse import make_groups, sparse_lags
from optuna_mi.decay.measure.noise import _position_spread
from optuna_mi.decay.measure.reading._read import flatten
from optuna_mi.decay.measure.reading._sequences import encode
from optuna_mi.information._table_entropies import entropies
from tests import naive

ESTIMATORS = ("plugin", "miller-madow", "grassberger")


ragged = st.lists(st.lists(st.integers(0, 300), max_size=30), min_size=1, max_size=6).filter(
    lambda s: max(map(len, s)) > 6 and len({v for part in s for v in part}) > 1
)


@settings(deadline=None, max_examples=40)
@given(sequences=ragged, estimator=st.sampled_from(ESTIMATORS))
def test_dense_and_sparse_equal_the_definition(sequences, estimator):
    arrays = [np.array(s, dtype=np.int64) for s in sequences]
    lags = np.arange(1, 6)
    expected = [naive.mutual_info_at_lag(arrays, d, estimator) for d in lags]
    # a long staircase of integers would be taken for real values
    curve = decay_curve(arrays, lags=lags, estimator=estimator, baseline=None, values="symbols")
    np.testing.assert_allclose(curve.mi, expected, atol=1e-12)
    data = encode(*flatten(arrays))
    groups = make_groups(data)
    # four lags in one pass, and one alone
    for with_error in (False, True):
        sparse = [
            estimate
            for few in (lags[:4], lags[4:])
            for estimate in sparse_lags(data, groups, few, estimator, with_error=with_error)
        ]
        np.testing.assert_allclose([e.mi for e in sparse], expected, atol=1e-12)
    dense = dense_lags(data, lags[:4], estimator) + dense_lags(data, lags[4:], estimator)
    np.testing.assert_allclose([e.mi for e in dense], expected, atol=1e-12)
    assert all(e.std_error >= 0 for e in dense + sparse)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), estimator=st.sampled_from(ESTIMATORS))
def test_conditional_is_the_mean_over_positions(seed, estimator):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, rng.integers(1, 6, 12), (120, 12))
    x[:, 3] = 2
    lags = np.array([1, 4, 11])
    curve = decay_curve(
        x, lags=lags, positions="conditional", baseline=None, estimator=estimator, n_threads=1
    )
    for mi, d in zip(curve.mi, lags, strict=True):
        by_position = [naive.mutual_info(x[:, t], x[:, t + d], estimator) for t in range(12 - d)]
        assert mi == pytest.approx(np.mean(by_position), abs=1e-12)
    np.testing.assert_allclose(
        curve.entropy_x + curve.entropy_y - curve.entropy_xy, curve.mi, atol=1e-12
    )


def test_dense_and_sparse_have_the_same_standard_error():
    rng = np.random.default_rng(0)
    data = encode(*flatten(np.cumsum(rng.integers(0, 3, 50_000)) % 20))
    groups = make_groups(data)
    dense = PooledEngine(data, "grassberger")
    for d in (1, 7):
        (a,) = dense.run(np.array([d]), n_threads=1)
        (b,) = sparse_lags(data, groups, np.array([d]), "grassberger")
        assert a.std_error == pytest.approx(b.std_error, rel=1e-9)
        assert a.plugin == pytest.approx(b.plugin, abs=1e-12)


@settings(deadline=None, max_examples=15)
@given(
    n=st.integers(20, 30_000),
    k=st.integers(2, 16),
    max_lag=st.integers(1, 600),
    seed=st.integers(0, 1000),
)
def test_transforms_count_exactly(n, k, max_lag, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, k, (2, n)).astype(np.uint8)
    lags = np.unique(rng.integers(1, min(max_lag, n - 1) + 1, 5))
    start, stop = sorted(rng.integers(0, n + 1, 2))
    counts = fft_segment(x, y, start, stop, lags, k)
    for row, lag in zip(counts, lags, strict=True):
        expected = naive.pair_counts(x, y, start, stop, lag, k)
        np.testing.assert_array_equal(row, expected.ravel())


def test_many_lags_of_few_symbols_are_transformed(monkeypatch):
    x = np.cumsum(np.random.default_rng(0).integers(0, 2, 60_000)) % 4
    fast = decay_curve(x, max_lag=700, lags="all")
    assert "Fourier" in fast.method
    monkeypatch.setattr(PooledEngine, "pays_transform", lambda self, lags: False)
    direct = decay_curve(x, max_lag=700, lags="all")
    assert "table" in direct.method
    np.testing.assert_allclose(fast.mi, direct.mi, atol=1e-13)
    np.testing.assert_allclose(fast.entropy_xy, direct.entropy_xy, atol=1e-13)
    np.testing.assert_allclose(fast.std_error, direct.std_error, rtol=0.5)


def test_large_alphabets_are_counted_sparsely():
    x = np.random.default_rng(0).integers(0, 100_000, 200_000)
    assert not PooledEngine(encode(*flatten(x)), "plugin").is_dense
    curve = decay_curve(x, lags=[1, 50], baseline=None, estimator="plugin")
    expected = [naive.mutual_info_at_lag([x], lag, "plugin") for lag in (1, 50)]
    assert curve.mi == pytest.approx(expected)


def test_threads_change_nothing():
    x = np.random.default_rng(0).integers(0, 7, 5000)
    assert decay_curve(x, n_threads=1) == decay_curve(x, n_threads=3)
    rows = x.reshape(500, 10)
    assert decay_curve(rows, n_threads=1) == decay_curve(rows, n_threads=3)


def test_rotation_never_pairs_a_sequence_with_itself():
    x = np.repeat(np.arange(9), 4).reshape(9, 4)
    for seed in range(20):
        later = rotated(encode(*flatten(x)), np.random.default_rng(seed)).reshape(9, 4)
        assert (later != x).all()
        assert sorted(later[:, 0]) == list(range(9))


def test_n_pairs_counts_what_is_there():
    sequences = [np.arange(5) % 2, np.arange(3) % 2, np.arange(9) % 2]
    curve = decay_curve(sequences, lags=[1, 2, 3, 4, 8], baseline=None)
    assert curve.n_pairs.tolist() == [14, 11, 8, 6, 1]
    assert "2 of 3 sequences" in curve.notes[0]


@pytest.mark.parametrize("n_symbols", [3, 40, 600])
def test_spread_over_positions_is_the_same_by_table_and_by_sorting(monkeypatch, n_symbols):
    rows = np.random.default_rng(0).integers(0, n_symbols, (50, 40))
    sequences = encode(rows.ravel(), np.arange(0, rows.size + 1, 40))
    found = []
    for cells in (10**9, 0):
        monkeypatch.setattr(_position_spread, "_CELLS_A_PAIR", cells)
        spread = _position_spread.information_by_position(sequences, np.array([1, 7, 39]))
        found.append(np.concatenate(spread))
    np.testing.assert_array_equal(*found)


def test_aligned_sequences_of_a_large_vocabulary_take_little_memory():
    x = np.random.default_rng(0).integers(0, 30_000, (400, 50))
    tracemalloc.start()
    curve = decay_curve(x, max_lag=4, n_threads=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert curve.baseline_method == "across"
    # a table of all pairs would be 7 GB
    assert peak < 50e6


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("largest", [3, 60, 10**9])
def test_entropies_of_a_table_equal_those_of_its_counts(estimator, largest):
    rng = np.random.default_rng(0)
    # three lags lie beside each other, as the counting leaves them
    blocks = rng.integers(0, largest, (4, 3, 36)).astype(np.uint32)
    blocks[:, :, ::5] = 0
    h_x, h_y, h_xy, sums, sizes = entropies(blocks[:, 1], 6, estimator)
    joint = blocks[:, 1].sum(axis=0, dtype=np.int64).reshape(6, 6)
    for found, counts in ((h_x, joint.sum(axis=1)), (h_y, joint.sum(axis=0)), (h_xy, joint)):
        expected = naive.entropy(counts.ravel(), estimator)
        assert found == pytest.approx(expected, abs=1e-13)
    pointwise = naive.pointwise_mutual_info(joint)
    np.testing.assert_allclose(sums, blocks[:, 1] @ pointwise.ravel(), rtol=1e-12)
    np.testing.assert_array_equal(sizes, blocks[:, 1].sum(axis=1))
