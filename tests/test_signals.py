"""Whatever ends the command, its workers end with it, and their trials go on later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
from optuna.trial import TrialState

from optuna_mi import _interruption, _local_workers
from optuna_mi._interruption import Interrupted
from optuna_mi._storage import open_storage

psutil = pytest.importorskip("psutil")  # comes with pgserver
_SIZES = ["--epochs", "3", "--steps", "2", "--hidden-size", "8", "--pruner", "none"]
# Lingers for so many seconds after each epoch, in small steps as a batch would.
_SLOW = """
import sys, time
import optuna
from optuna_mi import _interruption, _local_workers
report = optuna.Trial.report
def slow_report(self, value, step):
    report(self, value, step)
    _interruption.sleep(float({pause}))
optuna.Trial.report = slow_report
"""
_COMMAND = _SLOW + "from optuna_mi.cli import main\nif __name__ == '__main__': sys.exit(main())\n"


def _wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    """Return the ids of the workers of a search; the resource tracker is none."""
    children = psutil.Process(pid).children()
    return [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


class Search:
    """A search that lingers in its trials, on a journal, which has no heartbeat."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.url = f"journal:{folder}/study.log"
        self._folder = folder
        script = folder / "slow.py"
        script.write_text(_COMMAND.format(pause=60))
        self.process = subprocess.Popen(
            [sys.executable, str(script), *self._arguments(), "--workers", str(workers)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        _wait_for(lambda: self._running() == workers)

    def _arguments(self) -> list[str]:
        out = ["--storage", self.url, "--out", str(self._folder), "--trials", "4"]
        return ["search", "digits", *out, *_SIZES]

    def study(self) -> optuna.Study:
        return optuna.load_study(study_name="digits", storage=open_storage(self.url))

    def _running(self) -> int:
        """Return how many trials have an epoch behind them."""
        assert self.process.poll() is None
        try:
            trials = self.study().get_trials(states=(TrialState.RUNNING,))
        except KeyError:
            return 0
        return sum(bool(trial.intermediate_values) for trial in trials)

    def go_on(self) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "optuna_mi", *self._arguments()]
        return subprocess.run(command, capture_output=True, text=True, timeout=200)


@pytest.fixture
def search(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Search]:
    running = Search(tmp_path, request.param)
    yield running
    running.process.kill()
    running.process.wait()


def _check_nothing_was_lost(search: Search, n_workers: int) -> None:
    trials = search.study().get_trials()
    states = [trial.state for trial in trials]
    assert states.count(TrialState.FAIL) == states.count(TrialState.WAITING) == n_workers
    again = search.go_on()
    assert again.returncode == 0, again.stderr
    trials = search.study().get_trials()
    states = [trial.state for trial in trials]
    assert states == [TrialState.FAIL] * n_workers + [TrialState.COMPLETE] * 4
    for retried in trials[n_workers : 2 * n_workers]:
        # resumed: the first epoch was not trained again
        first = trials[retried.system_attrs["failed_trial"]]
        assert retried.params == first.params
        assert retried.intermediate_values[0] == first.intermediate_values[0]
        assert "cannot be taken up" not in again.stderr


@pytest.mark.slow
@pytest.mark.parametrize("search", [1], indirect=True)
def test_ctrl_c_leaves_the_trial_to_be_resumed(search: Search) -> None:
    search.process.send_signal(signal.SIGINT)
    _, told = search.process.communicate(timeout=60)
    assert search.process.returncode == 130
    assert "interrupted; run the same command again to go on" in told
    assert "Traceback" not in told
    _check_nothing_was_lost(search, 1)


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("search", [2], indirect=True)
def test_workers_end_with_their_parent(search: Search, signum: signal.Signals) -> None:
    workers = _children(search.process.pid)
    assert len(workers) == 2
    if signum == signal.SIGHUP:  # as a terminal sends it
        os.killpg(search.process.pid, signum)
    else:
        search.process.send_signal(signum)
    _, told = search.process.communicate(timeout=60)
    _wait_for(lambda: not any(map(_runs, workers)), 10)
    if signum != signal.SIGKILL:
        assert search.process.returncode == 128 + signum
        assert "Traceback" not in told
    _wait_for(lambda: not search.study().get_trials(states=(TrialState.RUNNING,)), 10)
    if signum == signal.SIGKILL:
        _check_nothing_was_lost(search, 2)


@pytest.mark.slow
@pytest.mark.parametrize("search", [2], indirect=True)
def test_the_death_of_workers_is_told(search: Search) -> None:
    first, second = _children(search.process.pid)
    os.kill(first, signal.SIGKILL)
    # its trial is queued again at once, though a journal has no heartbeat
    _wait_for(lambda: len(search.study().get_trials(states=(TrialState.WAITING,))) == 1, 30)
    assert search.process.poll() is None
    os.kill(second, signal.SIGKILL)
    _, told = search.process.communicate(timeout=60)
    assert search.process.returncode == 2
    assert "Worker 0 was killed by SIGKILL (out of memory?)" in told
    assert "2 of 2 workers died, and the study has 0 of 4 trials" in told
    assert "Traceback" not in told
    assert len(search.study().get_trials(states=(TrialState.WAITING,))) == 2


def _send_twice(first: int, second: int) -> None:
    with _interruption.handled():
        os.kill(os.getpid(), first)
        time.sleep(0.01)  # nothing is raised here
        os.kill(os.getpid(), second)
        time.sleep(0.01)
        _interruption.stop_if_asked()


def test_signals_are_heeded_where_it_is_asked_for() -> None:
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        before = signal.getsignal(signum)
        with pytest.raises(Interrupted) as stopped:
            _send_twice(signum, signal.SIGTERM)
        assert stopped.value.signum == signum
        assert signal.getsignal(signum) is before
        _interruption.stop_if_asked()


def test_a_second_ctrl_c_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_interruption, "_INSIST_SECONDS", 0.0)
    monkeypatch.setattr(_interruption, "stop_if_asked", lambda: None)
    with pytest.raises(Interrupted):
        _send_twice(signal.SIGINT, signal.SIGINT)


def test_a_parent_that_dies_during_the_start_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find_the_parent_gone() -> None:
        _interruption.ask(signal.SIGTERM)

    def open_nothing(_: str) -> None:
        _interruption.stop_if_asked()
        pytest.fail("went on without a parent")

    monkeypatch.setattr(_local_workers, "_end_with_parent", find_the_parent_gone)
    monkeypatch.setattr(_local_workers, "open_waiting", open_nothing)
    job = SimpleNamespace(storage="", study_name="", verbose=False)
    with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
        _local_workers._work(job, 0, None, None)  # type: ignore[arg-type]
    assert ended.value.code == 128 + signal.SIGTERM
