"""mutual_info_ksg against brute force, NPEET's conventions, and known values."""

from __future__ import annotations

import math
import tracemalloc

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optuna_mi.information import _ksg_kernels, mutual_info_ksg
from tests import naive


@settings(deadline=None, max_examples=50)
@given(
    st.integers(10, 40),
    st.sampled_from([1, 2, 5, 48]),
    st.sampled_from([1, 3, 50]),
    st.integers(1, 4),
    st.sampled_from([1, 2]),
    st.sampled_from(["chebyshev", "euclidean"]),
    st.integers(0, 1000),
)
def test_equals_the_definition(n, dx, dy, k, variant, metric, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, dx)), rng.normal(size=(n, dy))
    found = mutual_info_ksg(x, y, k=k, variant=variant, metric=metric, standardize=False).value
    assert found == pytest.approx(naive.mutual_info_ksg(x, y, k, variant, metric), abs=1e-12)
    # the scale is one number a variable, not one an axis
    x, y = x / np.sqrt(x.var(axis=0).mean()), y / np.sqrt(y.var(axis=0).mean())
    found = mutual_info_ksg(x, y, k=k, variant=variant, metric=metric).value
    assert found == pytest.approx(naive.mutual_info_ksg(x, y, k, variant, metric), abs=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize("tied", [False, True])
def test_trees_count_what_all_pairs_do(shape, tied, monkeypatch):
    rng = np.random.default_rng(3)
    x, y = (rng.normal(size=(400, d)) for d in shape)
    if tied:
        x, y = (4 * x).round() / 4, (4 * y).round() / 4
    for variant, shrink, euclidean in (
        (1, 0.0, None),
        (2, 0.0, None),
        (1, 1e-15, None),
        (1, 0, True),
    ):
        counts = []
        for first in (1000, 0):
            monkeypatch.setattr(_ksg_kernels, "_TREE_FROM", dict.fromkeys((2, 3, 4), first))
            counts.append(_ksg_kernels.ksg_counts(x, y, 3, variant, shrink, euclidean))
        for slow, fast in zip(*counts, strict=True):
            assert np.array_equal(slow, fast)


@pytest.mark.parametrize("unit", [1e-200, 1e-3, 1.0, 1e4, 1e200, 1e300])
def test_a_unit_changes_nothing(unit):
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(2, 1000))
    y = 0.8 * x + 0.6 * noise
    value = mutual_info_ksg(x, y).value
    assert mutual_info_ksg(unit * x, y).value == pytest.approx(value, abs=0.01)
    assert mutual_info_ksg(x, unit * y, jitter=1e-10, random_state=0).value == pytest.approx(
        value, abs=0.01
    )
    plane = np.stack([x, noise], axis=1)
    value = mutual_info_ksg(plane, y, metric="euclidean").value
    assert mutual_info_ksg(unit * plane, y, metric="euclidean").value == pytest.approx(
        value, abs=0.01
    )


def test_axes_of_different_units_warn_and_pixels_do_not():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 2))
    with pytest.warns(UserWarning, match=r"the axes of x spread over .* divide each by its own"):
        mutual_info_ksg(x * [1.0, 1e5], x[:, 0])
    pixels = np.where(rng.random((500, 50)) < np.linspace(0, 1, 50), rng.random((500, 50)), 0)
    pixels[0, 0] = 1e-5
    mutual_info_ksg(pixels, x)


@settings(deadline=None, max_examples=20)
@given(hnp.arrays(np.float64, (30, 2), elements=st.integers(0, 5).map(float)), st.integers(0, 9))
def test_ties_follow_the_definition(x, seed):
    y = np.random.default_rng(seed).normal(size=(30, 1))
    found = mutual_info_ksg(x, y, standardize=False).value
    assert found == pytest.approx(naive.mutual_info_ksg(x, y, 3, 1, "chebyshev"))


@pytest.mark.parametrize("n_features", [1, 3, 25])
def test_npeet_on_the_same_jitter(n_features):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, n_features))
    y = x[:, :1] + rng.normal(size=(300, 1))
    noise = np.random.RandomState(7)
    jittered = x + 1e-10 * noise.random_sample(x.shape), y + 1e-10 * noise.random_sample(y.shape)
    found = mutual_info_ksg(x, y, compat="npeet", random_state=7)
    assert found.value == pytest.approx(naive.mutual_info_ksg_npeet(*jittered, 3), abs=1e-9)
    assert found.estimator == "ksg-npeet"
    # without jitter of its own, on data that carry it
    again = mutual_info_ksg(*jittered, compat="npeet", jitter=0.0)
    assert again.value == found.value
    # where the 1e-15 is not lost, the conventions agree with KSG's own
    found_by_ksg = mutual_info_ksg(*jittered, standardize=False).value
    assert found_by_ksg == pytest.approx(found.value, abs=1e-9)


