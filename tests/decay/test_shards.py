"""Counts of shards add up, bit for bit, to the curve of one array in memory."""

from __future__ import annotations

import functools
import itertools
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optuna_mi.decay import CountPlan, DecayCounts, DecayCurve, Shards, decay_curve
from optuna_mi.decay.measure.shards import _count_plan

_LAGS = [1, 2, 3, 5, 8, 13, 50, 300]


def _numbers(curve: DecayCurve) -> DecayCurve:
    """Leave out in what words the pairs were counted."""
    return replace(curve, method=None)


def _walk(n: int, k: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(0).integers(-1, 2, n)) % k


def _rare(n: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    x = rng.zipf(1.3, n) % 5000
    x[1:] = np.where(rng.random(n - 1) < 0.4, x[:-1], x[1:])
    return x


def _cut(x: np.ndarray, n: int = 7) -> list[np.ndarray]:
    return np.split(x, np.sort(np.random.default_rng(2).integers(0, x.size, n)))


@pytest.mark.parametrize("x", [_walk(60_000, 20), _rare(60_000)], ids=["tables", "pairs"])
def test_shards_that_are_sequences_give_the_curve_of_the_list(x):
    parts = _cut(x)
    expected = decay_curve(parts, lags=_LAGS, values="symbols")
    assert _numbers(decay_curve(Shards(parts), lags=_LAGS)) == _numbers(expected)


@pytest.mark.parametrize(
    ("x", "lags"),
    [(_walk(60_000, 20), _LAGS), (_walk(60_000, 3), np.arange(1, 301)), (_rare(60_000), _LAGS)],
    ids=["tables", "transforms", "pairs"],
)
def test_pieces_of_one_sequence_give_the_curve_of_the_whole(x, lags):
    expected = decay_curve(x, lags=lags, boundary="concatenate", values="symbols")
    found = decay_curve(Shards(_cut(x)), lags=lags, boundary="concatenate")
    assert _numbers(found) == _numbers(expected)
    assert found.n_pairs[-1] == x.size - lags[-1]


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_counts_of_pairs_are_those_of_the_whole_whatever_the_cuts_and_the_order(data):
    n = data.draw(st.integers(20, 200))
    x = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=8)))
    parts = np.split(x, cuts)
    plan = CountPlan([p.size for p in parts], symbols=4, lags=[1, 4, 9], joined=True)
    counts = [DecayCounts.of(p, plan, i, before=x[: plan.starts[i]]) for i, p in enumerate(parts)]
    total = functools.reduce(DecayCounts.merge, data.draw(st.permutations(counts)))
    for lag in (1, 4, 9):
        expected = np.zeros((4, 4), dtype=np.int64)
        np.add.at(expected, (x[:-lag], x[lag:]), 1)
        found = total.pairs(lag)
        np.testing.assert_array_equal(found if plan.is_dense else found.toarray(), expected)


def test_merging_is_associative_and_commutative():
    parts = _cut(_rare(6_000), 3)
    plan = CountPlan([p.size for p in parts], symbols=5000, max_lag=20)
    counts = [pickle.loads(pickle.dumps(DecayCounts.of(p, plan, i))) for i, p in enumerate(parts)]
    curves = [
        functools.reduce(DecayCounts.merge, order).to_curve(n_threads=1)
        for order in itertools.permutations(counts)
    ]
    a, b, c, d = counts
    curves.append(a.merge(b).merge(c.merge(d)).to_curve(n_threads=1))
    assert not plan.is_dense
    assert all(curve == curves[0] for curve in curves)


@pytest.mark.parametrize(("x", "k"), [(_walk(60_000, 20), 20), (_rare(60_000), 5000)])
def test_an_iterator_is_read_once_and_differs_in_the_blocks_of_its_errors_only(monkeypatch, x, k):
    monkeypatch.setattr("optuna_mi.decay.measure.shards._count_iterator._BATCH", 5_000)
    for boundary in ("within", "concatenate"):
        expected = decay_curve(_cut(x), lags=_LAGS, boundary=boundary, values="symbols")
        found = decay_curve(iter(_cut(x)), lags=_LAGS, boundary=boundary, symbols=k)
        assert _numbers(replace(found, std_error=None)) == _numbers(
            replace(expected, std_error=None)
        )
        np.testing.assert_allclose(found.std_error, expected.std_error, rtol=0.5)


