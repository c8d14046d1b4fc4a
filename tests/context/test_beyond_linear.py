"""Dependence that no linear predictor sees: found where it is, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from optuna_mi.context import context_curve, recommend_window

Generator = Callable[[np.random.Generator, np.ndarray, int], float]


def _made(step: Generator, seed: int, n: int = 2_000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    for t in range(25, n):
        x[t] = step(rng, x, t)
    return x


def _product(rng: np.random.Generator, x: np.ndarray, t: int) -> float:
    return float(np.tanh(x[t - 3] * x[t - 7]) + rng.normal())


def _threshold(rng: np.random.Generator, x: np.ndarray, t: int) -> float:
    return float((0.8 if x[t - 12] > 0 else -0.6) * x[t - 1] + rng.normal())


def _exclusive_or(rng: np.random.Generator, x: np.ndarray, t: int) -> float:
    return float(np.sign(x[t - 4] * x[t - 9]) * abs(rng.normal()) + 0.4 * rng.normal())


def _magnitude(rng: np.random.Generator, x: np.ndarray, t: int) -> float:
    return float(abs(x[t - 20]) - 0.8 + 0.6 * rng.normal())


@pytest.mark.parametrize(
    ("step", "reach"), [(_product, 7), (_threshold, 12), (_exclusive_or, 9), (_magnitude, 20)]
)
def test_the_reach_of_a_product_is_told_and_makes_the_window(step: Generator, reach: int) -> None:
    x = _made(step, seed=1)
    curve = context_curve(x, max_context=30, budgets=False)
    assert curve.context_length < reach
    assert curve.nonlinear_length == reach
    assert "the linear answer is too short" in curve.notes[-1]
    assert f" {reach} steps" in curve.notes[-1]
    window = recommend_window(x, max_context=30)
    assert window.length == reach
    assert f"lies {reach} steps back" in window.reason


def test_within_the_same_steps_it_is_told_too() -> None:
    x = np.full(2_000, 0.3)
    for t in range(1, x.size):  # the logistic map: white to a linear predictor
        x[t] = 3.99 * x[t - 1] * (1 - x[t - 1])
    curve = context_curve(x, max_context=30, budgets=False)
    assert curve.nonlinear_length >= 1
    assert "the square of the value 1 steps back" in curve.notes[-1]


def _linear(rng: np.random.Generator, x: np.ndarray, t: int) -> float:
    return float(0.5 * x[t - 1] - 0.3 * x[t - 2] + 0.2 * x[t - 3] + rng.normal())


def _linear_and_heavy(rng: np.random.Generator, x: np.ndarray, t: int) -> float:
    return float(0.6 * x[t - 1] + 0.2 * x[t - 2] + rng.standard_t(2.5))


def _linear_and_skewed(rng: np.random.Generator, x: np.ndarray, t: int) -> float:
    return float(0.7 * x[t - 1] + rng.exponential())


def _seasonal(rng: np.random.Generator, x: np.ndarray, t: int) -> float:
    return float(0.5 * x[t - 1] + 0.4 * x[t - 12] - 0.2 * x[t - 13] + rng.normal())


def _changing_spread(rng: np.random.Generator, x: np.ndarray, t: int) -> float:
    return float(np.sqrt(0.1 + 0.4 * x[t - 1] ** 2) * rng.normal())


@pytest.mark.parametrize(
    "step", [_linear, _linear_and_heavy, _linear_and_skewed, _seasonal, _changing_spread]
)
@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_told_of_what_is_linear(step: Generator, seed: int) -> None:
    curve = context_curve(_made(step, seed), max_context=30, budgets=False)
    assert curve.nonlinear_length == 0
    assert not any("linear" in note for note in curve.notes)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_told_of_noise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for noise in (rng.normal(size=700), rng.standard_t(2, size=700)):
        assert context_curve(noise, budgets=False).nonlinear_length == 0
