"""Workers behind Optuna's gRPC proxy wait while it is restarted."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from optuna_mi._storage import open_storage

pytest.importorskip("grpc")
from optuna_mi import _grpc_storage

_SERVER = """
import sys, warnings
warnings.simplefilter("ignore")
import optuna
storage = optuna.storages.RDBStorage(sys.argv[1])
optuna.storages.run_grpc_proxy_server(storage, host="localhost", port=int(sys.argv[2]))
"""


class Proxy:
    """A proxy in front of a SQLite file, that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            self.port = probe.getsockname()[1]
        self.url = f"grpc://localhost:{self.port}"
        self._database = f"sqlite:///{folder}/study.db"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", _SERVER, self._database, str(self.port)]
        self._process = subprocess.Popen(command)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    running = Proxy(tmp_path)
    yield running
    running.kill()


@pytest.mark.slow
def test_calls_wait_for_a_proxy_that_is_restarted(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(_grpc_storage._logger, "warning", warned.append)
    study = optuna.create_study(study_name="s", storage=open_storage(proxy.url))
    trial = study.ask()
    proxy.kill()
    restart = threading.Timer(1.5, proxy.start)
    restart.start()
    started = time.monotonic()
    trial.report(0.5, 0)
    assert time.monotonic() - started > 1
    study.tell(trial, 0.5)
    restart.join()
    assert [t.state for t in study.trials] == [TrialState.COMPLETE]
    assert len(warned) == 1
    assert "does not answer; waiting" in warned[0]
    # told again: the first answer was lost
    assert study._storage.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [0.5])
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        study._storage.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [0.7])


def test_no_proxy_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_grpc_storage.open_grpc, "__defaults__", (0.3,))
    with pytest.raises(ConnectionError, match="No gRPC proxy answers at localhost:9"):
        open_storage("grpc://localhost:9")
    for url in ("grpc://localhost", "grpc:x", "grpc://localhost:port", "grpc://me@localhost:9"):
        with pytest.raises(ValueError, match="grpc://HOST:PORT"):
            open_storage(url)