def test_tables_too_large_for_blocks_at_all_lags_measure_errors_at_some(monkeypatch):
    x = _walk(60_000, 20)
    expected = decay_curve(_cut(x), lags=np.arange(1, 41), values="symbols")
    monkeypatch.setattr(_count_plan, "_MANY_BYTES", 1 << 17)
    found = decay_curve(Shards(_cut(x)), lags=np.arange(1, 41))
    assert _numbers(replace(found, std_error=None)) == _numbers(replace(expected, std_error=None))
    np.testing.assert_allclose(found.std_error, expected.std_error, rtol=0.5)


@pytest.mark.parametrize(("x", "size"), [(_walk(30_000, 20), 1 << 17), (_rare(30_000), 1 << 20)])
@pytest.mark.parametrize("boundary", ["within", "concatenate"])
def test_counts_too_large_to_hold_are_taken_in_several_passes(monkeypatch, x, size, boundary):
    reads = 0

    def part(i: int) -> np.ndarray:
        nonlocal reads
        reads += 1
        return parts[i]

    parts = _cut(x, 3)
    shards = Shards([functools.partial(part, i) for i in range(4)])
    options = {"lags": [*range(1, 20), 50, 300], "boundary": boundary}
    expected = decay_curve(shards, **options)
    in_one = reads
    monkeypatch.setattr(_count_plan, "_PASS_BYTES", size)
    assert decay_curve(shards, **options) == expected
    assert in_one == 8
    assert reads - in_one > 12


def test_sequences_of_one_length_are_pooled_with_a_remark():
    rows = list(_walk(8_000, 5).reshape(40, 200))
    shards = Shards([rows[:9], rows[9:]])
    options = {"max_lag": 20, "positions": "pooled", "baseline": "shuffle"}
    asked = decay_curve(shards, **options)
    assert _numbers(asked) == _numbers(decay_curve(rows, values="symbols", **options))
    plan = CountPlan([1800, 6200], symbols=5, max_lag=20)
    by_hand = DecayCounts.of(rows[:9], plan, 0).merge(DecayCounts.of(rows[9:], plan, 1)).to_curve()
    for curve in (decay_curve(shards, max_lag=20), by_hand):
        assert next(note for note in curve.notes if note not in asked.notes).startswith("all seq")
    unequal = Shards([rows[:9], [*rows[9:], rows[0][:50]]])
    assert not any("pooled" in note for note in decay_curve(unequal, max_lag=20).notes)


def test_characters_and_tokens():
    texts = ["to be or not to be " * 60, "that is the question " * 50, "ÄÖ to be " * 30]
    expected = _numbers(decay_curve(texts, max_lag=30))
    assert _numbers(decay_curve(Shards(texts), max_lag=30)) == expected
    words = [np.array(t.split()) for t in texts]
    expected = _numbers(decay_curve(words, max_lag=30))
    assert _numbers(decay_curve(Shards(words), max_lag=30)) == expected
    vocabulary = sorted({w for t in texts for w in t.split()})
    found = decay_curve(iter(words), max_lag=30, symbols=vocabulary)
    np.testing.assert_allclose(found.mi, expected.mi, atol=1e-12)


def _write_npy(path: Path, x: np.ndarray) -> None:
    np.save(path.with_suffix(".npy"), x)


def _write_text(path: Path, x: np.ndarray) -> None:
    text = "".join(chr(97 + c) for c in x)
    path.with_suffix(".txt").write_text(text, encoding="utf-8")


def _write_parquet(path: Path, x: np.ndarray) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow as pa
    from pyarrow import parquet

    rows = pa.array([x[:100].tolist(), x[100:].tolist()])
    table = pa.table({"id": [0, 1], "tokens": rows})
    parquet.write_table(table, path.with_suffix(".parquet"))


