from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from optuna_mi.context import ContextCurve, _places, context_curve
from optuna_mi.decay.generators import independent, markov_chain, sticky_transition


def _entropy(p: np.ndarray) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())


def _autoregression(n: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=n)
    x = np.zeros(n)
    for t in range(3, n):
        x[t] = 0.5 * x[t - 1] - 0.3 * x[t - 2] + 0.2 * x[t - 3] + noise[t]
    return x


def test_a_markov_chain_needs_one_step_and_tells_its_mutual_information() -> None:
    transition = sticky_transition(3, 0.8)
    curve = context_curve(markov_chain(40_000, transition, seed=1), max_context=8)
    exact = np.log(3) - _entropy(transition[0])
    assert curve.context_length == 1
    assert abs(curve.information[1] - exact) < 4 * curve.std_error[1]
    # what lies beyond does no harm
    assert curve.information.min() == 0
    assert curve.information[1] - curve.information[-1] < 0.002


@pytest.mark.parametrize("seed", range(5))
def test_order_free_symbols_tell_nothing(seed: int) -> None:
    curve = context_curve(independent(5_000, 4, seed=seed))
    assert curve.context_length == 0
    assert curve.information.max() < 0.003


def test_an_autoregression_tells_its_gaussian_information() -> None:
    x = _autoregression(20_000)
    curve = context_curve(x, max_context=30)
    assert curve.context_length == 3
    exact = 0.5 * np.log(x.var())  # the noise has variance 1
    assert abs(curve.information[3] - exact) < 4 * curve.std_error[3]
    assert curve.gain[4:].max() < 0.001


@pytest.mark.parametrize("seed", range(3))
def test_white_noise_tells_nothing(seed: int) -> None:
    curve = context_curve(np.random.default_rng(seed).normal(size=1_000))
    assert curve.context_length == 0


def test_more_data_can_use_more_of_the_past() -> None:
    # half the time the neighbour decides, else all of the last three
    rng = np.random.default_rng(0)
    x = rng.integers(0, 30, 60_000)
    chance = rng.random(x.size)
    for t in range(3, x.size):
        if chance[t] < 0.5:
            x[t] = (x[t - 1] + 1) % 30
        elif chance[t] < 0.9:
            x[t] = (x[t - 1] + 7 * x[t - 2] + 11 * x[t - 3]) % 30
    curve = context_curve(x, max_context=8)
    few = context_curve(x, max_context=8, n_train=100)
    assert curve.context_length == 3
    assert few.context_length < 3
    assert few.n_train == 100
    sizes = [b.n_train for b in curve.budgets]
    assert sizes == sorted(sizes)
    assert sizes[-1] == curve.n_train
    assert curve.context_length_for(curve.n_train) == 3


def test_what_is_trained_on_lies_in_blocks_that_are_not_scored(monkeypatch) -> None:
    """Pieces that short blocks could not fill were filled up from the ends of scored blocks."""
    monkeypatch.setattr(_places, "_SCORED", 20)
    sizes = np.where(np.arange(10) % 2 == 0, 9, 40)
    sizes[8] = 60
    places = _places.Places(np.arange(sizes.sum()), np.repeat(np.arange(10), sizes), 10)
    fold = places.folds(n_train=places.most_trained)
    assert (fold == 0).sum() == places.most_trained
    assert set(places.block[fold == 0]) == {0, 2, 4, 6, 8}


def test_a_horizon_of_two_asks_for_the_step_after_the_next() -> None:
    transition = sticky_transition(3, 0.8)
    curve = context_curve(markov_chain(40_000, transition, seed=2), max_context=4, horizon=2)
    exact = np.log(3) - _entropy((transition @ transition)[0])
    assert abs(curve.information[1] - exact) < 4 * curve.std_error[1]


def test_whatever_the_decay_curve_reads() -> None:
    rng = np.random.default_rng(0)
    text = "abracadabra " * 100
    assert context_curve(text, max_context=3).information[3] > 1.4
    assert context_curve(text.encode(), max_context=3).information[3] > 1.4
    ragged = [markov_chain(n, sticky_transition(2, 0.9), seed=n) for n in range(20, 140)]
    assert context_curve(ragged, max_context=3).context_length == 1
    images = markov_chain(6_400, sticky_transition(2, 0.9), seed=1).reshape(100, 64)
    assert context_curve(images, max_context=3).context_length == 1
    panel = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(20), 100),
            "ds": np.tile(np.arange(100), 20),
            "y": np.concatenate([_autoregression(100, s) * 10.0**s for s in range(20)]),
        }
    )
    assert context_curve(panel, max_context=6).predictor == "linear"
    vectors = rng.normal(size=(10, 100, 2))
    vectors[:, 1:, 1] += vectors[:, :-1, 0]
    assert context_curve(vectors, max_context=3).context_length == 1


def test_it_says_where_the_linear_answer_is_too_short() -> None:
    noise = np.random.default_rng(0).normal(size=4_000)
    x = noise.copy()
    x[3:] += 0.7 * (noise[:-3] ** 2 - 1)
    curve = context_curve(x, max_context=10)
    assert any("the linear answer is too short" in note for note in curve.notes)
    linear = context_curve(_autoregression(4_000), max_context=10)
    assert not any("too short" in note for note in linear.notes)


def test_a_noiseless_cycle_needs_two_steps() -> None:
    x = np.sin(np.arange(1_000) * 2 * np.pi / 12)
    assert context_curve(x, max_context=60).context_length == 2


