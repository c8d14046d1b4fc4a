from __future__ import annotations

import datetime
import threading
import time
import warnings
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import optuna
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages._heartbeat import BaseHeartbeat, is_heartbeat_enabled
from optuna.trial import TrialState

from optuna_mi._logging import get_logger
from optuna_mi.samplers._cells import Cells
from optuna_mi.samplers._claims import (
    CELL_ATTR,
    FAILED_ATTR,
    NO_CELL,
    ClaimReader,
    Claims,
    open_cells,
    own_cell,
    released_cell,
    written_cell,
)
from optuna_mi.samplers._forwarding import ForwardingSampler

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from optuna_mi.search_space import DilationSpace

_logger = get_logger(__name__)

_PATIENCE = 5.0  # Seconds a lower ticket may take to write its cell down before it counts as dead.
_POLL = (0.01, 1.0)  # Seconds between looks at the storage: the first, the longest.


class MIGridSampler(ForwardingSampler):
    """The paper's grid search, every cell trained exactly once by any number of workers.

    The trial number is an atomic ticket, the order of cells a permutation that depends on the grid
    alone, so workers need no common seed and no agreement ([MK20], §3 for the grid itself). A
    failed cell is tried again, at most ``max_retries`` times. A worker that was killed leaves its
    trial running: where the storage has a heartbeat its cell is trained again by the others, which
    wait for it at the end; elsewhere set such trials to FAIL and start again. The study stops when
    no cell is left. Started again, it goes on with the cells that are left.

    Pruned cells count as done. Trials that find no cell left are pruned at their first ``suggest``
    call, before any work is done; in an ask/tell loop that call raises ``TrialPruned``, and
    :meth:`is_exhausted` says when to end the loop.

    Args:
        space: The dilation space that the objective asks with ``space.suggest(trial)``.
        extra: Choices of further parameters by name; they multiply the grid.
        base_sampler: Who samples all other parameters of the objective; ``None`` takes
            ``RandomSampler(seed)``, which treats all cells alike.
        seed: Seed of the default base sampler; it has no influence on the grid.
        points: Passed to :meth:`DilationSpace.grid`.
        settings: The space's settings themselves, instead of ``points``.
        max_retries: How often a failed cell is tried again.

    Raises:
        TypeError: If a choice cannot be kept in a storage.
        ValueError: If the choices contradict the space or repeat themselves.
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
        super().__init__(RandomSampler(seed) if base_sampler is None else base_sampler)
        if max_retries < 0:
            raise ValueError(f"max_retries must not be negative, got {max_retries}.")
        self._space = space
        self._cells = Cells(
            space, space.grid(points) if settings is None else settings, extra or {}
        )
        self._max_failures = max_retries + 1
        self._names = frozenset(self._cells.names)
        self._presumed_dead: set[tuple[str, int]] = set()
        self._reset_reading()

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
        claims = self._read(study)
        return not open_cells(claims, self._cells, self._max_failures)

    def _prepare(self, study: Study, trial: FrozenTrial) -> None:
        self._space.freeze(study)
        if self._keeps_its_params(trial):
            return
        cell = self._choose(study, trial)
        value: list[str | int] = [self._cells.fingerprint, NO_CELL if cell is None else cell]
        study._storage.set_trial_system_attr(trial._trial_id, CELL_ATTR, value)
        # The trial object at hand was read before the attribute was there.
        trial.system_attrs = {**trial.system_attrs, CELL_ATTR: value}

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
        claims = self._read(study)
        if state == TrialState.FAIL:
            study._storage.set_trial_system_attr(trial._trial_id, FAILED_ATTR, True)
            if cell is not None and claims.holder.get(cell) == trial.number:
                del claims.holder[cell]
                claims.failures[cell] += 1
                if claims.failures[cell] >= self._max_failures:
                    _logger.warning(
                        f"Cell {self._cells.params(cell)} is given up after "
                        f"{claims.failures[cell]} failures."
                    )
        elif cell is not None:
            claims.finished.add(cell)
        left = open_cells(claims, self._cells, self._max_failures)
        free = left - set(claims.holder) - claims.pending
        # With a heartbeat the cells of dead workers come back, so somebody has to stay for them.
        if free or claims.waiting or (left and is_heartbeat_enabled(study._storage)):
            return
        try:
            study.stop()
        except RuntimeError:
            return  # Asked and told by hand: there is no loop to stop.

    def _keeps_its_params(self, trial: FrozenTrial) -> bool:
        # An enqueued trial runs what the user asked for; a retried one what it ran before.
        return "fixed_params" in trial.system_attrs or written_cell(trial, self._cells) is not None

    def _cell_of(self, trial: FrozenTrial) -> int | None:
        written = written_cell(trial, self._cells)
        if written is None and "fixed_params" in trial.system_attrs:
            return self._cells.find(trial.system_attrs["fixed_params"])
        return written

    def _read(self, study: Study) -> Claims:
        storage = study._storage
        callback = (
            isinstance(storage, BaseHeartbeat)
            and storage.get_heartbeat_stale_trial_callback() is not None
        )
        with self._lock:
            readers = self._readers.setdefault(storage, {})
            key = (study.study_name, study._study_id)
            reader = readers.setdefault(key, ClaimReader(self._cells))
            trials = storage.get_all_trials(study._study_id, deepcopy=False)
            return reader.read(trials, datetime.datetime.now(), callback)

    def __getstate__(self) -> dict[str, Any]:
        # Samplers travel to other processes; what was read here is read again there.
        return {k: v for k, v in self.__dict__.items() if k not in ("_lock", "_readers")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset_reading()

    def _reset_reading(self) -> None:
        self._lock = threading.Lock()
        self._readers: weakref.WeakKeyDictionary[
            BaseStorage, dict[tuple[str, int], ClaimReader]
        ] = weakref.WeakKeyDictionary()

    def _choose(self, study: Study, trial: FrozenTrial) -> int | None:
        claims = self._read(study)
        cell = own_cell(trial.number, claims, self._cells)
        if cell is not None:
            return cell
        patient_until = time.monotonic() + _PATIENCE
        pause = _POLL[0]
        while True:
            lower = [
                n
                for n in claims.undecided
                if n < trial.number and (study.study_name, n) not in self._presumed_dead
            ]
            if not lower:
                cell = released_cell(trial.number, claims, self._cells, self._max_failures)
                if cell is not None or not self._worth_waiting(study, claims):
                    return cell
            elif time.monotonic() > patient_until:
                self._presumed_dead.update((study.study_name, n) for n in lower)
            time.sleep(pause)
            pause = min(2 * pause, _POLL[1])
            claims = self._read(study)

    def _worth_waiting(self, study: Study, claims: Claims) -> bool:
        """Whether a cell may still come back: another worker holds it and could be found dead."""
        in_loop = study._thread_local.in_optimize_loop
        if not in_loop or not is_heartbeat_enabled(study._storage) or claims.waiting:
            return False
        if not open_cells(claims, self._cells, self._max_failures):
            return False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            # A bracket of Hyperband cannot enqueue; the study it belongs to can.
            optuna.storages.fail_stale_trials(getattr(study, "_study", study))
        return True


def _contains(distribution: BaseDistribution, value: Any) -> bool:
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except (TypeError, ValueError):
        return False