@pytest.mark.parametrize("write", [_write_npy, _write_text, _write_parquet])
def test_a_folder_of_files(tmp_path, write):
    parts = [p for p in _cut(_walk(20_000, 20)) if p.size > 100]
    for i, part in enumerate(parts):
        write(tmp_path / f"part-{i:02}", part)
    by_row = write is _write_parquet
    sequences = [row for p in parts for row in (p[:100], p[100:])] if by_row else parts
    expected = decay_curve(sequences, lags=_LAGS, values="symbols")
    column = "tokens" if by_row else None
    found = decay_curve(Shards.from_folder(tmp_path, column=column), lags=_LAGS)
    assert _numbers(found) == _numbers(expected)
    if not by_row:
        assert decay_curve(tmp_path, lags=_LAGS) == found


def test_columns_of_parquet_files(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    words = ["to", "be", "or", "not", "to", "be"] * 40
    columns = {
        "numbers": (_walk(240, 5), [_walk(240, 5)]),
        "words": (pa.array(words).dictionary_encode(), [np.array(words)]),
        "documents": ([["to", "be"] * 20] * 240, [np.array(["to", "be"] * 20)] * 240),
        "texts": (["to be or not"] * 240, ["to be or not"] * 240),
        "gaps": ([1, None] * 120, None),
        "gaps in lists": ([[1, None]] * 240, None),
    }
    table = pa.table({name: pa.array(values) for name, (values, _) in columns.items()})
    parquet.write_table(table, tmp_path / "a.parquet")
    for name, (_, sequences) in columns.items():
        if sequences is not None:
            options = {"max_lag": 5, "positions": "pooled", "baseline": "shuffle"}
            found = decay_curve(Shards.from_folder(tmp_path, column=name), **options)
            expected = decay_curve(sequences, values="symbols", **options)
            assert _numbers(found) == _numbers(expected), name
    for name in ("gaps", "gaps in lists"):
        with pytest.raises(ValueError, match="are missing in a"):
            decay_curve(Shards.from_folder(tmp_path, column=name), max_lag=5)
    with pytest.raises(ValueError, match="column is needed"):
        decay_curve(tmp_path)


def test_shards_are_read_one_at_a_time():
    held: list[int] = []

    def part(i: int) -> np.ndarray:
        held.append(i)
        return _walk(2_000, 5)

    shards = Shards([functools.partial(part, i) for i in range(3)])
    decay_curve(shards, max_lag=10)
    assert held == [0, 1, 2, 0, 1, 2]
    decay_curve(shards, max_lag=10, symbols=5)


def test_a_shard_that_is_missing_is_named():
    parts = _cut(_walk(2_000, 5), 2)
    plan = CountPlan([p.size for p in parts], symbols=5, max_lag=10)
    counts = DecayCounts.of(parts[0], plan, 0).merge(DecayCounts.of(parts[2], plan, 2))
    with pytest.raises(ValueError, match="1 of 3 shards are missing, shard 1 first"):
        counts.to_curve()
    with pytest.raises(ValueError, match="shard 0 is in both"):
        counts.merge(DecayCounts.of(parts[0], plan, 0))


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ({"positions": "conditional"}, "in memory only"),
        ({"baseline": "within"}, "sample as a list"),
        ({"baseline": "across"}, "sample as a list"),
        ({"values": "ksg"}, "searchsorted"),
        ({"values": "bins"}, "searchsorted"),
        ({"early_stop": True}, "max_lag"),
        ({"checkpoint": "a.npz"}, "merge"),
        ({"freq": "D"}, "DataFrame"),
        ({"difference": 1}, "bins"),
    ],
)
def test_what_counts_cannot_do_is_refused_with_a_remedy(setting, word):
    with pytest.raises(ValueError, match=word):
        decay_curve(Shards([_walk(500, 5)]), max_lag=10, **setting)
    with pytest.raises(TypeError, match="searchsorted"):
        decay_curve(Shards([np.linspace(0, 1, 100)]), max_lag=10)
