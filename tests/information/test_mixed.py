"""mutual_info_mixed against a brute-force reference, known values, and bad input."""

from __future__ import annotations

import math
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import digamma
from scipy.stats import norm

from optuna_mi.information import _mixed_kernels, mutual_info_mixed
from tests import naive


@settings(deadline=None, max_examples=60)
@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(12, 40), st.sampled_from([1, 2, 3, 5, 7, 47, 48, 70])),
        elements=st.integers(-4, 4).map(float),  # integers: squares are exact, and ties abound
    ),
    st.integers(1, 5),
    st.sampled_from(["chebyshev", "euclidean"]),
    st.integers(0, 100),
)
def test_equals_the_definition(x, k, metric, seed):
    y = np.random.default_rng(seed).permutation(np.arange(len(x)) % 3)
    found = mutual_info_mixed(x, y, k=k, metric=metric)
    assert math.isfinite(found.value)
    assert found.value == pytest.approx(naive.mutual_info_mixed(x, y, k, metric), abs=1e-12)


@pytest.mark.parametrize("metric", ["chebyshev", "euclidean"])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("n_features", [1, 2])
def test_trees_count_what_all_pairs_do(metric, tied, n_features, monkeypatch):
    rng = np.random.default_rng(3)
    y = rng.integers(0, 4, 400)
    x = rng.normal(size=(400, n_features)) + y[:, None]
    x = (4 * x).round() / 4 if tied else x  # binary fractions: squares are exact
    values = []
    for first in (1000, 0):
        monkeypatch.setattr(_mixed_kernels, "_TREE_FROM", dict.fromkeys((1, 2), first))
        values.append(mutual_info_mixed(x, y, metric=metric))
    assert values[0] == values[1]


@pytest.mark.parametrize("metric", ["chebyshev", "euclidean"])
@pytest.mark.parametrize("unit", [2.0**-1000, 2.0**-600, 2.0**600, 2.0**1020])
def test_neither_overflows_nor_vanishes(metric, unit):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    x = rng.integers(-9, 9, (200, 3)) / 16 + y[:, None] / 4
    value = mutual_info_mixed(x, y, metric=metric).value
    assert value > 0.05
    assert mutual_info_mixed(unit * x, y, metric=metric).value == value


def test_labels_of_a_pandas_column():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 100)
    x = y + rng.normal(size=100)
    value = mutual_info_mixed(x, y).value
    names = pd.Series(np.array(["red", "green", "blue"])[y])
    nullable = pd.Series(y, dtype="Int8")
    for labels in (names, names.astype(object), names.astype("category"), nullable):
        assert mutual_info_mixed(x, labels).value == pytest.approx(value, abs=1e-12)
    names[3] = None
    with pytest.raises(ValueError, match="1 of 100 labels are missing"):
        mutual_info_mixed(x, names)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_scale_order_and_names_do_not_matter(seed, scale):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, 150)
    x = rng.normal(size=(150, 3)) + y[:, None]
    value = mutual_info_mixed(x, y).value
    order = rng.permutation(150)
    assert mutual_info_mixed(scale * x, y).value == pytest.approx(value, abs=1e-12)
    assert mutual_info_mixed(x[order], y[order]).value == pytest.approx(value, abs=1e-12)
    assert mutual_info_mixed(x, np.array(list("dbca"))[y]).value == pytest.approx(value, abs=1e-12)


def test_equals_ross_without_ties():
    feature_selection = pytest.importorskip("sklearn.feature_selection")
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 500)
    x = rng.normal(size=500) + y
    ross = feature_selection.mutual_info_classif(
        x[:, None], y, discrete_features=False, n_neighbors=3, random_state=0
    )[0]
    assert mutual_info_mixed(x, y, k=3).value == pytest.approx(ross, abs=1e-9)


def mixture_information(means: np.ndarray) -> float:
    """I(X; Y) of equally likely unit Gaussians, by integration."""

    def density(x: float) -> float:
        return float(norm.pdf(x, means).mean())

    def integrand(x: float) -> float:
        return -density(x) * math.log(density(x))

    entropy_x = quad(integrand, means.min() - 10, means.max() + 10, limit=400)[0]
    return entropy_x - 0.5 * math.log(2 * math.pi * math.e)


