"""The same decisions whatever the storage, also where peers come from other processes' memory."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from optuna_mi.pruners import IHYLLPruner, flush_ihyll, report_ihyll

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

_STORAGES = ["memory", "sqlite", "journal", "grpc", "postgresql"]


@contextlib.contextmanager
def _storage(kind: str, folder: Path) -> Iterator[optuna.storages.BaseStorage]:
    if kind == "memory":
        yield optuna.storages.InMemoryStorage()
    elif kind == "sqlite":
        yield optuna.storages.get_storage(f"sqlite:///{folder}/study.db")
    elif kind == "journal":
        backend = optuna.storages.journal.JournalFileBackend(f"{folder}/study.log")
        yield optuna.storages.JournalStorage(backend)
    elif kind == "grpc":
        pytest.importorskip("grpc")
        from optuna.storages._grpc.server import make_server

        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            port = probe.getsockname()[1]
        behind = optuna.storages.get_storage(f"sqlite:///{folder}/behind.db")
        server = make_server(behind, "localhost", port)
        server.start()
        proxy = optuna.storages.GrpcStorageProxy(host="localhost", port=port)
        proxy.wait_server_ready(timeout=30)
        yield proxy
        proxy.close()
        server.stop(grace=None).wait()
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
            pgserver = pytest.importorskip("pgserver")
            pytest.importorskip("psycopg2")
        # Not below pytest's own folder: the server runs as another user when this is root.
        with tempfile.TemporaryDirectory() as place:
            database = pgserver.get_server(Path(place) / "data")
            try:
                url = database.get_uri().replace("postgresql://", "postgresql+psycopg2://")
                yield optuna.storages.get_storage(url)
            finally:
                database.cleanup()


def _decisions(storage: optuna.storages.BaseStorage) -> list[tuple[object, ...]]:
    rng = np.random.default_rng(0)
    level, speed = rng.uniform(0.3, 1.0, 18), rng.uniform(0.05, 0.8, 18)
    noise = rng.normal(0, 0.01, (18, 12))
    missing = rng.random((18, 12)) < 0.1

    def objective(trial: optuna.Trial) -> float:
        i = trial.number
        for step in range(12):
            ihyll = level[i] * (1 - np.exp(-speed[i] * (step + 1))) + noise[i, step]
            trial.report(ihyll + 5 * noise[i, -step], step)
            if i % 5:  # every fifth trial reports none at all
                report_ihyll(trial, step, np.nan if missing[i, step] else ihyll)
            if trial.should_prune():
                raise optuna.TrialPruned
        flush_ihyll(trial)
        return float(level[i])

    # A new study object for every trial: nothing is remembered but what the storage holds.
    optuna.create_study(study_name="s", storage=storage, direction="maximize")
    for _ in range(18):
        median = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=4)
        pruner = IHYLLPruner(median, n_min_peers=3)
        study = optuna.load_study(study_name="s", storage=storage, pruner=pruner)
        study.optimize(objective, n_trials=1)
    return [
        (t.number, t.state, t.last_step, tuple(t.user_attrs.get("mi:spared", ())))
        for t in study.trials
    ]


@pytest.mark.slow
def test_five_storages_decide_alike(tmp_path: Path) -> None:
    decisions = {}
    for kind in _STORAGES:
        folder = tmp_path / kind
        folder.mkdir()
        with _storage(kind, folder) as storage:
            decisions[kind] = _decisions(storage)
    reference = decisions.pop("memory")
    states = [state for _, state, _, _ in reference]
    assert 3 <= states.count(TrialState.PRUNED) <= 15
    assert any(spared for *_, spared in reference)
    for kind, other in decisions.items():
        assert other == reference, kind
