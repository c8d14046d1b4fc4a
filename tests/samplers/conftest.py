from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange


@pytest.fixture
def space() -> DilationSpace:
    """A space of two segments, cheap to place."""
    return DilationSpace(
        DecayGeometry("broken_power", (12.0,), (2.4, 0.9)),
        (IntRange(3, 8, 6), IntRange(2, 5, 3)),
        IntRange(64, 256, 128),
        max_layers=12,
    )


@pytest.fixture(params=["sqlite", "journal", "postgresql", "grpc"])
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A storage for several processes, as grid_worker.open_storage reads it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/study.db"
    elif request.param == "journal":
        yield f"journal:{tmp_path}/study.log"
    elif request.param == "postgresql":
        yield request.getfixturevalue("postgresql")
    else:
        pytest.importorskip("grpc")
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            port = probe.getsockname()[1]
        code = (
            "import optuna, warnings; warnings.simplefilter('ignore');"
            f"storage = optuna.storages.get_storage('sqlite:///{tmp_path}/study.db');"
            f"optuna.storages.run_grpc_proxy_server(storage, port={port})"
        )
        server = subprocess.Popen([sys.executable, "-c", code])
        try:
            _wait_for(port)
            yield f"grpc:{port}"
        finally:
            server.kill()
            server.wait()


def _wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("localhost", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")