@pytest.mark.parametrize("spacing", [0.5, 2.0, 6.0])
def test_ten_class_mixture(spacing):
    rng = np.random.default_rng(1)
    means = spacing * np.arange(10)
    y = rng.integers(0, 10, 4000)
    found = mutual_info_mixed(rng.normal(size=4000) + means[y], y)
    assert found.value == pytest.approx(mixture_information(means), abs=0.03)
    assert found.standard_error < 0.02


@pytest.mark.parametrize(
    ("n_classes", "truth"),
    # neighbours overlap by half: of two classes half the mass tells, of ten 0.9 leaves ln 2
    [(2, 0.5 * math.log(2)), (10, math.log(10) - 0.9 * math.log(2))],
)
def test_overlapping_uniforms(n_classes, truth):
    rng = np.random.default_rng(2)
    y = rng.integers(0, n_classes, 4000)
    x = rng.uniform(0, 2, 4000) + y
    assert mutual_info_mixed(x, y).value == pytest.approx(truth, abs=0.03)


@pytest.mark.parametrize("metric", ["chebyshev", "euclidean"])
@pytest.mark.parametrize("n_features", [1, 10, 60])
def test_independent_within_three_standard_errors(metric, n_features):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(1000, n_features)), rng.integers(0, 10, 1000)
    found = mutual_info_mixed(x, y, metric=metric)
    assert abs(found.value) < 3 * found.standard_error


def test_standard_error_is_that_of_repetition():
    values, errors = [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 4, 400)
        found = mutual_info_mixed(rng.normal(size=400) + y, y)
        values.append(found.value)
        errors.append(found.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(values, ddof=1), rel=0.35)


def test_saturated_features_stay_at_the_bound():
    # a perfect classifier's saturated softmax: strict balls give values above H(Y) here
    y = np.arange(1000) % 10
    found = mutual_info_mixed(np.eye(10)[y], y)
    assert found.tie_fraction == 1.0
    # every class is one point: k~ = m = 99, N_c = 100
    assert found.value == pytest.approx(digamma(1000) - digamma(100), abs=1e-12)
    assert found.upper_bound == pytest.approx(math.log(10), abs=1e-12)
    assert found.value < found.upper_bound + 1 / 100


def test_all_samples_equal():
    y = np.arange(90) % 3
    found = mutual_info_mixed(np.zeros((90, 4)), y)
    assert found.value == pytest.approx(
        digamma(90) + digamma(29) - digamma(30) - digamma(89), abs=1e-12
    )
    assert abs(found.value) < 0.03


def test_duplicated_data_are_not_silent():
    # tiling samples beyond k copies tends to H(Y) whatever the data: every ball has radius zero
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=200), rng.integers(0, 2, 200)
    once = mutual_info_mixed(x, y)
    tiled = mutual_info_mixed(np.tile(x, 5), np.tile(y, 5))
    assert once.tie_fraction == 0
    assert tiled.tie_fraction == 1
    assert tiled.value > once.value + 0.5


def test_one_class_is_zero():
    found = mutual_info_mixed(np.random.default_rng(0).normal(size=50), np.zeros(50, dtype=int))
    assert found.value == 0.0
    assert found.upper_bound == 0.0


def test_small_classes_use_all_their_members():
    rng = np.random.default_rng(5)
    y = np.repeat([0, 1, 2], [2, 3, 60])
    x = rng.normal(size=65)
    assert mutual_info_mixed(x, y, k=5).value == pytest.approx(
        naive.mutual_info_mixed(x, y, 5, "chebyshev"), abs=1e-12
    )


def test_singletons_become_one_class():
    rng = np.random.default_rng(6)
    y = np.concatenate([np.repeat([0, 1], 40), np.arange(10, 20)])
    x = rng.normal(size=90) + np.minimum(y, 2)
    merged = np.minimum(y, 10)
    found, expected = mutual_info_mixed(x, y), mutual_info_mixed(x, merged)
    assert found.value == expected.value
    assert found.upper_bound == expected.upper_bound
    assert found.entropy_labels > found.upper_bound


