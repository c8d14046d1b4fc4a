"""The grid of a space, each cell once, under any number of workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import optuna
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages._heartbeat import is_heartbeat_enabled
from optuna.trial import TrialState

from optuna_mi._attributes import FAILED_ATTR
from optuna_mi._checks import whole
from optuna_mi._logging import get_logger
from optuna_mi.samplers._cells import Cells
from optuna_mi.samplers._claims import NO_CELL, UNDECIDED, written_cell
from optuna_mi.samplers._forwarding import ForwardingSampler
from optuna_mi.samplers._tickets import TicketOffice
from optuna_mi.search_space._check_arguments import check_study
from optuna_mi.search_space._space import check_space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from optuna_mi.search_space import DilationSpace

_logger = get_logger(__name__)


class MIGridSampler(ForwardingSampler):
    """The paper's grid search, every cell trained exactly once by any number of workers.

    The storage gives each trial number only once, so the number serves as a ticket. The order of
    cells is a permutation that depends only on the grid, so workers need no common seed and no
    agreement ([MK20], §3 for the grid itself). A failed cell is tried again, at most
    ``max_retries`` times. A worker that was killed leaves its trial running. If the storage has a
    heartbeat, the other workers train its cell again and wait for it at the end; otherwise set such
    trials to FAIL and start again. The study stops when no cell is left. Started again, it goes on
    with the cells that are left.

    A trial that is enqueued with some of the grid's parameters takes a free cell that agrees with
    them, and is pruned if none is left.

    Pruned cells count as done. Trials that find no cell left are pruned at their first ``suggest``
    call, before any work is done; in an ask/tell loop that call raises ``TrialPruned``, and
    :meth:`is_exhausted` says when to end the loop.

    Args:
        space: The dilation space that the objective asks with ``space.suggest(trial)``.
        extra: Choices of further parameters by name; they multiply the grid.
        base_sampler: Samples all other parameters of the objective; ``None`` takes
            ``RandomSampler(seed)``, which treats all cells alike.
        seed: Seed of the default base sampler; it has no influence on the grid.
        points: Passed to :meth:`DilationSpace.grid`.
        settings: The space's settings themselves, instead of ``points``: every parameter of the
            space by name, within its range.
        max_retries: How often a failed cell is tried again.

    Raises:
        TypeError: If a choice cannot be kept in a storage.
        ValueError: If the choices or settings contradict the space or repeat themselves.
        SpaceMismatchError: From the first trial on, if the study was made for another space.

    Example:
        >>> import optuna
        >>> from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange
        >>> space = DilationSpace(
        ...     DecayGeometry("power"), (IntRange(3, 7, 5),), IntRange(8, 32, 16), max_layers=7
        ... )
        >>> sampler = MIGridSampler(space, extra={"hidden": [20, 50]})
        >>> sampler.n_cells
        18
    """

    def __init__(
        self,
        space: DilationSpace,
        extra: Mapping[str, Sequence[Any]] | None = None,
        base_sampler: BaseSampler | None = None,
        seed: int | None = None,
        *,
        points: int | Mapping[str, int | Sequence[Any]] = 3,
        settings: Sequence[Mapping[str, Any]] | None = None,
        max_retries: int = 2,
    ) -> None:
        if seed is not None:
            seed = whole("seed", seed, 0, 2**32 - 1)
        super().__init__(RandomSampler(seed) if base_sampler is None else base_sampler)
        max_retries = whole("max_retries", max_retries)
        self._space = check_space(space)
        self._cells = Cells(
            space,
            space.grid(points) if settings is None else settings,
            {} if extra is None else extra,
        )
        self._max_failures = max_retries + 1
        self._names = frozenset(self._cells.names)
        self._warned = False
        self._office = TicketOffice(self._cells, self._max_failures)

    @property
    def space(self) -> DilationSpace:
        """The dilation space."""
        return self._space

    @property
    def n_cells(self) -> int:
        """Number of cells of the grid."""
        return len(self._cells)

    def cell_params(self) -> list[dict[str, Any]]:
        """Return all cells' parameters, in the order of their tickets."""
        return [self._cells.params(cell) for cell in self._cells.order]

    def is_exhausted(self, study: Study) -> bool:
        """Return whether every cell is finished or given up."""
        check_study(study)
        return not self._office.open(self._office.read(study))

    def has_free_cell(self, study: Study) -> bool:
        """Return whether a trial that is asked now finds a cell, or waits in the study's queue."""
        check_study(study)
        claims = self._office.read(study)
        return bool(claims.waiting or self._office.open(claims) - set(claims.holder))

    def _prepare(self, study: Study, trial: FrozenTrial) -> None:
        self._space.freeze(study)
        if written_cell(trial, self._cells) not in (None, UNDECIDED):
            return  # a retried trial runs what it ran before
        fixed = trial.system_attrs.get("fixed_params")
        if fixed is None:
            # A trial that was killed before it had a cell gets any: its number owns none.
            waited = "failed_trial" in trial.system_attrs
            self._office.draw(study, trial, range(self.n_cells) if waited else None)
            return
        # An enqueued trial runs what the user asked for. Where that leaves parameters of the grid
        # open, it takes a cell: drawn at random they would hit one that another ticket has.
        among = self._cells.matching(fixed)
        if among and self._cells.find(fixed) is None:
            self._office.draw(study, trial, among)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the base sampler's space without the grid's parameters.

        Raises:
            TrialPruned: If no cell was left for this trial.
        """
        if self._cell_of(trial) == NO_CELL:
            raise optuna.TrialPruned("No cell of the grid is left.")
        inferred = super().infer_relative_search_space(study, trial)
        return {name: d for name, d in inferred.items() if name not in self._names}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return the cell's value, or the base sampler's draw for any other parameter.

        Raises:
            ValueError: If the cell's value lies outside what the objective asked for.
        """
        cell = self._cell_of(trial) if param_name in self._names else None
        if cell is None or cell == NO_CELL:
            return super().sample_independent(study, trial, param_name, param_distribution)
        value = self._cells.params(cell)[param_name]
        if not _contains(param_distribution, value):
            raise ValueError(
                f"the grid has {param_name}={value!r}, but the objective asks for "
                f"{param_distribution}: give MIGridSampler choices that the objective accepts."
            )
        return value

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Hand on to the base sampler, and stop the study when no cell is left for this worker."""
        super().after_trial(study, trial, state, values)
        cell = self._cell_of(trial)
        claims = self._office.read(study)
        if state == TrialState.FAIL:
            study._storage.set_trial_system_attr(trial._trial_id, FAILED_ATTR, True)
            if cell is not None and claims.holder.get(cell) == trial.number:
                del claims.holder[cell]
                claims.failures[cell] += 1
                if claims.failures[cell] >= self._max_failures:
                    _logger.warning(
                        f"Cell {self._cells.params(cell)} is given up after "
                        f"{claims.failures[cell]} failures; start again with a larger max_retries "
                        "to try it again."
                    )
        elif cell is not None:
            claims.finished.add(cell)
            if state == TrialState.COMPLETE:
                self._warn_of_another_cell(trial, cell)
        left = self._office.open(claims)
        free = left - set(claims.holder)
        # With a heartbeat the cells of dead workers come back, so a worker must wait for them.
        if free or claims.waiting or (left and is_heartbeat_enabled(study._storage)):
            return
        try:
            study.stop()
        except RuntimeError:
            return  # Asked and told by hand: there is no loop to stop.

    def _warn_of_another_cell(self, trial: FrozenTrial, cell: int) -> None:
        if self._warned or cell == NO_CELL:
            return
        wanted = self._cells.params(cell)
        idle = sorted(self._names - trial.params.keys())
        others = [name for name in wanted if trial.params.get(name, wanted[name]) != wanted[name]]
        self._warned = bool(idle or others)
        if others:
            name = others[0]
            _logger.warning(
                f"Trial {trial.number} was trained with {name}={trial.params[name]!r} and not with "
                f"{wanted[name]!r} as its cell: another sampler has decided. Choose the cells "
                "by MIGridSampler(space, settings=[...], extra={...}) instead"
            )
        if idle:
            _logger.warning(
                f"Trial {trial.number} asked for no {', '.join(map(repr, idle))}, which the grid "
                "varies: cells that differ there alone are the same trial again."
            )

    def _cell_of(self, trial: FrozenTrial) -> int | None:
        written = written_cell(trial, self._cells)
        if written is None and "fixed_params" in trial.system_attrs:
            return self._cells.find(trial.system_attrs["fixed_params"])
        return written


def _contains(distribution: BaseDistribution, value: Any) -> bool:
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except (TypeError, ValueError):
        return False
