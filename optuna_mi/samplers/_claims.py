"""Which trial has which cell: read off the list of a study's trials, with no state of its own.

A trial's number is the ticket. Ticket ``t`` below the number of cells owns cell ``order[t]`` from
the moment it exists, so the common case needs no agreement between workers at all. Cells whose
ticket went elsewhere (a failed trial, an enqueued one, one of another sampler) are handed out
again in the order of tickets: whoever wants one waits until every lower ticket has decided.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from optuna.trial import FrozenTrial, TrialState

from optuna_mi._attributes import CELL_ATTR, FAILED_ATTR
from optuna_mi.samplers._cells import Cells

NO_CELL = -1
UNDECIDED = -2  # Chose a cell, saw that another one had it too, and chooses again.


@dataclass
class Claims:
    """What the trials of a study say about the cells of a grid.

    Attributes:
        holder: Lowest number of the live trial (finished well, running or waiting) of each cell.
        finished: Cells with a COMPLETE or PRUNED trial.
        failures: Number of failed trials of each cell.
        pending: Cells of trials that somebody else declared dead a moment ago, a heartbeat or
            ``optuna-mi requeue``, and may be about to enqueue again.
        contested: Cells that more than one live trial has.
        undecided: Numbers of running trials that have not written down their cell yet.
        waiting: Whether a trial waits to be taken up.
    """

    holder: dict[int, int] = field(default_factory=dict)
    finished: set[int] = field(default_factory=set)
    failures: Counter[int] = field(default_factory=Counter)
    pending: set[int] = field(default_factory=set)
    contested: set[int] = field(default_factory=set)
    undecided: list[int] = field(default_factory=list)
    waiting: bool = False

    def joined(self, other: Claims) -> Claims:
        """Return a new object that merges both."""
        holder = self.holder.copy()
        for cell, number in other.holder.items():
            holder[cell] = min(number, holder.get(cell, number))
        return Claims(
            holder=holder,
            finished=self.finished | other.finished,
            failures=self.failures + other.failures,
            pending=self.pending | other.pending,
            contested=self.contested | other.contested | (self.holder.keys() & other.holder.keys()),
            undecided=[*self.undecided, *other.undecided],
            waiting=self.waiting or other.waiting,
        )


def written_cell(trial: FrozenTrial, cells: Cells) -> int | None:
    """Return the cell that the trial's attribute names; ``None`` without one of this grid."""
    written = trial.system_attrs.get(CELL_ATTR)
    if written is None or written[0] != cells.fingerprint:
        return None
    return int(written[1])


class ClaimReader:
    """Reads the claims of one study again and again, looking at each finished trial only once.

    Args:
        cells: The grid.
        release_delay: Seconds for which the cell of a trial that did not end by itself stays
            taken: whoever declared it dead may enqueue it again.
    """

    def __init__(self, cells: Cells, release_delay: float) -> None:
        self._cells = cells
        self._release_delay = release_delay
        self._forget()

    def _forget(self) -> None:
        self._settled = Claims()
        self._open: list[int] = []
        self._seen = 0

    def read(self, trials: Sequence[FrozenTrial], now: datetime.datetime) -> Claims:
        """Return the claims of the trials.

        Args:
            trials: All trials of the study, by number.
            now: The present time, as the storage writes it.
        """
        if len(trials) < self._seen:
            self._forget()  # The study was deleted and made again.
        still_open = []
        transient = Claims()
        for number in [*self._open, *range(self._seen, len(trials))]:
            trial = trials[number]
            pending = self._is_pending(trial, now)
            if trial.state.is_finished() and not pending:
                _add(trial, self._cells, self._settled)
                continue
            still_open.append(number)
            _add(trial, self._cells, transient, pending=pending)
        self._open, self._seen = still_open, len(trials)
        return self._settled.joined(transient)

    def _is_pending(self, trial: FrozenTrial, now: datetime.datetime) -> bool:
        ended = trial.datetime_complete
        if trial.state != TrialState.FAIL or trial.system_attrs.get(FAILED_ATTR) or ended is None:
            return False
        # Trials carry local times; the clock of a machine in another zone is no reason to wait.
        return abs((now - ended).total_seconds()) < self._release_delay


def _add(trial: FrozenTrial, cells: Cells, claims: Claims, pending: bool = False) -> None:
    state = trial.state
    attrs = trial.system_attrs
    cell = written_cell(trial, cells)
    if cell == UNDECIDED:
        cell = NO_CELL
        if state == TrialState.RUNNING:
            claims.undecided.append(trial.number)
    elif cell is None:
        if state == TrialState.RUNNING and "fixed_params" not in attrs:
            claims.undecided.append(trial.number)
            # While a retried trial waited, others may have taken its number's cell.
            if trial.number < len(cells) and "failed_trial" not in attrs:
                cell = cells.order[trial.number]
        elif "fixed_params" in attrs:
            cell = cells.find(attrs["fixed_params"])
        elif state.is_finished():
            cell = cells.find(trial.params)
    claims.waiting |= state == TrialState.WAITING
    if cell is None or cell == NO_CELL:
        return
    if state == TrialState.FAIL:
        claims.failures[cell] += 1
        if pending:
            claims.pending.add(cell)
        return
    if cell in claims.holder:
        claims.contested.add(cell)
    claims.holder[cell] = min(trial.number, claims.holder.get(cell, trial.number))
    if state.is_finished():
        claims.finished.add(cell)


def own_cell(number: int, claims: Claims, cells: Cells) -> int | None:
    """Return the cell that this ticket owns by its number, unless a lower ticket has it."""
    if number >= len(cells):
        return None
    cell = cells.order[number]
    return cell if claims.holder.get(cell, number) >= number else None


def free_cell(candidates: Iterable[int], claims: Claims, max_failures: int) -> int | None:
    """Return the first of the cells that nobody has and that is not given up."""
    for cell in candidates:
        taken = cell in claims.holder or cell in claims.pending
        if not taken and claims.failures[cell] < max_failures:
            return cell
    return None


def open_cells(claims: Claims, cells: Cells, max_failures: int) -> set[int]:
    """Return the cells that are neither finished nor given up."""
    return {
        cell
        for cell in range(len(cells))
        if cell not in claims.finished
        and (cell in claims.holder or claims.failures[cell] < max_failures)
    }
