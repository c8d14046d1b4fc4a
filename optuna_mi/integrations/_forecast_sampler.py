"""A sampler whose first trial is complete: the data's setting and the library's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from optuna_mi._checks import instance
from optuna_mi.samplers import MISampler

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from optuna_mi.search_space import DilationSpace


class ForecastSampler(MISampler):
    """`MISampler` that sets more parameters of trial number 0 than the dilation space's.

    Args:
        space: The dilation space.
        first: Values of further parameters for trial number 0, by name.
        base_sampler: The sampler inside; ``None`` takes ``TPESampler(seed=seed)``.
        seed: Seed of the prior and of the default base sampler.
    """

    def __init__(
        self,
        space: DilationSpace,
        first: Mapping[str, Any],
        base_sampler: BaseSampler | None = None,
        seed: int | None = None,
    ) -> None:
        instance("first", first, Mapping, "values by the parameters' names")
        super().__init__(space, base_sampler, seed)
        self._first = dict(first)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the base sampler's space, without our parameters for trial number 0."""
        inferred = super().infer_relative_search_space(study, trial)
        if trial.number == 0:
            return {k: v for k, v in inferred.items() if k not in self._first}
        return inferred

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return the first trial's value, or what `MISampler` draws."""
        if trial.number == 0 and param_name in self._first:
            value = self._first[param_name]
            # A config function of the user's own may ask for the same name with other choices.
            if param_distribution._contains(param_distribution.to_internal_repr(value)):
                return value
        return super().sample_independent(study, trial, param_name, param_distribution)
