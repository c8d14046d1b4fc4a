"""Exactly once a cell, under several processes and every storage that takes several processes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path
from types import ModuleType

import optuna
import pytest
from optuna.trial import TrialState

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]

_SCRIPT = Path(__file__).parent / "grid_worker.py"


@pytest.fixture(scope="module")
def worker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("grid_worker", _SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Grid:
    """A study on a storage, and the log of what was really trained."""

    def __init__(self, worker: ModuleType, url: str, folder: Path) -> None:
        self._worker, self._url = worker, url
        self._log = folder / "trained.log"
        self._log.touch()
        self.name = f"grid-{uuid.uuid4().hex[:8]}"
        optuna.create_study(study_name=self.name, storage=worker.open_storage(url))

    @property
    def study(self) -> optuna.Study:
        storage = self._worker.open_storage(self._url)
        return optuna.load_study(study_name=self.name, storage=storage)

    def run(self, *options: str) -> None:
        command = [sys.executable, str(_SCRIPT), self._url, self.name, str(self._log), *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr

    def trained(self) -> Counter[str]:
        """How often each cell was trained to the end."""
        return Counter(self._log.read_text().split())

    def states(self) -> Counter[TrialState]:
        return Counter(t.state for t in self.study.trials)

    def assert_complete(self, n_cells: int) -> None:
        trained = self.trained()
        assert len(trained) == n_cells
        assert set(trained.values()) == {1}, trained.most_common(5)
        assert self.states()[TrialState.COMPLETE] == n_cells
        done = [t for t in self.study.trials if t.state == TrialState.COMPLETE]
        assert len({(t.user_attrs["dilations"], t.params["hidden"]) for t in done}) == n_cells


def test_24_cells_under_8_processes(worker: ModuleType, storage_url: str, tmp_path: Path) -> None:
    grid = Grid(worker, storage_url, tmp_path)
    grid.run("--seeds", "different")
    grid.assert_complete(24)
    # Another start finds nothing to do: one trial, pruned before any work.
    before = len(grid.study.trials)
    grid.run("--workers", "1")
    assert len(grid.study.trials) <= before + 1
    grid.assert_complete(24)


# benchmarks/samplers/exactly_once.py does the same on the other, slower storages.
@pytest.mark.parametrize("storage_url", ["journal"], indirect=True)
def test_200_cells_under_8_processes(worker: ModuleType, storage_url: str, tmp_path: Path) -> None:
    grid = Grid(worker, storage_url, tmp_path)
    grid.run("--cells", "200", "--seeds", "same")
    grid.assert_complete(200)


@pytest.mark.parametrize("storage_url", ["journal"], indirect=True)
def test_failed_cells_are_trained_again(
    worker: ModuleType, storage_url: str, tmp_path: Path
) -> None:
    grid = Grid(worker, storage_url, tmp_path)
    grid.run("--fail", "0.1", "--workers", "4")
    assert grid.states()[TrialState.FAIL] > 0
    grid.assert_complete(24)


@pytest.mark.parametrize("callback", ["", "--callback"])
def test_cells_of_killed_workers_are_trained_by_the_others(
    worker: ModuleType, postgresql: str, tmp_path: Path, callback: str
) -> None:
    grid = Grid(worker, postgresql, tmp_path)
    grid.run("--workers", "4", "--kill", "2", "--heartbeat", "1", *callback.split())
    assert grid.states()[TrialState.FAIL] == 2
    assert grid.states()[TrialState.RUNNING] == 0
    grid.assert_complete(24)


def test_without_heartbeat_a_resumed_grid_trains_the_released_cells(
    worker: ModuleType, tmp_path: Path
) -> None:
    grid = Grid(worker, f"journal:{tmp_path}/study.log", tmp_path)
    grid.run("--workers", "4", "--kill", "2")
    left = [t for t in grid.study.trials if t.state == TrialState.RUNNING]
    assert len(left) == 2
    assert len(grid.trained()) == 22
    for trial in left:
        grid.study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    grid.run("--workers", "3")
    assert grid.states()[TrialState.RUNNING] == 0
    grid.assert_complete(24)


def test_postgresql_stops_and_starts_again_under_load(
    worker: ModuleType, postgresql: str, tmp_path: Path
) -> None:
    pgserver = pytest.importorskip("pgserver")
    user = "pgserver" if os.geteuid() == 0 else None
    # In a process of its own: the session's server must not go away below other tests.
    start = (
        "import pgserver, sys;print(pgserver.get_server(sys.argv[1], cleanup_mode=None).get_uri())"
    )
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"

        def up() -> str:
            command = [sys.executable, "-W", "ignore", "-c", start, str(data)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
            return done.stdout.strip().replace("postgresql://", "postgresql+psycopg2://")

        def down() -> None:
            stop = ["-w", "-m", "immediate", "stop"]
            pgserver.pg_ctl(stop, pgdata=data, user=user, timeout=60)

        grid = Grid(worker, up(), tmp_path)
        try:
            options = ["--workers", "3", "--heartbeat", "1", "--outage", "--slow", "0.3"]
            run = threading.Thread(target=grid.run, args=options)
            run.start()
            while run.is_alive() and sum(grid.trained().values()) < 6:
                time.sleep(0.1)
            down()
            time.sleep(1)
            up()
            run.join()
            states = grid.states()
            assert states[TrialState.COMPLETE] == 24
            assert states[TrialState.RUNNING] == 0
            done = [t for t in grid.study.trials if t.state == TrialState.COMPLETE]
            assert len({(t.user_attrs["dilations"], t.params["hidden"]) for t in done}) == 24
            # Only trainings whose end could not be told are done again: one a worker at most.
            assert sum(grid.trained().values()) <= 24 + 3
        finally:
            down()