def test_sixty_values_are_enough() -> None:
    x = _autoregression(63)[3:]
    assert context_curve(x).max_context >= 5


def test_a_memory_map_is_read(tmp_path) -> None:
    np.save(tmp_path / "x.npy", markov_chain(5_000, sticky_transition(3, 0.8), seed=0))
    assert context_curve(tmp_path / "x.npy", max_context=3).context_length == 1


def test_saved_and_loaded_it_is_the_same(tmp_path) -> None:
    curve = context_curve(markov_chain(2_000, sticky_transition(3, 0.8), seed=0), max_context=3)
    curve.save(tmp_path / "curve.json")
    loaded = ContextCurve.load(tmp_path / "curve.json")
    assert loaded == curve
    assert loaded.budgets == curve.budgets
    assert len(curve.to_frame()) == 4
    assert "1 step" in curve.summary()


def test_threads_do_not_change_the_curve() -> None:
    x = markov_chain(20_000, sticky_transition(3, 0.8), seed=0)
    one, two = (context_curve(x, max_context=4, n_threads=n).information for n in (1, 2))
    np.testing.assert_allclose(one, two, rtol=1e-9)


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        ("abc", {}, "too few to hold"),
        (np.zeros(1000, dtype=int), {}, "all 1000 symbols are the same"),
        (np.zeros(1000), {}, "nothing to\\s+predict"),
        (np.array([1.0, np.nan] * 500), {}, "NaN or infinite"),
        (np.arange(100) % 3, {"horizon": 100}, "horizon 100 reaches beyond the data"),
        (np.arange(100) % 3, {"horizon": 0}, "horizon must be an integer of at least 1, got 0"),
        (np.arange(100) % 3, {"horizon": 1.5}, "horizon must be an integer of at least 1"),
        (np.arange(100) % 3, {"max_context": 100}, "take at most 99"),
        (np.random.default_rng(0).normal(size=100), {"max_context": 90}, "look less far back"),
        (np.arange(100) % 3, {"n_train": 90}, "n_train=90 leaves nothing to score"),
        (np.arange(100) % 3, {"tolerance": 1.0}, "tolerance must be a finite number >= 0 and < 1"),
        (np.arange(100) % 3, {"values": "reals"}, "values must be"),
        ([], {}, "no sequences"),
    ],
)
def test_bad_input_is_told_with_its_remedy(x, options, message) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        context_curve(x, **options)


def test_reals_are_no_symbols() -> None:
    with pytest.raises(TypeError, match="values='real'"):
        context_curve(np.random.default_rng(0).normal(size=100), values="symbols")


def test_gaps_of_a_panel_are_steps_and_nothing_is_asked_for_there() -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(size=1200)
    for i in range(12, y.size):
        y[i] += 0.95 * y[i - 12]
    panel = pd.DataFrame(
        {"unique_id": "a", "ds": pd.date_range("2020-01-01", periods=y.size, freq="h"), "y": y}
    )
    with_gaps = panel[rng.random(y.size) > 0.03]
    curve = context_curve(with_gaps, max_context=16, budgets=False)
    # rows taken for neighbours gave 0.34 nats here
    assert curve.information[12] > 0.6
    assert np.argmax(curve.gain) == 12
    assert curve.n_scored <= len(with_gaps) - 16
    assert "never asked for" in curve.notes[0]


def test_a_curve_is_told_by_its_shapes() -> None:
    told = repr(context_curve("abcabd" * 200, max_context=4))
    assert "<float64 array of shape (5,)>" in told
    assert len(told) < 1000


def test_what_the_last_steps_tell_about_a_label() -> None:
    """The label decides how two symbols make the third: two tell nothing, three do."""
    rng = np.random.default_rng(0)
    n, steps = 300, 40
    labels = np.sort(rng.integers(0, 2, n))  # label by label, as users' files are
    x = rng.integers(0, 2, (n, steps))
    for t in range(2, steps):
        told = x[:, t - 1] ^ x[:, t - 2] ^ labels
        x[:, t] = np.where(rng.random(n) < 0.8, told, x[:, t])
    curve = context_curve(x, labels=labels, max_context=5)
    assert curve.horizon == 0
    assert curve.base_loss == pytest.approx(np.log(2), abs=0.01)
    assert np.abs(curve.information[:3]).max() < 0.01
    assert curve.information[3] > 0.3
    assert curve.context_length == 5  # each further step is one more piece of evidence
    names = np.where(labels == 1, "b", "a")
    assert context_curve(list(x), labels=names, max_context=5) == curve
    assert "to tell the label" in curve.summary()
    noise = context_curve(rng.integers(0, 2, (n, steps)), labels=labels, max_context=5)
    assert noise.context_length == 0
    real = context_curve(x + 0.1 * rng.normal(size=x.shape), labels=labels, max_context=3)
    assert real.information[3] > 0.2


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], "labels must be one per sequence, 40 in all"),
        (np.zeros(40), "labels must be classes, two or more"),
        (np.arange(40), "cut real targets into levels"),
        (np.where(np.arange(40) < 3, np.nan, 1.0), "3 of 40 labels are NaN, the first at 0"),
    ],
)
def test_labels_that_do_not_fit(labels: object, message: str) -> None:
    x = np.random.default_rng(0).integers(0, 3, (40, 20))
    with pytest.raises(ValueError, match=message):
        context_curve(x, labels=labels)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="leave horizon out"):
        context_curve(x, labels=np.arange(40) % 2, horizon=2)
    with pytest.raises(ValueError, match="labels need 20 sequences"):
        context_curve(x[:10], labels=np.arange(10) % 2)
