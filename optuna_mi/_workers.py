"""Running a study's trials in this process."""

from __future__ import annotations

import time
from collections.abc import Callable

import optuna
import torch
from optuna.storages import BaseStorage, fail_stale_trials
from optuna.trial import FrozenTrial, TrialState

from optuna_mi import _interruption
from optuna_mi._command_parts import make_pruner, make_sampler
from optuna_mi._interruption import Interrupted
from optuna_mi._logging import get_logger
from optuna_mi._main_job import ENDED, Job
from optuna_mi._progress import listening
from optuna_mi._quota import QuotaSampler, counts, wait_for_a_place
from optuna_mi._status_and_requeue import release, requeue_lost
from optuna_mi._storage import open_storage
from optuna_mi._storage_trouble import trouble
from optuna_mi._trial_bar import TrialBar, trial_bar
from optuna_mi.training import DilatedRNNObjective
from optuna_mi.training._optimize_population import run_population
from optuna_mi.training._population_trials import Callback, PopulationTrials

_logger = get_logger(__name__)

# A database that is restarted is back within minutes.
_OUTAGE_SECONDS = 600
_PAUSE_SECONDS = 5


class _StorageTrouble(BaseException):
    """Carries a storage's error past Optuna, which would fail the trial for it."""


def n_ended(study: optuna.Study) -> int:
    """Return how many trials are complete or pruned, and not for want of a cell or a place."""
    return sum(map(counts, study.get_trials(deepcopy=False, states=ENDED)))


def run_trials(
    job: Job,
    study: optuna.Study,
    objective: DilatedRNNObjective,
    *,
    worker: int = 0,
    progress: bool = True,
    note: Callable[[int], None] | None = None,
) -> None:
    """Run trials here until the study has as many complete or pruned ones as the job wants.

    A trial that runs out of the accelerator's memory fails, and another one is run in its place.
    Fewer are left when the sampler has nothing more to try, or with a warning when as many trials
    as were missing have all failed. A storage that stops answering is waited for. A trial that an
    outage or a signal stopped is queued again, to go on from its checkpoint.

    Args:
        job: What the search was asked for.
        study: The job's study.
        objective: Its objective.
        worker: Number of this worker.
        progress: Show a progress bar.
        note: Told the number of each trial before it runs.

    Raises:
        Interrupted: A signal asked this process to end.
        StorageInternalError: The storage did not come back within ten minutes.
    """
    current: list[int] = []
    shown = progress and not job.quiet

    def begin(number: int) -> None:
        current.append(number)
        if note is not None:
            note(number)

    sampler = make_sampler(
        job.sampler,
        objective.space,
        job.seed,
        worker=worker,
        n_trials=len(study.get_trials(deepcopy=False)),
        at_once=job.population,
    )
    # a population asks for many at once; processes of them may exceed the number
    wanted = job.preset.trials if job.population == 1 else None
    study.sampler = QuotaSampler(sampler, wanted, begin)
    study.pruner = make_pruner(job.pruner, job.preset.epochs)
    try:
        with trial_bar(job.preset.trials, n_ended(study), shown=shown) as bar, listening(bar.at):
            _run_rounds(job, study, objective, current, bar)
    except Interrupted:
        try:
            _release_own(study, current)
        except Exception as error:
            if trouble(error) is None:
                raise
            _logger.warning("The trials at hand could not be queued again: optuna-mi requeue does.")
        raise


def _run_rounds(
    job: Job,
    study: optuna.Study,
    objective: DilatedRNNObjective,
    current: list[int],
    bar: TrialBar,
) -> None:
    states: list[TrialState] = []
    n_failed = 0
    down_since: float | None = None

    def note(_: optuna.Study, trial: FrozenTrial) -> None:
        states.append(trial.state)
        if trial.number in current:
            current.remove(trial.number)
        _interruption.stop_if_asked()
        bar.ended(n_ended(study))
        if not may_go_on():
            study.stop()

    def find_the_dead() -> None:
        fail_stale_trials(study)
        requeue_lost(study)

    def may_go_on() -> bool:
        if job.population > 1:
            return n_ended(study) < job.preset.trials
        return wait_for_a_place(study, job.preset.trials, find_the_dead)

    while True:
        states.clear()
        try:
            _release_own(study, current)
            find_the_dead()
            go_on = may_go_on()
            down_since = None
            if not go_on:
                return
            missing = max(1, job.preset.trials - n_ended(study))
            _run(job, study, objective, missing, note)
            current.clear()
            n_failed += states.count(TrialState.FAIL)
            if study._stop_flag:  # by the callback, or by a sampler that has nothing more to try
                return
            if not any(state in ENDED for state in states):
                _logger.warning(
                    f"The study has {n_ended(study)} of {job.preset.trials} trials: {n_failed} "
                    f"failed here, the last {len(states)} without one that ended. Their errors "
                    "stand above; run the same command again to go on."
                )
                return
        except (Exception, _StorageTrouble) as error:
            if _was_taken_for_dead(error):
                _logger.warning("The trial at hand was given to another worker; going on.")
                continue
            real = (error.__cause__ or error) if isinstance(error, _StorageTrouble) else error
            found = trouble(real)
            now = time.monotonic()
            down_since = down_since or now
            if found is None or not found.passes or now - down_since > _OUTAGE_SECONDS:
                raise real from real.__cause__
            _logger.warning(f"{found.text}; trying again in {_PAUSE_SECONDS} s")
            _interruption.sleep(_PAUSE_SECONDS)


def _run(
    job: Job, study: optuna.Study, objective: DilatedRNNObjective, n_trials: int, note: Callback
) -> None:
    """Run trials, one after the other or side by side; a storage's errors do not fail them."""
    catch = (torch.OutOfMemoryError,)
    if job.population == 1:
        study.optimize(_past_optuna(objective), n_trials=n_trials, callbacks=[note], catch=catch)
        return

    def is_outside(error: BaseException) -> bool:
        return isinstance(error, Exception) and trouble(error) is not None

    trials = PopulationTrials(study, objective, (note,), catch, is_outside)
    run_population(trials, n_trials, job.population)


def _past_optuna(objective: DilatedRNNObjective) -> Callable[[optuna.Trial], float]:
    """Return an objective whose storage's errors do not fail the trial."""

    def run(trial: optuna.Trial) -> float:
        try:
            return objective(trial)
        except Exception as error:
            if trouble(error) is None:
                raise
            raise _StorageTrouble from error

    return run


def open_waiting(url: str) -> BaseStorage:
    """Return the storage behind a URL, which was there a moment ago.

    Raises:
        ConnectionError: It did not come back within ten minutes.
    """
    until = time.monotonic() + _OUTAGE_SECONDS
    while True:
        try:
            return open_storage(url)
        except ConnectionError as error:
            if time.monotonic() > until:
                raise
            _logger.warning(f"{error}; trying again in {_PAUSE_SECONDS} s")
            _interruption.sleep(_PAUSE_SECONDS)


def _release_own(study: optuna.Study, current: list[int]) -> None:
    """Queue the trials again that were stopped here, if any."""
    while current:
        release(study, current[0], counts=False)
        del current[0]


def _was_taken_for_dead(error: BaseException) -> bool:
    """Return whether the trial was failed as stale while it ran here.

    A heart that cannot beat during an outage looks dead to the others. Optuna then refuses to tell
    the trial, with a plain ValueError.
    """
    return isinstance(error, ValueError) and str(error) == "Cannot tell a FAIL trial."
