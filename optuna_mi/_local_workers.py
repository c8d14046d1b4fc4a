"""Workers on this machine: processes that end with their parent, and whose death is told."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning

from optuna_mi import _interruption
from optuna_mi._command_parts import make_objective
from optuna_mi._interruption import Interrupted
from optuna_mi._logging import get_logger
from optuna_mi._main_job import Job
from optuna_mi._shared_study import check_dataset
from optuna_mi._status_and_requeue import release
from optuna_mi._storage_trouble import trouble
from optuna_mi._trial_bar import trial_bar
from optuna_mi._workers import n_ended, open_waiting, run_trials
from optuna_mi.datasets._load import load
from optuna_mi.search_space import DilationSpace

_logger = get_logger(__name__)

# How long a worker may take to end its batch before it is killed.
_END_SECONDS = 20
_POLL_SECONDS = 0.2


@dataclass
class _Worker:
    """A worker as its parent sees it.

    Attributes:
        number: Counts from 0.
        process: The process.
        trial: Number of the trial at hand, -1 for none; written by the worker.
        errors: What the worker says before it dies of an error.
        seen: Whether its end has been told.
    """

    number: int
    process: SpawnProcess
    trial: Any
    errors: Connection
    seen: bool = False


def run_workers(job: Job, study: optuna.Study, n_workers: int) -> None:
    """Run trials in several local processes, with one progress bar.

    A worker that dies is told at once, and its trial is queued again for the others. Workers end
    with this process, however it ends.

    Raises:
        Interrupted: A signal asked this process to end; the trials at hand are queued again.
        ChildProcessError: Workers died and trials are missing.
    """
    workers = _start(job, n_workers)
    deaths: list[str] = []
    try:
        with trial_bar(job.preset.trials, n_ended(study), shown=not job.quiet) as bar:
            told = False
            while any(worker.process.is_alive() for worker in workers):
                wait([w.process.sentinel for w in workers if w.process.is_alive()], _POLL_SECONDS)
                _interruption.stop_if_asked()
                deaths += _bury(workers, study)
                try:
                    bar.ended(n_ended(study))
                    bar.look(study, job.preset.epochs)
                    told = False
                except Exception as error:
                    found = trouble(error)
                    if found is None:
                        raise
                    if not told:  # the workers wait for it, or die of it
                        _logger.warning(f"{found.text}; the workers are waiting")
                    told = True
    finally:
        deaths += _bury(workers, study)
        _end(workers)
        _bury(workers, study, asked=True)
    if deaths and n_ended(study) < job.preset.trials:
        raise ChildProcessError(
            f"{len(deaths)} of {n_workers} workers died, and the study has {n_ended(study)} of "
            f"{job.preset.trials} trials. " + " ".join(deaths) + " Run the same command again to "
            "go on."
        )


def _start(job: Job, n_workers: int) -> list[_Worker]:
    context = multiprocessing.get_context("spawn")
    # Workers inherit that Ctrl-C is ignored: their parent gets it too and tells them, so that they
    # do not die of it in the middle of an import.
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    try:
        return [_start_one(context, job, number) for number in range(n_workers)]
    finally:
        if main:
            signal.signal(signal.SIGINT, before)


def _start_one(context: SpawnContext, job: Job, number: int) -> _Worker:
    # Without a lock, which a worker that is killed would keep.
    trial = context.Value("q", -1, lock=False)
    errors, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=_work, args=(job, number, trial, theirs), name=f"optuna-mi-{number}"
    )
    process.start()
    theirs.close()
    return _Worker(number, process, trial, errors)


def _bury(workers: Sequence[_Worker], study: optuna.Study, *, asked: bool = False) -> list[str]:
    """Tell which workers have died without being asked, and queue their trials again."""
    deaths = []
    for worker in workers:
        code = worker.process.exitcode
        if worker.seen or code is None:
            continue
        worker.seen = True
        if code and not asked:
            deaths.append(f"Worker {worker.number} {_cause(worker, code)}.")
            _logger.warning(deaths[-1])
        if code and worker.trial.value >= 0:
            try:
                # It was not the trial that killed a worker which was asked to end.
                release(study, worker.trial.value, counts=not asked)
            except Exception as error:
                if trouble(error) is None:
                    raise
                _logger.warning(
                    f"Trial {worker.trial.value} could not be queued again; optuna-mi requeue does."
                )
    return deaths


def _cause(worker: _Worker, code: int) -> str:
    try:
        if worker.errors.poll():
            return f"died: {worker.errors.recv()}"
    except (EOFError, OSError):
        pass  # it had nothing to say
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name if -code in list(signal.Signals) else f"signal {-code}"
    hint = " (out of memory?)" if name == "SIGKILL" else ""
    return f"was killed by {name}{hint}"


def _end(workers: Sequence[_Worker]) -> None:
    """Ask the workers to end, and kill those that do not."""
    for worker in workers:
        worker.process.terminate()
    until = time.monotonic() + _END_SECONDS
    for worker in workers:
        worker.process.join(timeout=max(0.0, until - time.monotonic()))
        worker.process.kill()
        worker.process.join()


def _work(job: Job, number: int, trial: Any, errors: Connection) -> None:
    """Be a worker."""
    warnings.simplefilter("ignore", ExperimentalWarning)
    with _interruption.handled(ctrl_c=False):
        _end_with_parent()  # not before: that the parent is gone already would be forgotten
        try:
            level = optuna.logging.INFO if job.verbose else optuna.logging.WARNING
            optuna.logging.set_verbosity(level)
            study = optuna.load_study(study_name=job.study_name, storage=open_waiting(job.storage))
            space = DilationSpace.from_study(study)
            dataset = load(job.dataset, job.reading)
            check_dataset(study, dataset)
            objective = make_objective(job, dataset, space)

            def note(at_hand: int) -> None:
                trial.value = at_hand

            run_trials(job, study, objective, worker=number, progress=False, note=note)
        except Interrupted as error:
            sys.exit(128 + error.signum)
        except Exception as error:
            found = trouble(error)
            if found is None and not isinstance(error, ValueError | OSError):
                errors.send(f"{type(error).__name__}: {error}")
                raise  # a defect: its traceback is wanted
            errors.send(str(error) if found is None else found.text)
            sys.exit(1)


def _end_with_parent() -> None:
    """End this process when its parent is gone, at the end of a batch or soon after."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        _interruption.ask(signal.SIGTERM)
        time.sleep(_END_SECONDS)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
