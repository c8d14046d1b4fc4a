"""What `kill -9` costs: workers of one grid are killed, round after round, on four storages.

    python -m benchmarks.faults --storages sqlite journal postgresql grpc --rounds 10

A round: four workers train a small grid, one to three of them are killed at a random moment (behind
the gRPC proxy every other round kills the proxy too, and starts it again); the others go on; where
the storage has no heartbeat ``requeue`` is called; one more worker ends the study. Then it is
counted what was lost. Heartbeats are those of a second, so that a round takes seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import torch
from optuna.trial import TrialState

from optuna_mi import DilatedRNNObjective, _status_and_requeue, _storage, _workers
from optuna_mi._main_job import Job
from optuna_mi._presets import Preset
from optuna_mi._storage import open_storage
from optuna_mi.datasets import LanguageModeling
from optuna_mi.datasets._reading import Reading
from optuna_mi.samplers import MIGridSampler
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange
from optuna_mi.training._trial_checkpoint import load_checkpoint

SPACE = DilationSpace(
    DecayGeometry("power"), (IntRange(1, 3, 1),), IntRange(3, 12, 6), max_layers=3, window=16
)
N_WORKERS, EPOCHS = 4, 6
KINDS = ("sqlite", "journal", "postgresql", "grpc")
_FORK = multiprocessing.get_context("fork")
_SERVER = """
import sys, warnings
warnings.simplefilter("ignore")
import optuna
storage = optuna.storages.RDBStorage(sys.argv[1])
optuna.storages.run_grpc_proxy_server(storage, host="localhost", port=int(sys.argv[2]))
"""


def _dataset() -> LanguageModeling:
    rng = np.random.default_rng(0)
    symbols = ((np.arange(1400) // 3 + rng.integers(0, 2, 1400)) % 4).astype(np.int64)
    parts = np.split(symbols, [800, 1100])
    return LanguageModeling("own", *parts, sequences=parts[0], vocabulary=tuple("abcd"))


def _job(url: str, folder: Path, n_cells: int) -> Job:
    names = {"sampler": "grid", "pruner": "none", "policy": "change", "device": "cpu"}
    data = {"dataset": "own", "reading": Reading(), "max_lag": None, "threshold": 1e-5, "seed": 0}
    where = {"storage": url, "study_name": "s", "folder": folder}
    return Job(preset=Preset(n_cells), **names, **data, **where)  # type: ignore[arg-type]


def _create(url: str) -> None:
    study = optuna.create_study(study_name="s", storage=open_storage(url), direction="minimize")
    SPACE.freeze(study)


def _study(url: str) -> optuna.Study:
    return optuna.load_study(study_name="s", storage=open_storage(url))


def _objective(folder: Path) -> DilatedRNNObjective:
    return DilatedRNNObjective(
        _dataset(),
        SPACE,
        hidden_size=4,
        embedding_size=4,
        epochs=EPOCHS,
        steps=2,
        batch_size=4,
        window=16,
        probe_size=50,
        checkpoint_dir=folder / "checkpoints",
    )


def _warm_up() -> None:
    """Load here what a first training loads: workers are forked, and would each load it again."""
    with tempfile.TemporaryDirectory() as folder:
        study = optuna.create_study(direction="minimize", sampler=MIGridSampler(SPACE))
        study.optimize(_objective(Path(folder)), n_trials=1)


def _work(url: str, folder: Path, worker: int) -> None:
    job = _job(url, folder, MIGridSampler(SPACE).n_cells)
    _workers.run_trials(job, _study(url), _objective(folder), worker=worker, progress=False)


def _requeue(url: str) -> None:
    _status_and_requeue.requeue(_study(url))


def _audit(url: str, folder: Path, queue: Any) -> None:
    """Count what a round has left behind."""
    trials = _study(url).get_trials()
    complete = [t for t in trials if t.state == TrialState.COMPLETE]
    names = SPACE.distributions().keys()
    cells = Counter(json.dumps([t.params[name] for name in names]) for t in complete)
    n_corrupt = 0
    for path in (folder / "checkpoints").glob("*.pt"):
        try:
            load_checkpoint(path, torch.device("cpu"))
        except ValueError:
            n_corrupt += 1
    if (folder / "study.log").exists():
        for line in (folder / "study.log").read_bytes().splitlines():
            try:
                json.loads(line)
            except ValueError:
                n_corrupt += 1
    if (folder / "study.db").exists():
        with sqlite3.connect(folder / "study.db") as database:
            n_corrupt += database.execute("PRAGMA integrity_check").fetchone()[0] != "ok"
    retries = [t for t in complete if "failed_trial" in t.system_attrs]
    failed = {t.number: t for t in trials if t.state == TrialState.FAIL}
    begun = [t for t in failed.values() if t.intermediate_values]
    queue.put(
        {
            "cells lost": MIGridSampler(SPACE).n_cells - len(cells),
            "cells trained to the end twice": sum(n > 1 for n in cells.values()),
            "trials left running": sum(t.state == TrialState.RUNNING for t in trials),
            "trials left waiting": sum(t.state == TrialState.WAITING for t in trials),
            "files corrupted": n_corrupt,
            "short trials": sum(t.user_attrs.get("epochs") != EPOCHS for t in complete),
            "killed in a trial": len(failed),
            "after an epoch": len(begun),
            "retried to the end": len(retries),
        }
    )


def _start(work: Callable[..., None], *arguments: Any) -> Any:
    process = _FORK.Process(target=work, args=arguments)
    process.start()
    return process


def _call(work: Callable[..., None], *arguments: Any) -> None:
    """Do something in a process of its own: this one never opens a storage, and can be forked."""
    process = _start(work, *arguments)
    process.join(timeout=200)
    if process.exitcode != 0:
        process.kill()
        raise RuntimeError(f"{work.__name__} ended with {process.exitcode}")


def one_round(url: str, folder: Path, rng: random.Random, proxy: Proxy | None) -> dict[str, int]:
    """Kill workers of one study; return what was counted at its end."""
    _call(_create, url)
    workers = [_start(_work, url, folder, number) for number in range(N_WORKERS)]
    until = time.monotonic() + 100
    while not (folder / "checkpoints").exists() and time.monotonic() < until:
        time.sleep(0.01)  # until the first epoch of the first trial is over
    time.sleep(rng.uniform(0.0, 3.0))
    victims = rng.sample(workers, rng.randint(1, 3))
    alive = [worker for worker in victims if worker.is_alive()]
    for worker in alive:
        os.kill(worker.pid, signal.SIGKILL)
    if proxy is not None and rng.random() < 0.5:
        proxy.kill()
        time.sleep(1)
        proxy.start()
    survivors = [worker for worker in workers if worker not in victims]
    for worker in workers:
        worker.join(timeout=200)
    if url.startswith(("journal:", "grpc:")):
        _call(_requeue, url)
    else:
        time.sleep(3)  # the grace period
    _call(_work, url, folder, N_WORKERS)
    queue = _FORK.Queue()
    audit = _start(_audit, url, folder, queue)
    counted: dict[str, int] = queue.get(timeout=100)
    audit.join()
    ended_badly = sum(worker.exitcode != 0 for worker in survivors)
    return {"rounds": 1, "killed": len(alive), "survivors that died": ended_badly} | counted


class Proxy:
    """Optuna's gRPC proxy in front of a SQLite file."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            self._port = probe.getsockname()[1]
        self.url = f"grpc://localhost:{self._port}"
        self._database = f"sqlite:///{folder}/study.db"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", _SERVER, self._database, str(self._port)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def _storage_of(kind: str, folder: Path, server: str) -> Iterator[tuple[str, Proxy | None]]:
    if kind == "grpc":
        proxy = Proxy(folder)
        try:
            yield proxy.url, proxy
        finally:
            proxy.kill()
    elif kind == "postgresql":
        import sqlalchemy

        name = f"faults_{os.getpid()}_{time.monotonic_ns()}"
        engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        made = sqlalchemy.make_url(server).set(database=name)
        yield made.render_as_string(hide_password=False), None
    else:
        yield (
            f"sqlite:///{folder}/study.db" if kind == "sqlite" else f"journal:{folder}/study.log",
            None,
        )


@contextlib.contextmanager
def _postgresql() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
        import pgserver
    with tempfile.TemporaryDirectory() as folder:
        server = pgserver.get_server(Path(folder) / "data")
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
        finally:
            server.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--storages", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--rounds", type=int, default=10, help="rounds of each storage")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="let the workers' warnings through")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING if arguments.verbose else 40)
    warnings.simplefilter("ignore")
    _storage._HEARTBEAT_SECONDS = 1
    _workers._PAUSE_SECONDS = 1
    torch.set_num_threads(1)
    _warm_up()
    rows = []
    for kind in arguments.storages:
        total: Counter[str] = Counter()
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(_postgresql()) if kind == "postgresql" else ""
            for number in range(arguments.rounds):
                rng = random.Random(f"{arguments.seed} {kind} {number}")
                with (
                    tempfile.TemporaryDirectory() as name,
                    _storage_of(kind, Path(name), server) as (url, proxy),
                ):
                    counted = one_round(url, Path(name), rng, proxy)
                total.update(counted)
                print(f"{kind} {number}: {counted}", flush=True)
        rows.append({"storage": kind, **total})
    print(pd.DataFrame(rows).set_index("storage").T.to_string())


if __name__ == "__main__":
    main()
