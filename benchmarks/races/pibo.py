"""piBO (Hvarfner et al., ICLR 2022): the acquisition is weighted by a prior that fades.

Trial n + 1 maximises acquisition(x) * prior(x) ** (beta / n). The prior is that of `MISampler`: a
normal around the recommendation, a quarter of each range wide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from optuna._gp.acqf import BaseAcquisitionFunc
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.samplers import GPSampler, TPESampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

_WIDTH = 0.25


def position(distribution: BaseDistribution, value: Any) -> np.ndarray:
    """Return where integers lie in their range, half a step wider at either end, from 0 to 1.

    These are the coordinates in which `GPSampler` works.
    """
    assert isinstance(distribution, IntDistribution)
    low, high = distribution.low - 0.5, distribution.high + 0.5
    x = np.asarray(value, dtype=float)
    if distribution.log:
        low, high, x = math.log(low), math.log(high), np.log(x)
    return np.asarray((x - low) / (high - low))


def _finished(study: Study) -> int:
    return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))


class PiBOGPSampler(GPSampler):
    """Optuna's `GPSampler` with its acquisition, the logarithm of EI, weighted by a prior.

    Args:
        centre: The prior's centre by parameter, all of them integers.
        beta: Weight of the prior; it acts as beta / n after n trials.
        seed: Of the sampler.
        n_startup_trials: Finished trials that end the random start-up.
    """

    def __init__(
        self, centre: Mapping[str, int], beta: float, seed: int, n_startup_trials: int = 5
    ) -> None:
        super().__init__(seed=seed, n_startup_trials=n_startup_trials)
        self._centre, self._beta, self._finished = dict(centre), beta, 1

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Count what the prior has to fade by."""
        self._finished = max(1, _finished(study))
        return super().sample_relative(study, trial, search_space)

    def _optimize_acqf(
        self, acqf: BaseAcquisitionFunc, best_params: np.ndarray | None
    ) -> np.ndarray:
        # The one hook that Optuna leaves for this.
        distributions = acqf.search_space._optuna_search_space
        centre = np.array([position(d, self._centre[n]) for n, d in distributions.items()])
        weighted = _Weighted(acqf, centre, self._beta / self._finished)
        return super()._optimize_acqf(weighted, best_params)


class _Weighted(BaseAcquisitionFunc):
    def __init__(self, acqf: BaseAcquisitionFunc, centre: np.ndarray, weight: float) -> None:
        super().__init__(acqf.length_scales, acqf.search_space)
        self._acqf, self._centre, self._weight = acqf, torch.from_numpy(centre), weight

    def eval_acqf(self, x: torch.Tensor) -> torch.Tensor:
        log_prior = -0.5 * (((x - self._centre) / _WIDTH) ** 2).sum(dim=-1)
        return self._acqf.eval_acqf(x) + self._weight * log_prior


class PiBOTPESampler(TPESampler):
    """Optuna's `TPESampler` with its expected improvement weighted by a prior.

    Args:
        centre: The prior's centre by parameter, all of them integers.
        beta: Weight of the prior; it acts as beta / n after n trials.
        seed: Of the sampler.
        n_startup_trials: Finished trials that end the random start-up.
    """

    def __init__(
        self, centre: Mapping[str, int], beta: float, seed: int, n_startup_trials: int = 5
    ) -> None:
        super().__init__(seed=seed, n_startup_trials=n_startup_trials)
        self._centre, self._beta = dict(centre), beta
        self._space: dict[str, BaseDistribution] = {}
        self._finished = 1

    def _sample(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self._space, self._finished = search_space, max(1, _finished(study))
        return super()._sample(study, trial, search_space)

    def _compute_acquisition_func(
        self,
        samples: dict[str, np.ndarray],
        mpe_below: _ParzenEstimator,
        mpe_above: _ParzenEstimator,
    ) -> np.ndarray:
        ratio = super()._compute_acquisition_func(samples, mpe_below, mpe_above)
        # TPE ranks by l/g, and EI is proportional to 1 / (gamma + (1 - gamma) g/l) (Bergstra et
        # al. 2011, equation 8): a weight needs EI itself, not only its order.
        assert self._gamma is not None
        gamma = min(self._gamma(self._finished) / self._finished, 0.999)
        log_ei = -np.logaddexp(math.log(gamma), math.log1p(-gamma) - ratio)
        log_prior = np.sum(
            [
                -0.5 * ((position(d, samples[n]) - position(d, self._centre[n])) / _WIDTH) ** 2
                for n, d in self._space.items()
            ],
            axis=0,
        )
        return np.asarray(log_ei + self._beta / self._finished * log_prior)
