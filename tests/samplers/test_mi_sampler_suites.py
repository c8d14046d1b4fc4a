"""Optuna's own suites for samplers, with each of its samplers inside."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import optuna
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)

from optuna_mi.samplers import MISampler
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange

# The suites use their own parameter names; "x" and "y" would not meet the space's.
_SPACE = DilationSpace(DecayGeometry("power"), (IntRange(3, 7, 5),), IntRange(8, 32, 16), 7)

pytestmark = pytest.mark.filterwarnings("ignore")


def _with(make: Callable[[], BaseSampler]) -> Callable[[], BaseSampler]:
    def build() -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return MISampler(_SPACE, make(), seed=0)

    return build


_MULTI = {
    "tpe": lambda: optuna.samplers.TPESampler(n_startup_trials=2, seed=0),
    "random": lambda: optuna.samplers.RandomSampler(seed=0),
    "qmc": lambda: optuna.samplers.QMCSampler(seed=0),
    "nsga2": lambda: optuna.samplers.NSGAIISampler(population_size=4, seed=0),
}
_SINGLE_ONLY = {"cmaes": lambda: optuna.samplers.CmaEsSampler(n_startup_trials=0, seed=0)}
_RELATIVE = {
    "tpe": lambda: optuna.samplers.TPESampler(n_startup_trials=0, seed=0),
    "cmaes": _SINGLE_ONLY["cmaes"],
}
_ALL = _MULTI | _SINGLE_ONLY | {"gp": lambda: optuna.samplers.GPSampler(n_startup_trials=8)}


class TestBasic(BasicSamplerTestCase):
    @pytest.fixture(params=list(_ALL))
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        return _with(_ALL[request.param])


class TestRelative(RelativeSamplerTestCase):
    @pytest.fixture(params=list(_RELATIVE))
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        return _with(_RELATIVE[request.param])


class TestRelativeGP(RelativeSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return _with(
            lambda: optuna.samplers.GPSampler(n_startup_trials=0, deterministic_objective=True)
        )

    # A fit a draw: the full cross product of the suite would take a minute.
    @pytest.mark.parametrize(
        ("x_distribution", "y_distribution"),
        [
            (FloatDistribution(-1.0, 1.0), IntDistribution(1, 100, log=True)),
            (FloatDistribution(-10, 10, step=0.5), FloatDistribution(1e-7, 1.0, log=True)),
            (IntDistribution(3, 10), IntDistribution(3, 9, step=2)),
        ],
    )
    def test_sample_relative_numerical(
        self,
        sampler: Callable[[], BaseSampler],
        x_distribution: BaseDistribution,
        y_distribution: BaseDistribution,
    ) -> None:
        super().test_sample_relative_numerical(sampler, x_distribution, y_distribution)


class TestMultiObjective(MultiObjectiveSamplerTestCase):
    @pytest.fixture(params=[*_MULTI, "gp"])
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        return _with((_MULTI | {"gp": _ALL["gp"]})[request.param])


class TestSingleOnly(SingleOnlySamplerTestCase):
    @pytest.fixture(params=list(_SINGLE_ONLY))
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        return _with(_SINGLE_ONLY[request.param])
