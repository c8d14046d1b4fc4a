"""Running a study's trials: in this process, or in several beside it."""

from __future__ import annotations

import multiprocessing
import time

import optuna
import torch
from optuna.exceptions import StorageInternalError
from optuna.storages import fail_stale_trials
from optuna.study import MaxTrialsCallback
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import DBAPIError
from tqdm.auto import tqdm

from optuna_mi._command_parts import make_objective, make_pruner, make_sampler
from optuna_mi._logging import get_logger
from optuna_mi._main_job import ENDED, Job
from optuna_mi._storage import open_storage
from optuna_mi.datasets import load_dataset
from optuna_mi.search_space import DilationSpace
from optuna_mi.training import DilatedRNNObjective

_logger = get_logger(__name__)

# A database that is restarted is back within minutes.
_OUTAGE_SECONDS = 600
_PAUSE_SECONDS = 5


def n_ended(study: optuna.Study) -> int:
    """Return how many trials are complete or pruned."""
    return len(study.get_trials(deepcopy=False, states=ENDED))


def run_trials(
    job: Job,
    study: optuna.Study,
    objective: DilatedRNNObjective,
    *,
    worker: int = 0,
    progress: bool = True,
) -> None:
    """Run trials here until the study has as many complete or pruned ones as the job wants.

    A trial that runs out of the accelerator's memory fails, and another one is run in its place.
    Fewer are left when the sampler has nothing more to try, or with a warning when as many trials
    as were missing have all failed. A storage that stops answering is waited for.

    Raises:
        StorageInternalError: The storage did not come back within ten minutes.
    """
    study.sampler = make_sampler(
        job.sampler,
        objective.space,
        job.seed,
        worker=worker,
        n_trials=len(study.get_trials(deepcopy=False)),
    )
    study.pruner = make_pruner(job.pruner, job.preset.epochs)
    reached = time.monotonic()
    states: list[TrialState] = []
    n_failed = 0

    def note(_: optuna.Study, trial: FrozenTrial) -> None:
        states.append(trial.state)

    while True:
        states.clear()
        try:
            fail_stale_trials(study)
            missing = job.preset.trials - n_ended(study)
            reached = time.monotonic()
            if missing <= 0:
                return
            study.optimize(
                objective,
                n_trials=missing,
                callbacks=[note, MaxTrialsCallback(job.preset.trials, states=ENDED)],
                catch=(torch.OutOfMemoryError,),
                show_progress_bar=progress,
            )
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
        except Exception as error:
            if _was_taken_for_dead(error):
                _logger.warning("The trial at hand was given to another worker; going on.")
                continue
            # The trial at hand stays running and goes stale; its cell and checkpoint are kept.
            if not _is_outage(error) or time.monotonic() - reached > _OUTAGE_SECONDS:
                raise
            _logger.warning(f"The storage does not answer; trying again in {_PAUSE_SECONDS} s")
            time.sleep(_PAUSE_SECONDS)


def _was_taken_for_dead(error: Exception) -> bool:
    """Return whether the trial was failed as stale while it ran here.

    A heart that cannot beat during an outage looks dead to the others. Optuna then refuses to tell
    the trial, with a plain ValueError.
    """
    return isinstance(error, ValueError) and str(error) == "Cannot tell a FAIL trial."


def _is_outage(error: BaseException | None) -> bool:
    """Return whether a storage error is among what led to this one.

    Optuna 5.0 hides it behind an UnboundLocalError when a failed trial cannot be told.
    """
    while error is not None:
        if isinstance(error, StorageInternalError | DBAPIError):
            return True
        error = error.__cause__ or error.__context__
    return False


def run_workers(job: Job, study: optuna.Study, n_workers: int) -> None:
    """Run trials in several local processes, with one progress bar.

    Raises:
        RuntimeError: No worker ended well and trials are missing.
    """
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_work, args=(job, worker), name=f"optuna-mi-{worker}")
        for worker in range(n_workers)
    ]
    for process in processes:
        process.start()
    try:
        with tqdm(total=job.preset.trials, initial=n_ended(study), unit="trial") as bar:
            while any(process.is_alive() for process in processes):
                time.sleep(0.5)
                bar.update(n_ended(study) - bar.n)
    finally:  # after Ctrl-C the workers, who got it too, end their trials first
        for process in processes:
            process.join(timeout=10)
            process.terminate()
            process.join()
    codes = [process.exitcode for process in processes]
    if all(codes) and n_ended(study) < job.preset.trials:
        raise RuntimeError(f"Every worker failed (exit codes {codes}); their errors stand above")


def _work(job: Job, worker: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.load_study(study_name=job.study_name, storage=open_storage(job.storage))
    space = DilationSpace.from_study(study)
    objective = make_objective(job, load_dataset(job.dataset, unit=job.unit), space)
    run_trials(job, study, objective, worker=worker, progress=False)