def test_npeet_fault_at_large_distances_is_reproduced_with_a_warning():
    rng = np.random.default_rng(1)
    x = 1000 * rng.normal(size=(300, 4))
    y = x[:, :2] + 300 * rng.normal(size=(300, 2))
    with pytest.warns(UserWarning, match="rounds away"):
        found = mutual_info_ksg(x, y, compat="npeet", jitter=0.0)
    assert found.value == pytest.approx(naive.mutual_info_ksg_npeet(x, y, 3), abs=1e-9)
    assert found.value < mutual_info_ksg(x, y, standardize=False).value - 0.05


@pytest.mark.parametrize("variant", [1, 2])
@pytest.mark.parametrize("n_features", [1, 2])
def test_gaussians(variant, n_features):
    rho, values = 0.7, []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x, noise = rng.normal(size=(2, 2000, n_features))
        y = rho * x + math.sqrt(1 - rho**2) * noise
        values.append(mutual_info_ksg(x, y, variant=variant).value)
    truth = -0.5 * n_features * math.log(1 - rho**2)
    assert np.mean(values) == pytest.approx(truth, abs=0.03)


@pytest.mark.parametrize("variant", [1, 2])
def test_independent_within_three_standard_errors(variant):
    rng = np.random.default_rng(5)
    found = mutual_info_ksg(rng.normal(size=1000), rng.normal(size=1000), variant=variant)
    assert abs(found.value) < 3 * found.standard_error


def test_symmetric_and_invariant():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(2, 200, 2))
    y = y + x
    value = mutual_info_ksg(x, y).value
    assert mutual_info_ksg(y, x).value == pytest.approx(value, abs=1e-12)
    assert mutual_info_ksg(4 * x + 1, 4 * y).value == pytest.approx(value, abs=1e-9)


def test_duplicates_warn_and_jitter_helps():
    rng = np.random.default_rng(7)
    x = np.repeat(rng.normal(size=100), 5)
    with pytest.warns(UserWarning, match=r"100.0% of the samples have 3 or more exact duplicates"):
        tied = mutual_info_ksg(x, x)
    assert tied.tie_fraction == 1.0
    assert mutual_info_ksg(x, x, jitter=1e-10, random_state=0).tie_fraction == 0.0


def test_jitter_is_seeded_and_leaves_the_global_stream_alone():
    x, y = np.arange(50.0), np.arange(50.0) % 7
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = mutual_info_ksg(x, y, jitter=0.1, random_state=3).value
    assert mutual_info_ksg(x, y, jitter=0.1, random_state=3).value == first
    assert mutual_info_ksg(x, y, jitter=0.1, random_state=4).value != first
    mutual_info_ksg(x, y, compat="npeet", random_state=3)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_paper_mode_depends_on_the_scale_of_logits():
    # why the mixed estimator is the default: one-hot labels lie at distance 1 from each other
    rng = np.random.default_rng(8)
    y = rng.integers(0, 10, 500)
    logits = 3 * np.eye(10)[y] + rng.normal(size=(500, 10))
    small, large = (
        mutual_info_ksg(
            scale * logits, np.eye(10)[y], standardize=False, jitter=1e-10, random_state=0
        ).value
        for scale in (0.1, 10.0)
    )
    assert small > 1.5
    assert large < 0.5


@pytest.mark.slow
def test_memory_grows_with_n_not_with_its_square():
    x = np.random.default_rng(9).normal(size=(8000, 2))
    mutual_info_ksg(x[:50], x[:50, :1])
    tracemalloc.start()
    mutual_info_ksg(x[:, :1], x[:, 1:])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8000 * 8 * 100  # an N x N array would be 512 MB


X = np.arange(20.0)


@pytest.mark.parametrize(
    ("x", "y", "options", "error", "message"),
    [
        (X, X[:5], {}, ValueError, "20 samples but y has 5"),
        (X, np.where(X == 2, np.nan, X), {}, ValueError, "y holds NaN"),
        (X, X.astype(str), {}, TypeError, "y must hold real numbers"),
        (X, X, {"k": 0}, ValueError, "at least 1"),
        (X[:3], X[:3], {"k": 3}, ValueError, "more than 3 samples, got 3"),
        (X, X, {"variant": 3}, ValueError, "variant"),
        (X, X, {"metric": "l1"}, ValueError, "l1"),
        (X, X, {"compat": "sklearn"}, ValueError, "compat"),
        (X, X, {"compat": "npeet", "variant": 2}, ValueError, "variant=1"),
        (X, X, {"compat": "npeet", "standardize": True}, ValueError, "standardize out"),
        (np.ma.masked_less(X, 3), X, {}, ValueError, "3 of 20 values of x are masked"),
        (X, X, {"jitter": -1.0}, ValueError, "jitter"),
        (X, X, {"jitter": math.nan}, ValueError, "jitter"),
    ],
)
def test_bad_input(x, y, options, error, message):
    with pytest.raises(error, match=message):
        mutual_info_ksg(x, y, **options)
