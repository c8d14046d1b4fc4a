"""Running a benchmark's cells, each once, with any number of workers on any Optuna storage."""

from __future__ import annotations

import importlib
import multiprocessing
import time
import warnings
from collections.abc import Sequence

import optuna
import torch
from optuna.storages import fail_stale_trials
from optuna.trial import FrozenTrial, TrialState
from tqdm.auto import tqdm

from benchmarks._experiment import Cell, Experiment, Request, key_of
from optuna_mi._storage import open_storage

_PATIENCE_SECONDS = 5.0
_LIVE = (TrialState.WAITING, TrialState.RUNNING, TrialState.COMPLETE)


def quiet() -> None:
    """Leave out Optuna's line a trial and its word that heartbeats are experimental."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)


def study_of(experiment: Experiment, request: Request, storage: str) -> optuna.Study:
    return optuna.create_study(
        study_name=f"{experiment.name}-{request.budget}",
        storage=open_storage(storage),
        direction=experiment.direction,
        sampler=optuna.samplers.RandomSampler(seed=0),  # never asked: a cell has no parameter
        load_if_exists=True,
    )


def owners(study: optuna.Study) -> dict[str, FrozenTrial]:
    """Return each cell's trial: the first one that has not failed."""
    found: dict[str, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False, states=_LIVE):
        if "key" in trial.user_attrs:
            found.setdefault(trial.user_attrs["key"], trial)
    return found


def free(study: optuna.Study, cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells that are neither done nor at work."""
    known = owners(study)
    return [cell for cell in cells if key_of(cell) not in known]


def complete(study: optuna.Study, cells: Sequence[Cell]) -> list[FrozenTrial]:
    """Return the complete trials of these cells, in the cells' order."""
    known = owners(study)
    found = (known.get(key_of(cell)) for cell in cells)
    return [t for t in found if t is not None and t.state == TrialState.COMPLETE]


def work(
    experiment: Experiment,
    request: Request,
    study: optuna.Study,
    cells: Sequence[Cell],
    *,
    bar: bool,
) -> None:
    """Run cells until none is free."""

    def objective(trial: optuna.Trial) -> float:
        # A trial that a heartbeat's callback queued again comes with its cell.
        if "key" not in trial.user_attrs:
            _wait_for_lower(study, trial.number)
            left = free(study, cells)
            if not left:
                raise optuna.TrialPruned("another worker took the last cell")
            trial.set_user_attr("cell", dict(left[0]))
            trial.set_user_attr("key", key_of(left[0]))
        # Whoever was presumed dead and took the same cell is seen here: the later one gives way.
        if owners(study)[trial.user_attrs["key"]].number != trial.number:
            raise optuna.TrialPruned("another worker took this cell")
        started = time.process_time()
        value = experiment.run(trial, trial.user_attrs["cell"], request)
        trial.set_user_attr("cpu_s", round(time.process_time() - started, 1))
        return value

    torch.set_num_threads(1)  # cells side by side are faster than threads within one
    with tqdm(total=len(cells), unit="cell", disable=not bar) as progress:
        while True:
            fail_stale_trials(study)
            progress.update(len(complete(study, cells)) - progress.n)
            if not free(study, cells) and not study.get_trials(states=(TrialState.WAITING,)):
                return
            study.optimize(objective, n_trials=1)


def _wait_for_lower(study: optuna.Study, number: int) -> None:
    """Wait until all trials before this one have said which cell is theirs.

    The trial's number is the ticket: so no two choose at the same time. A worker that died in
    between is waited for a moment only.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if all("key" in trial.user_attrs for trial in running if trial.number < number):
            return
        time.sleep(0.02)


def work_together(
    module: str, request: Request, storage: str, cells: Sequence[Cell], n_workers: int
) -> None:
    """Run cells in several local processes.

    Raises:
        RuntimeError: A worker failed; its error stands above.
    """
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_work, args=(module, request, storage, cells, i == 0))
        for i in range(n_workers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    codes = [process.exitcode for process in processes]
    if any(codes):
        raise RuntimeError(f"Workers ended with exit codes {codes}; run the command again")


def _work(module: str, request: Request, storage: str, cells: Sequence[Cell], bar: bool) -> None:
    quiet()
    experiment = importlib.import_module(module).EXPERIMENT
    work(experiment, request, study_of(experiment, request, storage), cells, bar=bar)
