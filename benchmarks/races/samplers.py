"""A prior around a setting for any space of integers: ways in which it may act and fade."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_mi.samplers._forwarding import ForwardingSampler
from optuna_mi.samplers._prior import draw_near

#: How a prior may act after the random start-up.
WAYS = ("start-up", "fading", "evidence", "moving")
_WIDTH = 0.25


class PriorSampler(ForwardingSampler):
    """The recommended setting first, then draws around it, then the base sampler and a prior.

    Args:
        distributions: The parameters, all of them integers.
        recommended: The prior's centre.
        base_sampler: Who samples after the start-up.
        seed: Of the prior's draws.
        way: What the prior does after the start-up: nothing ("start-up"); draws n0/(n0 + n) of the
            trials after n ("fading"); the same, less the worse its draws are than the base
            sampler's ("evidence"); the same around the best setting so far ("moving").
        n_startup: Finished trials that end the start-up.
    """

    def __init__(
        self,
        distributions: Mapping[str, BaseDistribution],
        recommended: Sequence[int],
        base_sampler: BaseSampler,
        seed: int,
        way: str = "start-up",
        n_startup: int = 5,
    ) -> None:
        super().__init__(base_sampler)
        self._distributions = dict(distributions)
        self._recommended = dict(zip(distributions, recommended, strict=True))
        self._way, self._n_startup, self._seed = way, n_startup, seed
        self._of_prior: set[int] = set()
        self._centre = self._recommended

    def _rng(self, number: int, name: str) -> np.random.Generator:
        return np.random.default_rng([self._seed, number, zlib.crc32(name.encode())])

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Decide whose trial this is."""
        super().before_trial(study, trial)
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        self._centre = self._recommended
        if self._way == "moving" and done:
            best = max(done, key=lambda t: float(t.value or 0.0))
            self._centre = {name: best.params[name] for name in self._distributions}
        share = 1.0 if len(done) < self._n_startup else self._share(done)
        if self._rng(trial.number, "whose").random() < share:
            self._of_prior.add(trial.number)

    def _share(self, done: Sequence[FrozenTrial]) -> float:
        """Return how often the prior draws."""
        if self._way == "start-up":
            return 0.0
        fading = self._n_startup / (self._n_startup + len(done))
        if self._way != "evidence":
            return fading
        own = [t.value for t in done if t.number in self._of_prior]
        others = [t.value for t in done if t.number not in self._of_prior]
        if not own or not others:
            return fading
        wins = np.mean(np.subtract.outer(own, others) > 0) + 0.5 * np.mean(
            np.subtract.outer(own, others) == 0
        )
        return fading * min(1.0, 2 * float(wins))

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Leave the prior's trials to `sample_independent`."""
        inferred = super().infer_relative_search_space(study, trial)
        if trial.number in self._of_prior:
            return {k: v for k, v in inferred.items() if k not in self._distributions}
        return inferred

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return the recommendation, a draw of the prior, or the base sampler's draw."""
        if trial.number == 0:
            return self._recommended[param_name]
        if trial.number in self._of_prior:
            rng = self._rng(trial.number, param_name)
            return draw_near(param_distribution, self._centre[param_name], _WIDTH, rng)
        return super().sample_independent(study, trial, param_name, param_distribution)


def tpe(seed: int, n_startup: int = 5) -> TPESampler:
    """Return Optuna's default sampler with a short start-up."""
    return TPESampler(seed=seed, n_startup_trials=n_startup)
