from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import torch
from optuna.trial import TrialState

from optuna_mi import _local_workers, _workers
from optuna_mi._main_job import Job
from optuna_mi._presets import Preset
from optuna_mi._storage import open_storage
from optuna_mi.cli import main
from optuna_mi.datasets._reading import Reading
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange

_SIZES = ["--epochs", "3", "--steps", "2", "--hidden-size", "8", "--pruner", "none"]


def _wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["sqlite:///{}/study.db", "journal:{}/study.log"])
def test_two_local_workers_share_a_study(tmp_path: Path, scheme: str) -> None:
    url = scheme.format(tmp_path)
    arguments = ["--workers", "2", "--trials", "6", "--storage", url, "--out", str(tmp_path)]
    assert main(["search", "digits", *arguments, *_SIZES]) == 0
    study = optuna.load_study(study_name="digits", storage=open_storage(url))
    assert sum(t.state == TrialState.COMPLETE for t in study.trials) == 6
    assert all(t.state.is_finished() for t in study.trials)
    # one recommendation only, and workers of one seed that draw differently
    rates = [t.params["lr_max"] for t in study.trials]
    assert len(set(rates)) == len(rates)
    assert (tmp_path / "report.html").exists()


# A worker whose heart beats every second and which lingers in every trial, so that it can be
# killed in one.
_WORKER = """
import sys, time
import optuna_mi._storage as storage
storage._HEARTBEAT_SECONDS = 1
import optuna_mi._workers as workers
workers._PAUSE_SECONDS = 1
import optuna
from optuna_mi.cli import main
report = optuna.Trial.report
def slow_report(self, value, step):
    report(self, value, step)
    time.sleep(float(sys.argv[1]))
optuna.Trial.report = slow_report
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
def test_killed_workers_cost_no_trial(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    arguments = ["search", "digits", "--trials", "6", "--storage", url, "--out", str(tmp_path)]
    command = [sys.executable, "-c", _WORKER]
    create = [*command, "0", *arguments, *_SIZES, "--trials", "1"]
    subprocess.run(create, check=True, capture_output=True, timeout=300)
    study = optuna.load_study(study_name="digits", storage=open_storage(url))

    slow = [subprocess.Popen([*command, "60", *arguments, *_SIZES]) for _ in range(2)]
    try:
        _wait_for(lambda: len(study.get_trials(states=(TrialState.RUNNING,))) == 2)
        lost = {t.number for t in study.get_trials(states=(TrialState.RUNNING,))}
        # killed once their first epoch is written
        _wait_for(lambda: all(study.trials[n].intermediate_values for n in lost))
    finally:
        for process in slow:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    time.sleep(3)  # the grace period
    subprocess.run([*command, "0", *arguments, *_SIZES], check=True, capture_output=True)

    trials = study.get_trials()
    assert sum(t.state == TrialState.COMPLETE for t in trials) == 6
    assert not [t for t in trials if not t.state.is_finished()]
    assert {t.number for t in trials if t.state == TrialState.FAIL} == lost
    retried = {
        t.system_attrs["failed_trial"]: t for t in trials if "failed_trial" in t.system_attrs
    }
    assert set(retried) == lost
    for number, retry in retried.items():
        assert retry.params == trials[number].params
        # resumed from the checkpoint: the first epoch was not trained again
        first = trials[number].intermediate_values[0]
        assert retry.intermediate_values[0] == first


@pytest.mark.slow
def test_postgresql_stops_and_comes_back_under_load(tmp_path: Path) -> None:
    # Not below pytest's own folder: the server runs as another user when this is root.
    folder = Path(tempfile.mkdtemp())
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip("pgserver")
    pytest.importorskip("psycopg2")
    server = pgserver.get_server(folder / "data")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
    arguments = ["search", "digits", "--trials", "8", "--storage", url, "--out", str(tmp_path)]
    command = [sys.executable, "-c", _WORKER]
    create = [*command, "0", *arguments, *_SIZES, "--trials", "1"]
    subprocess.run(create, check=True, capture_output=True, timeout=300)
    study = optuna.load_study(study_name="digits", storage=open_storage(url))
    workers = [subprocess.Popen([*command, "0.7", *arguments, *_SIZES]) for _ in range(2)]
    try:
        _wait_for(lambda: len(study.get_trials(states=(TrialState.RUNNING,))) == 2)
        server.cleanup()
        time.sleep(2)
        server = pgserver.get_server(folder / "data")
        assert [worker.wait(timeout=300) for worker in workers] == [0, 0]
        time.sleep(3)  # the grace period of what was running when the other worker ended
        last = [*command, "0", *arguments, *_SIZES]
        subprocess.run(last, check=True, capture_output=True, timeout=300)
        study = optuna.load_study(study_name="digits", storage=open_storage(url))
        trials = study.get_trials()
        assert sum(t.state == TrialState.COMPLETE for t in trials) >= 8
        assert not [t for t in trials if t.state == TrialState.RUNNING]
        assert all(t.user_attrs["epochs"] == 3 for t in trials if t.state == TrialState.COMPLETE)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_worker_that_was_taken_for_dead_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    report, taken = optuna.Trial.report, []

    def report_after_the_funeral(self: optuna.Trial, value: float, step: int) -> None:
        if self.number == 1 and not taken:
            taken.append(self.number)
            self.study._storage.set_trial_state_values(self._trial_id, TrialState.FAIL)
        report(self, value, step)

    monkeypatch.setattr(optuna.Trial, "report", report_after_the_funeral)
    arguments = ["--trials", "3", "--storage", url, "--out", str(tmp_path)]
    assert main(["search", "digits", *arguments, *_SIZES]) == 0
    study = optuna.load_study(study_name="digits", storage=open_storage(url))
    states = [t.state for t in study.trials]
    assert states.count(TrialState.COMPLETE) == 3
    assert states.count(TrialState.FAIL) == 1


class _Greedy:
    """An objective that runs out of memory in some trials."""

    space = DilationSpace(DecayGeometry("power"), (IntRange(2, 4, 3),), IntRange(8, 8, 8), 4)

    def __init__(self, fails: Callable[[optuna.Trial, tuple[int, ...]], bool]) -> None:
        self._fails = fails

    def __call__(self, trial: optuna.Trial) -> float:
        if self._fails(trial, self.space.suggest(trial)):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 0.5


def _job(trials: int, sampler: str) -> Job:
    names = {"sampler": sampler, "pruner": "none", "policy": "reference", "device": "cpu"}
    data = {
        "dataset": "digits",
        "reading": Reading(),
        "max_lag": None,
        "threshold": 1e-5,
        "seed": 0,
    }
    where = {"storage": "", "study_name": "s", "folder": Path()}
    return Job(preset=Preset(trials), **names, **data, **where)  # type: ignore[arg-type]


def _study_of(
    objective: _Greedy, trials: int, sampler: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[optuna.Study, list[str]]:
    """Return the study that a job has run, and the warnings."""
    warned: list[str] = []
    monkeypatch.setattr(_workers._logger, "warning", warned.append)
    study = optuna.create_study()
    _workers.run_trials(_job(trials, sampler), study, objective, progress=False)  # type: ignore[arg-type]
    return study, warned


def _run(
    objective: _Greedy, trials: int, sampler: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[TrialState], list[str]]:
    """Return the states of the trials that a job runs, and the warnings."""
    study, warned = _study_of(objective, trials, sampler, monkeypatch)
    return [t.state for t in study.trials], warned


def test_trials_without_memory_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    objective = _Greedy(lambda trial, _: trial.number in (1, 2, 6))
    states, warned = _run(objective, 6, "random", monkeypatch)
    assert states.count(TrialState.COMPLETE) == 6
    assert states.count(TrialState.FAIL) == 3
    assert warned == []


def test_a_machine_without_memory_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    states, warned = _run(_Greedy(lambda trial, _: trial.number >= 2), 6, "random", monkeypatch)
    assert states == [TrialState.COMPLETE] * 2 + [TrialState.FAIL] * 8
    assert len(warned) == 1
    assert "has 2 of 6 trials: 8 failed here, the last 4" in warned[0]


def test_a_grid_that_is_done_ends_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    objective = _Greedy(lambda _, dilations: len(dilations) == 4)
    states, warned = _run(objective, 5, "grid", monkeypatch)
    # Three cells; the one that fails is given up after two retries, in the trial that ends a round.
    assert states.count(TrialState.COMPLETE) == 2
    assert states.count(TrialState.FAIL) == 3
    assert len(states) == 5
    assert warned == []


def test_an_outage_within_a_trial_fails_no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_workers, "_PAUSE_SECONDS", 0.0)
    down: list[int] = []

    def outage(trial: optuna.Trial, _: tuple[int, ...]) -> bool:
        if trial.number == 1 and not down:
            down.append(trial.number)
            raise optuna.exceptions.StorageInternalError("it went away")
        return False

    study, warned = _study_of(_Greedy(outage), 3, "mi", monkeypatch)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    retried = study.trials[2]
    assert retried.system_attrs["failed_trial"] == 1
    assert retried.system_attrs["retry_history"] == []  # costs none of its three retries
    assert retried.params == study.trials[1].params
    assert warned == [
        "The storage does not answer: check that its server runs; trying again in 0.0 s"
    ]


def test_the_parent_waits_while_its_workers_do(monkeypatch: pytest.MonkeyPatch) -> None:
    context = multiprocessing.get_context("fork")
    answers = iter([0, *[optuna.exceptions.StorageInternalError("away")] * 3])

    def ended(_: optuna.Study) -> int:
        answer = next(answers, 4)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def start(*_: object) -> list[_local_workers._Worker]:
        process = context.Process(target=time.sleep, args=(1.5,))
        process.start()
        return [_local_workers._Worker(0, process, context.Value("q", -1), context.Pipe()[0])]  # type: ignore[arg-type]

    warned: list[str] = []
    monkeypatch.setattr(_local_workers._logger, "warning", warned.append)
    monkeypatch.setattr(_local_workers, "n_ended", ended)
    monkeypatch.setattr(_local_workers, "_start", start)
    _local_workers.run_workers(_job(4, "mi"), optuna.create_study(), 1)
    assert len(warned) == 1
    assert "the workers are waiting" in warned[0]