def test_a_lone_singleton_joins_the_smallest_class():
    rng = np.random.default_rng(7)
    y = np.concatenate([np.repeat([0, 1], [30, 20]), [5]])
    x = rng.normal(size=51) + y
    expected = mutual_info_mixed(x, np.where(y == 5, 1, y))
    assert mutual_info_mixed(x, y).value == expected.value


def test_input_is_left_alone_and_may_have_any_layout():
    rng = np.random.default_rng(8)
    images = rng.random(size=(60, 3, 4)).astype(np.float32)
    y = np.arange(60) % 2
    kept = images.copy()
    value = mutual_info_mixed(images, y).value
    assert np.array_equal(images, kept)
    flat = np.asfortranarray(images.reshape(60, 12))
    assert mutual_info_mixed(flat, y).value == value
    assert mutual_info_mixed(images[::-1], y[::-1]).value == pytest.approx(value, abs=1e-12)


def test_tile_changes_nothing_and_says_so():
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=(100, 2)), np.arange(100) % 2
    with pytest.warns(UserWarning, match="tile=3 changes nothing"):
        tiled = mutual_info_mixed(x, y, tile=3)
    assert tiled.value == mutual_info_mixed(x, y).value
    assert mutual_info_mixed(np.tile(x, (1, 3)), y).value == tiled.value


X, Y = np.arange(20.0), np.arange(20) % 2


@pytest.mark.parametrize(
    ("x", "y", "options", "error", "message"),
    [
        (X, Y / 2, {}, TypeError, "labels.astype"),
        (X, Y[:10], {}, ValueError, "20 samples but labels has 10"),
        (X, np.eye(2)[Y].astype(int), {}, ValueError, "argmax"),
        (X, np.array([{}] * 20), {}, TypeError, "encode them as integers"),
        (X, np.arange(20), {}, ValueError, "every one of the 20 labels"),
        (X.astype(complex), Y, {}, TypeError, "real numbers"),
        (np.array(["a"] * 20), Y, {}, TypeError, "real numbers"),
        (np.where(X == 3, np.nan, X), Y, {}, ValueError, "NaN or infinity in 1 of 20"),
        (np.where(X == 3, np.inf, X), Y, {}, ValueError, "NaN or infinity"),
        (np.empty((0, 2)), Y[:0], {}, ValueError, "shape"),
        (np.empty((20, 0)), Y, {}, ValueError, "no features"),
        (np.ma.masked_less(X, 3), Y, {}, ValueError, "3 of 20 values of x are masked"),
        (X, np.ma.masked_equal(Y, 1), {}, ValueError, "values of labels are masked"),
        (X, Y, {"k": 0}, ValueError, "at least 1"),
        (X, Y, {"k": 20}, ValueError, "more than 20 samples"),
        (X, Y, {"k": 2.0}, TypeError, "integer"),
        (X, Y, {"metric": "cosine"}, ValueError, "cosine"),
        (X, Y, {"tile": 0}, ValueError, "tile"),
    ],
)
def test_bad_input(x, y, options, error, message):
    with pytest.raises(error, match=message):
        mutual_info_mixed(x, y, **options)


def test_pixels_of_mnist(data_dir: Path):
    import gzip

    with gzip.open(data_dir / "mnist" / "train-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read()[16 : 16 + 784_000], np.uint8).reshape(1000, 784) / 255
    with gzip.open(data_dir / "mnist" / "train-labels-idx1-ubyte.gz") as file:
        digits = np.frombuffer(file.read()[8:1008], np.uint8)
    chebyshev = mutual_info_mixed(pixels, digits)
    euclidean = mutual_info_mixed(pixels, digits, metric="euclidean")
    assert chebyshev.tie_fraction > 0.5
    # the metrics differ by far, and both stay below H(Y): why IXY asks for its metric
    assert chebyshev.value + 0.5 < euclidean.value < euclidean.upper_bound


def test_padding_is_no_class():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    x = y + 0.3 * rng.normal(size=300)
    y[:50] = -100
    with pytest.raises(ValueError, match=r"-100.*50 times in 300.*keep = labels != -100"):
        mutual_info_mixed(x, y)
    signs = np.where(y > 0, 1, -1)
    assert mutual_info_mixed(x, signs).entropy_labels == mutual_info_mixed(x, y > 0).entropy_labels
    assert mutual_info_mixed(x, y.astype(str)).value > 0
