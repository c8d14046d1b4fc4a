"""A Dask cluster counts what one machine counts."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optuna_mi.decay import Shards, decay_curve
from optuna_mi.decay.measure.shards import _count_plan

dask = pytest.importorskip("dask")
bag = pytest.importorskip("dask.bag")
array = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

_LAGS = [1, 2, 3, 7, 40, 300]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
            ) as two,
            distributed.Client(two) as client,
        ):
            yield client


def _walk(n: int, k: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(0).integers(-1, 2, n)) % k


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_two_workers_give_the_curve_of_one_machine_in_every_bit(cluster):
    x = _walk(60_000, 20)
    parts = np.split(x, [5, 9_000, 9_100, 30_000, 30_000])
    there = [p for p in parts if p.size]
    for boundary in ("within", "concatenate"):
        options = {"lags": _LAGS, "boundary": boundary}
        found = decay_curve(bag.from_sequence(there, npartitions=4), **options)
        assert len(cluster.scheduler_info()["workers"]) == 2
        in_parts = decay_curve(Shards([there[:2], there[2:4], there[4:]]), **options)
        in_memory = decay_curve(there, values="symbols", **options)
        for expected in (in_parts, in_memory):
            assert replace(found, method=None) == replace(expected, method=None)
    chunks = array.from_array(x, chunks=7_000)
    expected = decay_curve(x, lags=_LAGS, values="symbols")
    assert replace(decay_curve(chunks, lags=_LAGS), method=None) == replace(expected, method=None)


@pytest.mark.filterwarnings("ignore")
def test_pieces_shorter_than_the_longest_lag_in_several_passes(monkeypatch):
    monkeypatch.setattr(_count_plan, "_PASS_BYTES", 1 << 12)
    x = _walk(3_000, 5)
    pieces = array.from_array(x, chunks=41)
    with dask.config.set(scheduler="synchronous"):
        found = decay_curve(pieces, lags=_LAGS, symbols=5)
        in_bag = decay_curve(
            bag.from_sequence(np.split(x, 60), npartitions=30), lags=_LAGS, boundary="concatenate"
        )
    expected = decay_curve(x, lags=_LAGS, values="symbols")
    assert replace(found, method=None) == replace(expected, method=None)
    assert replace(in_bag, method=None, boundary="within") == replace(expected, method=None)


@pytest.mark.filterwarnings("ignore")
def test_rows_of_an_array_are_pooled_when_asked_to():
    x = _walk(4_000, 5).reshape(40, 100)
    rows = array.from_array(x, chunks=(7, 30))
    with pytest.raises(ValueError, match="positions='pooled'"):
        decay_curve(rows)
    with dask.config.set(scheduler="synchronous"):
        found = decay_curve(rows, positions="pooled", baseline="shuffle", max_lag=20)
    expected = decay_curve(x, positions="pooled", baseline="shuffle", max_lag=20, values="symbols")
    assert replace(found, method=None) == replace(expected, method=None)


@pytest.mark.filterwarnings("ignore")
def test_what_dask_has_and_cannot_be_counted_is_refused_with_a_remedy():
    x = array.from_array(_walk(100, 5), chunks=50)
    some = x[x > 0]
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        decay_curve(some)
    with pytest.raises(TypeError, match="bag or array"):
        decay_curve(dask.delayed(_walk)(100, 5))
