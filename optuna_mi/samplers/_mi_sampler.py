"""Any sampler of Optuna, in the data's space and with the data's recommendation first."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from optuna.distributions import IntDistribution
from optuna.samplers import BaseSampler, GridSampler, TPESampler
from optuna.trial import TrialState

from optuna_mi._attributes import FAILED_ATTR, RECOMMENDED_ATTR
from optuna_mi._checks import real, whole
from optuna_mi.samplers._forwarding import ForwardingSampler
from optuna_mi.samplers._heirs import carries, is_done, is_free, is_heir
from optuna_mi.samplers._prior import draw_choice, draw_near
from optuna_mi.search_space._space import check_space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from optuna_mi.search_space import DilationSpace

_DEFAULT_STARTUP = 10  # As TPESampler and GPSampler.


class MISampler(ForwardingSampler):
    """Any Optuna sampler, started where the data's mutual information says.

    Trial number 0 takes the space's recommended setting. The storage gives each number only once,
    so any number of workers try it exactly once. If the trial fails, the next trial to start takes
    it, three trials in all. If the study had trials before, or its first one was enqueued with
    other values, the first free trial takes it. While the base sampler is still in its random
    start-up, the space's parameters are drawn from a normal around the recommendation instead of
    uniformly. After that, and for all other parameters of the objective, the base sampler decides
    alone.

    The space is written into the study with the first trial, and verified with every other one.

    Args:
        space: The dilation space that the objective asks with ``space.suggest(trial)``.
        base_sampler: The sampler inside; ``None`` takes ``TPESampler(seed=seed)``.
        seed: Seed of the prior and of the default base sampler. For a study that can be repeated
            with a base sampler of your own, give both a seed. A draw of the prior follows the
            seed, the trial's number and the parameter's name, so neither a resumed study nor
            workers with one seed repeat it. The base sampler's stream begins anew in every
            process: there, give every worker its own seed, or none.
        prior_width: Standard deviation of the prior as a fraction of each parameter's range (of
            the logarithm's range for ``max_dilation``); ``None`` leaves the start-up to the base
            sampler.
        n_startup_trials: Finished trials that end the start-up; ``None`` takes the base sampler's
            own number (a genetic sampler's: its population) or 10 where it has none.

    Raises:
        TypeError: If ``space`` is no DilationSpace or ``base_sampler`` no Optuna sampler.
        ValueError: If ``prior_width`` is not positive or ``n_startup_trials`` negative, or the base
            sampler is Optuna's GridSampler.
        SpaceMismatchError: From the first trial on, if the study was made for another space.

    Example:
        >>> import optuna
        >>> from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange
        >>> space = DilationSpace(
        ...     DecayGeometry("power"), (IntRange(3, 7, 5),), IntRange(8, 32, 16), max_layers=7
        ... )
        >>> study = optuna.create_study(sampler=MISampler(space, seed=0))
        >>> space.suggest(study.ask())
        (1, 2, 4, 8, 16)
    """

    def __init__(
        self,
        space: DilationSpace,
        base_sampler: BaseSampler | None = None,
        seed: int | None = None,
        *,
        prior_width: float | None = 0.25,
        n_startup_trials: int | None = None,
    ) -> None:
        if seed is not None:
            seed = whole("seed", seed, 0, 2**32 - 1)
        if isinstance(base_sampler, GridSampler):
            raise ValueError(
                "GridSampler wants to decide all parameters, the space's as well: use "
                "MIGridSampler(space, extra={...}), which multiplies the space's grid by yours"
            )
        super().__init__(TPESampler(seed=seed) if base_sampler is None else base_sampler)
        if prior_width is not None:
            prior_width = real("prior_width", prior_width, above=0)
        if n_startup_trials is not None:
            n_startup_trials = whole("n_startup_trials", n_startup_trials)
        self._space = check_space(space)
        self._distributions = space.distributions()
        self._prior_width = prior_width
        self._n_startup_trials = n_startup_trials
        self._entropy = cast(int, np.random.SeedSequence(seed).entropy)
        self._started: set[tuple[str, int]] = set()
        self._recommended: set[tuple[str, int]] = set()

    @property
    def space(self) -> DilationSpace:
        """The dilation space."""
        return self._space

    def _prepare(self, study: Study, trial: FrozenTrial) -> None:
        self._space.freeze(study)
        key = (study.study_name, study._study_id)
        if key in self._recommended:
            return
        recommended = self._space.recommended
        trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
        first = trial.number == 0 and is_free(trial, recommended)
        if first or is_heir(trial, trials, recommended):
            study._storage.set_trial_system_attr(trial._trial_id, RECOMMENDED_ATTR, True)
            # This trial object was read before the attribute was written.
            trial.system_attrs = {**trial.system_attrs, RECOMMENDED_ATTR: True}
        elif is_done(trials, recommended):
            self._recommended.add(key)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Hand on to the base sampler, and note where the recommendation failed by itself."""
        super().after_trial(study, trial, state, values)
        if state == TrialState.FAIL and carries(trial):
            study._storage.set_trial_system_attr(trial._trial_id, FAILED_ATTR, True)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the base sampler's space, without our parameters for the recommendation."""
        inferred = super().infer_relative_search_space(study, trial)
        if carries(trial):
            return {k: v for k, v in inferred.items() if k not in self._distributions}
        return inferred

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return the recommendation, a draw from the prior, or the base sampler's own draw."""
        # A parameter of the same name but another range is the user's own, not the space's.
        fixed = getattr(self._base_sampler, "_fixed_params", {})  # PartialFixedSampler's
        if self._distributions.get(param_name) == param_distribution and param_name not in fixed:
            recommended = self._space.recommended[param_name]
            if carries(trial):
                return recommended
            if self._prior_width is not None and self._in_startup(study):
                rng = np.random.default_rng(
                    [self._entropy, trial.number, zlib.crc32(param_name.encode())]
                )
                if isinstance(param_distribution, IntDistribution):
                    return draw_near(param_distribution, recommended, self._prior_width, rng)
                return draw_choice(param_distribution, rng)
        return super().sample_independent(study, trial, param_name, param_distribution)

    def _in_startup(self, study: Study) -> bool:
        key = (study.study_name, study._study_id)
        if key in self._started:
            return False
        base = self._base_sampler
        n = self._n_startup_trials
        if n is None:
            own = getattr(base, "_n_startup_trials", getattr(base, "_population_size", None))
            n = own if isinstance(own, int) else _DEFAULT_STARTUP
        states = [TrialState.COMPLETE]
        if isinstance(base, TPESampler):  # The only one whose start-up counts pruned trials too.
            states.append(TrialState.PRUNED)
        if len(study.get_trials(deepcopy=False, states=states)) < n:
            return True
        # Brackets of one study fill at different times, so only whole studies are remembered.
        if not hasattr(study, "_bracket_id"):
            self._started.add(key)
        return False
