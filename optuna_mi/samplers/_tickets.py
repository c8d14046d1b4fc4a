"""Which cell a new trial gets, in agreement with all other workers."""

from __future__ import annotations

import contextlib
import datetime
import threading
import time
import warnings
import weakref
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import optuna
from optuna.storages._heartbeat import BaseHeartbeat
from optuna.trial import TrialState

from optuna_mi import _interruption
from optuna_mi._attributes import CELL_ATTR
from optuna_mi.samplers._cells import Cells
from optuna_mi.samplers._claims import (
    NO_CELL,
    UNDECIDED,
    ClaimReader,
    Claims,
    free_cell,
    open_cells,
    own_cell,
)
from optuna_mi.samplers._forwarding import beat, has_heartbeat

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_PATIENCE = 5.0  # Seconds a lower ticket may take to write its cell down before it counts as dead.
_RELEASE_DELAY = 5.0  # Seconds in which the declarer of a dead trial may enqueue it again.
_POLL = (0.01, 1.0)  # Seconds between looks at the storage: the first, the longest.


class TicketOffice:
    """Gives every trial of a study its cell, in agreement with all other workers.

    Args:
        cells: The grid.
        max_failures: Failures after which a cell is given up.
    """

    def __init__(self, cells: Cells, max_failures: int) -> None:
        self._cells = cells
        self._max_failures = max_failures
        self._presumed_dead: set[tuple[str, int]] = set()
        self._reset()

    def read(self, study: Study) -> Claims:
        """Return what the trials of the study say about the cells."""
        storage = study._storage
        with self._lock:
            readers = self._readers.setdefault(storage, {})
            key = (study.study_name, study._study_id)
            reader = readers.setdefault(key, ClaimReader(self._cells, _RELEASE_DELAY))
            trials = storage.get_all_trials(study._study_id, deepcopy=False)
            return reader.read(trials, datetime.datetime.now())

    def open(self, claims: Claims) -> set[int]:
        """Return the cells that are neither finished nor given up."""
        return open_cells(claims, self._cells, self._max_failures)

    def draw(self, study: Study, trial: FrozenTrial, among: Collection[int] | None = None) -> None:
        """Choose the trial's cell and write it down; ``NO_CELL`` if none is left for it.

        Where the storage has a heartbeat and other workers still train, this waits: a cell may
        come back from one that died. It waits a moment for trials just declared dead anywhere.

        Args:
            study: The study.
            trial: The trial.
            among: The cells that an enqueued trial may have; its number owns none.
        """
        claims = self.read(study)
        if among is None:
            cell = own_cell(trial.number, claims, self._cells)
            if cell is not None:
                self._write(study, trial, cell)
                return
            # Cells whose own ticket is not drawn yet are left to it.
            candidates = self._cells.order[: trial.number]
            if trial.number < len(self._cells):  # its own cell was given up
                self._write(study, trial, UNDECIDED)
        else:
            candidates = [cell for cell in self._cells.order if cell in among]
        patient_until = time.monotonic() + _PATIENCE
        pause = _POLL[0]
        while True:
            lower = self._undecided_below(study, trial, claims)
            if not lower:
                cell = free_cell(candidates, claims, self._max_failures)
                if cell is not None and self._take(study, trial, cell):
                    return
                if cell is None and not self._worth_waiting(study, claims, among):
                    self._write(study, trial, NO_CELL)
                    return
            elif time.monotonic() > patient_until:
                self._presumed_dead.update((study.study_name, n) for n in lower)
            beat(study, trial)
            _fail_stale_trials(study)
            self._fail_lost_trials(study, claims)
            _interruption.sleep(pause)
            pause = min(2 * pause, _POLL[1])
            claims = self.read(study)

    def _undecided_below(self, study: Study, trial: FrozenTrial, claims: Claims) -> list[int]:
        dead, name = self._presumed_dead, study.study_name
        return [n for n in claims.undecided if n < trial.number and (name, n) not in dead]

    def _take(self, study: Study, trial: FrozenTrial, cell: int) -> bool:
        # A slow worker may have been presumed dead, so that two take the cell. Both write first and
        # look afterwards, so at least one sees the other and steps back.
        self._write(study, trial, cell)
        if cell not in self.read(study).contested:
            return True
        self._write(study, trial, UNDECIDED)
        return False

    def _write(self, study: Study, trial: FrozenTrial, cell: int) -> None:
        value: list[str | int] = [self._cells.fingerprint, cell]
        study._storage.set_trial_system_attr(trial._trial_id, CELL_ATTR, value)
        # This trial object was read before the attribute was written.
        trial.system_attrs = {**trial.system_attrs, CELL_ATTR: value}

    def _fail_lost_trials(self, study: Study, claims: Claims) -> None:
        """Fail trials whose worker was lost before their first heartbeat: they never go stale.

        A living trial writes down its cell at once. One that has not done so within the heartbeat's
        grace period is dead.
        """
        storage = study._storage
        if not (has_heartbeat(study) and isinstance(storage, BaseHeartbeat)):
            return
        limit = max(_PATIENCE, 2.0 * (storage.get_heartbeat_interval() or 0))
        now = datetime.datetime.now()
        for number in claims.undecided:
            if number >= len(self._cells) or claims.holder.get(self._cells.order[number]) != number:
                continue
            trial = storage.get_trial(
                storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
            )
            started = trial.datetime_start
            if CELL_ATTR in trial.system_attrs or started is None:
                continue
            if (now - started).total_seconds() > limit:
                with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
                    storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)

    def _worth_waiting(self, study: Study, claims: Claims, among: Collection[int] | None) -> bool:
        # A trial that waits to be taken up needs a worker who asks again.
        if claims.waiting:
            return False
        left = self.open(claims)
        if among is not None:
            left &= set(among)
        return bool(left & claims.pending) or (has_heartbeat(study) and bool(left))

    def __getstate__(self) -> dict[str, Any]:
        # When a sampler is pickled for another process, that process reads the trials itself.
        return {k: v for k, v in self.__dict__.items() if k not in ("_lock", "_readers")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._readers: weakref.WeakKeyDictionary[
            BaseStorage, dict[tuple[str, int], ClaimReader]
        ] = weakref.WeakKeyDictionary()


def _fail_stale_trials(study: Study) -> None:
    if not has_heartbeat(study):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # A bracket of Hyperband cannot enqueue; the study it belongs to can.
        optuna.storages.fail_stale_trials(getattr(study, "_study", study))
