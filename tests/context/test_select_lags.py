from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from optuna_mi.context import LagSelection, select_lags
from optuna_mi.context._back_off import BackOff
from optuna_mi.context._data import read
from optuna_mi.context._linear import LagMoments
from optuna_mi.context._places import place
from optuna_mi.decay.generators import independent, markov_chain, sticky_transition


def _echo(delay: int, n: int = 30_000, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 4, n)
    copied = rng.random(n) < 0.5
    for t in range(delay, n):
        if copied[t]:
            x[t] = x[t - delay]
    return x


@pytest.mark.parametrize("delay", [300, 500])
def test_an_echo_needs_its_delay_alone(delay: int) -> None:
    found = select_lags(_echo(delay))
    assert found.lags == (delay,)
    # a copy half the time: ln 4 less the entropy of (5/8, 1/8, 1/8, 1/8)
    exact = np.log(4) + 0.625 * np.log(0.625) + 0.375 * np.log(0.125)
    assert abs(found.gain[0] - exact) < 4 * found.gain_error[0] + 0.01


def test_an_echo_of_real_values() -> None:
    noise = np.random.default_rng(0).normal(size=6_000)
    x = noise.copy()
    x[300:] += noise[:-300]
    found = select_lags(x, candidates=[1, 2, 3, 150, 299, 300, 301, 450])
    assert found.lags == (300,)
    assert found.predictor == "linear"


@pytest.mark.parametrize("seed", range(3))
def test_noise_needs_nothing(seed: int) -> None:
    assert select_lags(independent(10_000, 4, seed=seed)).lags == ()
    noise = np.random.default_rng(seed).normal(size=2_000)
    assert select_lags(noise, candidates=range(1, 60)).lags == ()


def test_a_markov_chain_needs_its_neighbour_alone() -> None:
    assert select_lags(markov_chain(30_000, sticky_transition(4, 0.8), seed=0)).lags == (1,)


def test_the_period_and_not_its_multiples() -> None:
    # codons: bases whose composition depends on the place among three
    rng = np.random.default_rng(0)
    places = np.array(
        [[0.26, 0.24, 0.35, 0.15], [0.29, 0.23, 0.18, 0.30], [0.19, 0.27, 0.28, 0.26]]
    )
    edges = places.cumsum(axis=1)[np.arange(100_000) % 3]
    x = (rng.random(100_000)[:, None] > edges).sum(axis=1).clip(0, 3)
    assert select_lags(x, candidates=range(1, 31), max_lags=1).lags == (3,)
    months = np.tile(rng.normal(size=12), 15) + rng.normal(size=180) / 3
    assert select_lags(months).lags[0] == 12


def test_day_and_week_in_hourly_demand() -> None:
    rng = np.random.default_rng(1)
    n = 24 * 7 * 40
    x = rng.normal(size=n)
    for t in range(168, n):
        x[t] += 0.5 * x[t - 24] + 0.4 * x[t - 168]
    assert set(select_lags(x, candidates=range(1, 200)).lags) == {24, 168}


def test_rows_of_images() -> None:
    # every pixel copies its left neighbour or the one above, eight to a row
    rng = np.random.default_rng(0)
    images = rng.integers(0, 3, (1_500, 64))
    choice = rng.random(images.shape)
    for t in range(8, 64):
        left, above = choice[:, t] < 0.4, choice[:, t] > 0.6
        images[left, t] = images[left, t - 1]
        images[above, t] = images[above, t - 8]
    assert set(select_lags(images, max_lags=2).lags) == {1, 8}


def test_positions_are_no_dependence() -> None:
    # every position has a marginal of its own, and nothing depends on anything
    rng = np.random.default_rng(0)
    images = (rng.random((500, 40)) < np.linspace(0.05, 0.95, 40)).astype(int)
    found = select_lags(images)
    assert found.information < 0.01


def test_levels_find_what_is_not_linear() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=8_000)
    for t in range(5, x.size):
        if rng.random() < 0.6:
            x[t] = min(abs(x[t - 5]), 2) - 1
    assert select_lags(x, n_levels=6, candidates=range(1, 20)).lags[0] == 5


def test_sixty_real_values_are_enough() -> None:
    found = select_lags(np.random.default_rng(0).normal(size=60))
    assert found.lags == ()
    assert found.candidates.size >= 5


def test_saved_and_loaded_it_is_the_same(tmp_path) -> None:
    found = select_lags(markov_chain(5_000, sticky_transition(3, 0.8), seed=0))
    found.save(tmp_path / "lags.json")
    assert LagSelection.load(tmp_path / "lags.json") == found
    assert found.to_frame()["lag"].tolist() == [1]
    assert "lag 1" in found.summary()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": [0, 1]}, "between the horizon, 1, and 990"),
        ({"candidates": [1, 5000]}, "5000 does not"),
        ({"candidates": []}, "candidates must be a list of integers"),
        ({"candidates": [1.5]}, "candidates must be a list of integers"),
        ({"candidates": [1, 2], "horizon": 2}, "between the horizon, 2"),
        ({"horizon": 1000}, "horizon 1000 reaches beyond"),
        ({"max_lags": 0}, "max_lags must be an integer of at least 1"),
        ({"n_levels": 1}, "n_levels must be an integer of at least 2"),
    ],
)
def test_bad_input_is_told_with_its_remedy(options, message) -> None:
    x = np.random.default_rng(0).integers(0, 3, 1000)
    with pytest.raises(ValueError, match=message):
        select_lags(x, **options)


def test_a_few_of_many_lags_are_measured_as_if_there_were_no_others() -> None:
    rng = np.random.default_rng(0)
    x = lfilter([1.0], [1.0, -0.5, 0.0, 0.3], rng.normal(size=3_000))
    data = read(x)
    horizons = np.array([1])
    places = place(data, horizons, 40)
    many = LagMoments(data, places, np.arange(1, 41), horizons)
    few = LagMoments(data, places, np.array([1, 3]), horizons)
    np.testing.assert_allclose(many.errors(np.array([0, 2])), few.errors(), rtol=1e-6)


def test_places_in_the_order_of_their_groups_tell_the_same_in_any_number_of_threads() -> None:
    x = np.random.default_rng(0).integers(0, 3, 4_000)
    x[7:] = np.where(np.random.default_rng(1).random(x.size - 7) < 0.6, x[:-7], x[7:])
    data = read(x)
    places = place(data, np.array([1]))
    models = [BackOff(data, places, 1, n_threads=n) for n in (1, 3)]
    for lag in (7, 1, 2):
        alone = [m.gain(lag, keep=False) for m in models]
        kept = [m.gain(lag, keep=True) for m in models]
        np.testing.assert_allclose(alone, kept, rtol=1e-9)
        np.testing.assert_allclose(kept[0], kept[1], rtol=1e-9)
