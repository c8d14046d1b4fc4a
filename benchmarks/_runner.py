"""Running a benchmark's cells, each once, with any number of workers on any Optuna storage."""

from __future__ import annotations

import importlib
import multiprocessing
import time

import optuna
import torch
from optuna.storages import fail_stale_trials
from optuna.trial import FrozenTrial, TrialState
from tqdm.auto import tqdm

from benchmarks._experiment import Cell, Experiment, Request, key_of
from optuna_mi._storage import open_storage

_LIVE = (TrialState.WAITING, TrialState.RUNNING, TrialState.COMPLETE)


def study_of(experiment: Experiment, request: Request, storage: str) -> optuna.Study:
    return optuna.create_study(
        study_name=f"{experiment.name}-{request.budget}",
        storage=open_storage(storage),
        direction=experiment.direction,
        sampler=optuna.samplers.RandomSampler(seed=0),  # never asked: a cell has no parameter
        load_if_exists=True,
    )


def owners(study: optuna.Study) -> dict[str, FrozenTrial]:
    """Return each cell's trial: the first one that has not failed.

    Two creators at the same moment may queue a cell twice; the later one gives way.
    """
    found: dict[str, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False, states=_LIVE):
        if "key" in trial.user_attrs:
            found.setdefault(trial.user_attrs["key"], trial)
    return found


def queue(study: optuna.Study, cells: list[Cell]) -> None:
    """Queue the cells that are neither done nor queued nor at work."""
    known = owners(study)
    for cell in cells:
        if key_of(cell) not in known:
            study.enqueue_trial({}, user_attrs={"key": key_of(cell), "cell": dict(cell)})


def complete(study: optuna.Study, cells: list[Cell]) -> list[FrozenTrial]:
    """Return the complete trials of these cells, in the cells' order."""
    known = owners(study)
    found = (known.get(key_of(cell)) for cell in cells)
    return [t for t in found if t is not None and t.state == TrialState.COMPLETE]


def work(experiment: Experiment, request: Request, study: optuna.Study, *, bar: bool) -> None:
    """Run queued cells until none waits."""

    def objective(trial: optuna.Trial) -> float:
        attributes = trial.user_attrs
        if "key" not in attributes:
            raise optuna.TrialPruned("another worker took the last cell")
        if owners(study)[attributes["key"]].number != trial.number:
            raise optuna.TrialPruned("this cell was queued twice")
        started = time.process_time()
        value = experiment.run(trial, attributes["cell"], request)
        trial.set_user_attr("cpu_s", round(time.process_time() - started, 1))
        return value

    def n_waiting() -> int:
        return len(study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    torch.set_num_threads(1)  # cells side by side are faster than threads within one
    with tqdm(total=n_waiting(), unit="cell", disable=not bar) as progress:
        while True:
            fail_stale_trials(study)
            if not n_waiting():
                return
            study.optimize(objective, n_trials=1)
            progress.update()


def work_together(module: str, request: Request, storage: str, n_workers: int) -> None:
    """Run queued cells in several local processes.

    Raises:
        RuntimeError: A worker failed; its error stands above.
    """
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_work, args=(module, request, storage, i == 0))
        for i in range(n_workers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    codes = [process.exitcode for process in processes]
    if any(codes):
        raise RuntimeError(f"Workers ended with exit codes {codes}; run the command again")


def _work(module: str, request: Request, storage: str, bar: bool) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    experiment = importlib.import_module(module).EXPERIMENT
    work(experiment, request, study_of(experiment, request, storage), bar=bar)
