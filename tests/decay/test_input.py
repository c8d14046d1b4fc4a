"""What decay_curve takes, and what it refuses."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from optuna_mi.decay import analyze_decay, decay_curve

RNG = np.random.default_rng(0)
SYMBOLS = np.cumsum(RNG.integers(0, 3, 3000)) % 7
LAGS = [1, 2, 5]


def mi(x, **options):
    return decay_curve(x, lags=LAGS, baseline=None, **options).mi


def test_the_same_symbols_in_any_type(tmp_path):
    expected = mi(SYMBOLS)
    path = tmp_path / "x.npy"
    np.save(path, SYMBOLS)
    letters = "".join("abcdefg"[s] for s in SYMBOLS)
    same = [
        SYMBOLS.astype(np.uint8),
        SYMBOLS.astype(np.uint16) + 1000,
        SYMBOLS * 10**12,
        SYMBOLS.tolist(),
        SYMBOLS.reshape(1, -1),
        [SYMBOLS],
        bytes(SYMBOLS.tolist()),
        bytearray(SYMBOLS.tolist()),
        letters,
        letters.replace("a", "\N{SNOWMAN}"),
        np.array(list(letters)),
        np.array(list(letters), dtype=object),
        pd.Series(list(letters)),
        pd.Series(SYMBOLS),
        pd.Series(pd.Categorical(list(letters))),
        pd.DataFrame({"x": SYMBOLS}),
        np.load(path, mmap_mode="r"),
        path,
        np.asfortranarray(np.stack([SYMBOLS, SYMBOLS], axis=1))[:, 0],
        SYMBOLS.astype(float),
    ]
    for x in same:
        np.testing.assert_allclose(mi(x), expected, atol=1e-12)


def test_ragged_lists_of_any_type():
    parts = [SYMBOLS[:100], SYMBOLS[100:101], SYMBOLS[101:101], SYMBOLS[101:900]]
    expected = mi(parts)
    assert mi([p.tolist() for p in parts]) == pytest.approx(expected, abs=1e-12)
    assert mi([bytes(p.tolist()) for p in parts]) == pytest.approx(expected, abs=1e-12)
    assert mi(["".join("abcdefg"[s] for s in p) for p in parts]) == pytest.approx(expected)
    assert mi([pd.Series(p) for p in parts]) == pytest.approx(expected, abs=1e-12)


def test_tokens_mean_the_same_in_every_sequence_of_a_list():
    parts = [SYMBOLS[:1000], SYMBOLS[1000:1900], SYMBOLS[1900:]]
    # other symbols come first in each: numbered one by one they would not agree
    parts = [p[np.argmax(p == k) :] for k, p in enumerate(parts)]
    names = np.array(["the", "a", "fox", "jumps", "over", "dog", "lazy"])
    expected = mi(parts)
    words = [names[p] for p in parts]
    for same in (
        words,
        [w.tolist() for w in words],
        [tuple(w) for w in words] + [()],
        [w.astype(object) for w in words],
        [np.char.encode(w).tolist() for w in words],
        [pd.Series(w) for w in words],
        [pd.Series(pd.Categorical(w)) for w in words],
        [pd.Index(w) for w in words],
        [words[0].tolist(), pd.Series(words[1]), words[2]],
    ):
        np.testing.assert_allclose(mi(same), expected, atol=1e-12)
    assert decay_curve([pd.Series(list("xy" * 500)), pd.Series(list("pq" * 500))]).n_symbols == 4


def test_no_integers_of_a_list_become_reals():
    values = np.arange(2000) % 50  # as reals they would be cut into fewer bins
    mixed = decay_curve([values.astype(np.uint64), values], max_lag=10)
    assert mixed.n_symbols == 50
    np.testing.assert_array_equal(mixed.mi, decay_curve([values, values], max_lag=10).mi)


def test_memory_keeps_its_format():
    curve = decay_curve(memoryview(SYMBOLS.astype(np.int32)), lags=LAGS)
    assert curve.n_total == SYMBOLS.size
    assert curve == decay_curve(SYMBOLS, lags=LAGS)
    in_bytes = decay_curve(memoryview(bytes(SYMBOLS.tolist())), lags=LAGS)
    assert in_bytes == decay_curve(SYMBOLS.astype(np.uint8), lags=LAGS)
    np.testing.assert_array_equal(in_bytes.mi, curve.mi)
    assert mi([memoryview(SYMBOLS)]) == pytest.approx(mi(SYMBOLS))
    assert decay_curve(memoryview(SYMBOLS / 7.0), lags=LAGS).notes


def test_masked_values_are_refused():
    masked = np.ma.masked_equal(SYMBOLS, 3)
    for x in (masked, [SYMBOLS, masked], masked.reshape(2, -1)):
        with pytest.raises(ValueError, match=r"values are masked.*filled.*clump_unmasked"):
            decay_curve(x)
    with pytest.raises(ValueError, match="masked"):
        decay_curve(np.ma.masked_less(np.zeros((1, 50, 2)), 1.0), values="ksg")
    np.testing.assert_array_equal(mi(np.ma.array(SYMBOLS, mask=False)), mi(SYMBOLS))
    pieces = [masked[s] for s in np.ma.clump_unmasked(masked)]
    assert decay_curve(pieces, lags=[1, 2]).n_total == masked.count()


def test_booleans():
    x = RNG.random(500) < 0.3
    np.testing.assert_array_equal(mi(x), mi(x.astype(int)))


def test_a_memory_mapped_byte_file_is_not_copied(tmp_path):
    from optuna_mi.decay.measure.reading._read import flatten
    from optuna_mi.decay.measure.reading._sequences import encode

    path = tmp_path / "x.npy"
    np.save(path, SYMBOLS.astype(np.uint8))
    mapped = np.load(path, mmap_mode="r")
    codes = encode(*flatten(mapped)).codes
    assert np.shares_memory(codes, mapped)


def autoregressive(n, phi, seed):
    return lfilter([1.0], [1.0, -phi], np.random.default_rng(seed).normal(size=n))


def test_real_values_are_cut_into_quantile_bins():
    x = autoregressive(20_000, 0.8, 0)
    curve = decay_curve(x, max_lag=30, n_bins=10)
    assert curve.n_symbols == 10
    assert "10 quantile bins" in curve.notes[0]
    # binning loses information, so the Gaussian value is an upper bound
    truth = -0.5 * np.log(1 - 0.8 ** (2 * curve.lags))
    assert (curve.mi_corrected < truth + 3 * curve.std_error).all()
    assert curve.mi_corrected[0] > 0.8 * truth[0]
    np.testing.assert_allclose(
        decay_curve(np.exp(x), max_lag=30, n_bins=10).mi, curve.mi, atol=1e-12
    )


def test_nearest_neighbours_find_the_gaussian_value():
    x = autoregressive(5000, 0.8, 1)
    curve = decay_curve(x, lags=[1, 2, 3, 20], values="ksg")
    truth = -0.5 * np.log(1 - 0.8 ** (2 * curve.lags))
    assert curve.mi_corrected == pytest.approx(truth, abs=0.06)
    assert curve.estimator == "ksg"
    assert (np.abs(curve.mi_corrected - truth) < 4 * curve.std_error).all()


def test_vectors_by_nearest_neighbours():
    x = autoregressive(3000, 0.8, 2)
    noise = np.random.default_rng(0).normal(size=3000)
    one = decay_curve([x], lags=[1, 30], values="ksg").mi_corrected
    two = decay_curve([np.stack([x, noise], axis=1)], lags=[1, 30], values="ksg").mi_corrected
    cube = decay_curve(np.stack([x, noise], axis=1)[None], lags=[1, 30], values="ksg").mi_corrected
    np.testing.assert_array_equal(two, cube)
    # independent noise beside it adds nothing but bias
    assert two[0] == pytest.approx(one[0], abs=0.25)
    assert abs(two[1]) < 0.1


def test_vectors_in_a_tensor_or_a_file(tmp_path):
    torch = pytest.importorskip("torch")
    cube = np.random.default_rng(0).normal(size=(3, 400, 2))
    options = {"lags": LAGS, "values": "ksg", "n_samples": 200}
    expected = decay_curve(cube, **options)
    assert decay_curve(torch.tensor(cube), **options) == expected
    assert decay_curve(list(torch.tensor(cube)), **options) == expected
    np.save(tmp_path / "cube.npy", cube)
    assert decay_curve(tmp_path / "cube.npy", **options) == expected


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"checkpoint": "curve.json"}, "checkpoint='curve.json'.*leave"),
        ({"boundary": "concatenate"}, "boundary='concatenate'.*np.concatenate"),
        ({"early_stop": True}, "early_stop=True.*max_lag"),
        ({"early_stop": True, "baseline": None}, "early_stop=True"),
        ({"positions": "conditional"}, "positions='conditional'.*values='bins'"),
        ({"baseline": "across"}, "baseline='across'.*no positions"),
        ({"estimator": "plugin"}, "estimator='plugin'.*leave"),
        ({"n_surrogates": 0}, "n_surrogates.*got 0"),
    ],
)
def test_what_nearest_neighbours_cannot_do_is_refused(options, match):
    x = np.random.default_rng(0).normal(size=(200, 20))
    with pytest.raises(ValueError, match=match):
        decay_curve(x, lags=LAGS, values="ksg", **options)


def test_random_walks_and_trends_warn():
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(size=2000))
    trend = 0.01 * np.arange(2000) + autoregressive(2000, 0.5, 3)
    with pytest.warns(UserWarning, match="random walk.*difference=1"):
        curve = decay_curve(walk, max_lag=20)
    assert "random walk" in curve.notes[0]
    with pytest.warns(UserWarning, match=r"a trend.*detrend=True"):
        decay_curve(trend, max_lag=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        changes = decay_curve(walk, max_lag=20, difference=1)
        flat = decay_curve(trend, max_lag=20, detrend=True)
        season = np.sin(np.arange(2000) * 2 * np.pi / 24) + 0.3 * rng.normal(size=2000)
        decay_curve(season, max_lag=60)
    assert (np.abs(changes.mi_corrected) < 4 * changes.std_error).all()
    assert flat.mi_corrected[-1] < 0.1 * flat.mi_corrected[0]


def test_a_panel_of_series():
    series = [autoregressive(600, 0.7, s) + 100 * s for s in range(40)]
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{i:02}" for i in range(40)], 600),
            "ds": np.tile(pd.date_range("2020-01-01", periods=600, freq="D"), 40),
            "y": np.concatenate(series),
        }
    )
    curve = decay_curve(frame.sample(frac=1, random_state=0), max_lag=40)
    assert curve.n_sequences == 40
    assert curve.positions == "pooled"
    # each series is cut into its own bins: different levels are no dependence
    assert curve.mi_corrected[-1] < 0.01
    assert curve.mi_corrected[0] == pytest.approx(decay_curve(series[0]).mi_corrected[0], abs=0.1)


def test_default_lags():
    # a third of a short sequence, a tenth of a long one
    assert decay_curve(SYMBOLS).lags.tolist() == list(range(1, 1001))
    assert decay_curve(np.tile(SYMBOLS[:20], (50, 1))[:, :20] * 1).lags[-1] == 19
    log = decay_curve(SYMBOLS, lags="log", max_lag=2000).lags
    assert log[:64].tolist() == list(range(1, 65))
    assert log[-1] == 2000
    assert len(log) < 150


@pytest.mark.parametrize(
    ("x", "error", "match"),
    [
        ([], ValueError, "empty"),
        ("", ValueError, "empty"),
        (np.zeros(0, int), ValueError, "empty"),
        (np.zeros(10, int), ValueError, "same"),
        ("aaaa", ValueError, "same"),
        (np.array([1, -2, 3]), ValueError, "negative, got -2"),
        (np.array([1.0, np.nan, 2.0]), ValueError, "1 of 3 values are NaN.*place 1"),
        ([1, "a"], TypeError, "not both"),
        ([[1, 2], ["a", "b"]], TypeError, "one type"),
        ([[1, 2], "ab"], TypeError, "one type.*got characters, integers"),
        (["ab", ["a", "b"]], TypeError, "one type.*got characters, tokens"),
        ([["a", "b"], [b"a", b"b"]], TypeError, "one type, got bytes, str"),
        ([["a", b"b"]], TypeError, "one type, got bytes, str"),
        ([["a", None]], TypeError, "one type, got NoneType, str"),
        ([pd.Series(["a", None])], ValueError, "1 of 2 values are missing"),
        ([np.array(["a", None], dtype=object)], ValueError, "1 of 2 symbols are missing"),
        ([np.array([1 + 2j, 3])], TypeError, "one type.*got complex128"),
        ([[1, "a"], [2, "b"]], TypeError, "one type"),
        (np.array([1, "a"], dtype=object), TypeError, "one type"),
        (np.arange(5)[:, None], ValueError, "length 1"),
        (np.zeros((2, 2, 2), int), ValueError, "shape"),
        (5, TypeError, "got int"),
        (None, TypeError, "NoneType"),
        ([2**70, 1], TypeError, r"2\*\*63"),
        ([2**63, 1], TypeError, r"below 2\*\*63, got 9223372036854775808"),
        ([np.array([2**63], np.uint64), np.array([1])], TypeError, r"below 2\*\*63, got 922"),
        (np.array([1 + 2j, 3]), TypeError, "complex"),
        (np.array([None, None], dtype=object), ValueError, "2 of 2 symbols are missing"),
        (pd.Series([1.0, None]), ValueError, "1 of 2 values are missing"),
        (pd.DataFrame({"a": [1, 2], "b": [1, 2]}), ValueError, "unique_id"),
    ],
)
def test_bad_sequences(x, error, match):
    with pytest.raises(error, match=match):
        decay_curve(x)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"max_lag": 3000}, ValueError, "got 3000"),
        ({"max_lag": 0}, ValueError, "got 0"),
        ({"max_lag": 2.5}, TypeError, "integer"),
        ({"lags": [3, 2]}, ValueError, "got 2 after 3"),
        ({"lags": [2, 2]}, ValueError, "increasing"),
        ({"lags": [0, 2]}, ValueError, r"1\.\.2999"),
        ({"lags": [1, 3000]}, ValueError, r"1\.\.3000"),
        ({"lags": [0.5]}, TypeError, "float64"),
        ({"lags": []}, ValueError, "non-empty"),
        ({"lags": "few"}, ValueError, "'few'"),
        ({"lags": [1], "max_lag": 5}, ValueError, "not both"),
        ({"estimator": "best"}, ValueError, "'best'"),
        ({"boundary": "open"}, ValueError, "'open'"),
        ({"positions": "conditional"}, ValueError, "same length"),
        ({"baseline": "across"}, ValueError, "shuffle"),
        ({"n_surrogates": 0}, ValueError, "n_surrogates.*got 0"),
        ({"n_threads": 0}, ValueError, "got 0"),
        ({"seed": -1}, ValueError, "got -1"),
        ({"values": "words"}, ValueError, "'words'"),
        ({"difference": 1}, ValueError, "real values"),
        ({"early_stop": True, "baseline": None}, ValueError, "floor"),
    ],
)
def test_bad_settings(options, error, match):
    with pytest.raises(error, match=match):
        decay_curve(SYMBOLS, **options)


def test_more_refusals(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        decay_curve(tmp_path / "none.npy")
    (tmp_path / "x.txt").write_text("abc")
    with pytest.raises(ValueError, match=r"only \.npy"):
        decay_curve(tmp_path / "x.txt")
    with pytest.raises(TypeError, match="values='bins'"):
        decay_curve(np.array([1.0, 2.0, 3.0]), values="symbols")
    with pytest.raises(ValueError, match="positions"):
        decay_curve(np.tile([0, 1, 2], (200, 4)), positions="conditional", baseline="shuffle")
    with pytest.raises(FileNotFoundError, match="folder"):
        decay_curve(SYMBOLS, max_lag=30, checkpoint=tmp_path / "no" / "x.json")


def test_the_name_of_a_file_is_not_measured(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "book.txt").write_text("abc")
    with pytest.raises(ValueError, match="is the name of a file"):
        decay_curve("book.txt")
    assert decay_curve("to be or not to be " * 100, max_lag=5).n_total == 1900


def test_what_looks_like_words_or_columns_warns():
    words = ["to", "be", "or", "not"] * 50
    with pytest.warns(UserWarning, match=r"200 sequences of 2\.2 symbols.*pass \[x\]"):
        decay_curve(words)
    assert decay_curve([words], max_lag=5).n_total == 200
    table = np.column_stack([np.arange(500), np.arange(500) % 7])
    with pytest.warns(UserWarning, match=r"500 sequences of 2\.0 symbols.*pass x\.T"):
        decay_curve(table)


def test_nothing_random_is_global():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first = decay_curve(SYMBOLS, max_lag=40, seed=1)
    assert first == decay_curve(SYMBOLS, max_lag=40, seed=1)
    assert first != decay_curve(SYMBOLS, max_lag=40, seed=2)
    analyze_decay(first)
    after = np.random.get_state()[1]  # noqa: NPY002
    np.testing.assert_array_equal(after, state)


def test_warnings_point_at_the_users_line():
    days = pd.date_range("2020-01-01", periods=400)
    gaps = pd.DataFrame({"unique_id": "a", "ds": days, "y": RNG.normal(size=400)}).drop(index=[5])
    for x in (RNG.normal(size=3000).cumsum(), gaps, ["ab", "ba"] * 200):
        with pytest.warns(UserWarning, match="series|steps|sequences") as told:
            decay_curve(x, max_lag=1)
        assert told[0].filename == __file__
