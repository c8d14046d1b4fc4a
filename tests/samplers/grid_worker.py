"""Run a grid with several processes; started by the tests as a program of its own.

Every training is one line of a log file, written before the trial ends, so that trainings which
the storage does not know of are seen as well.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage
from sqlalchemy.exc import DBAPIError

from optuna_mi.samplers import MIGridSampler
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange

SPACE = DilationSpace(
    DecayGeometry("broken_power", (12.0,), (2.4, 0.9)),
    (IntRange(3, 8, 6), IntRange(2, 5, 3)),
    IntRange(64, 256, 128),
    max_layers=12,
)
POINTS = {"n_layers_0": 2, "n_layers_1": 2, "max_dilation": 2}  # 2 ends and the recommendation


def make_sampler(n_cells: int, seed: int | None) -> MIGridSampler:
    """Return a sampler of exactly so many cells: a multiple of 8."""
    settings = SPACE.grid(POINTS)[:8]
    extra = {"hidden": list(range(n_cells // 8))}
    # Failing three times by chance would give a cell up in one run of forty.
    return MIGridSampler(SPACE, extra=extra, settings=settings, seed=seed, max_retries=20)


def open_storage(url: str, heartbeat: int | None = None, callback: bool = False) -> BaseStorage:
    """Open any of Optuna's storages by a URL, with ``journal:`` and ``grpc:`` for those two."""
    if url.startswith("journal:"):
        backend = optuna.storages.journal.JournalFileBackend(url.removeprefix("journal:"))
        return optuna.storages.JournalStorage(backend)
    if url.startswith("grpc:"):
        port = int(url.removeprefix("grpc:"))
        return optuna.storages.GrpcStorageProxy(host="localhost", port=port)
    if heartbeat is None:
        return optuna.storages.get_storage(url)
    retry = optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=3) if callback else None
    return optuna.storages.RDBStorage(
        url,
        heartbeat_interval=heartbeat,
        grace_period=2 * heartbeat,
        engine_kwargs={"pool_pre_ping": True},
        heartbeat_stale_trial_callback=retry,
    )


def work(args: argparse.Namespace, worker: int, start: Barrier) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = open_storage(args.url, args.heartbeat, args.callback)
    seed = worker if args.seeds == "different" else 0
    sampler = make_sampler(args.cells, seed)
    study = optuna.load_study(study_name=args.study, storage=storage, sampler=sampler)
    chance = random.Random(seed)

    def objective(trial: optuna.Trial) -> float:
        dilations = SPACE.suggest(trial)
        hidden = trial.suggest_int("hidden", 0, args.cells)
        rate = trial.suggest_float("rate", 1e-3, 1.0, log=True)
        cell = f"{trial.user_attrs['dilations']}/{hidden}"
        if worker < args.kill:
            os.kill(os.getpid(), 9)
        if args.fail and chance.random() < args.fail:
            raise RuntimeError("this training fails on purpose")
        time.sleep(chance.uniform(0, 0.1 if args.kill else args.slow))
        with Path(args.log).open("a") as log:
            log.write(f"{cell}\n")
        return len(dilations) + hidden + rate

    start.wait()
    while True:
        try:
            study.optimize(objective, catch=(RuntimeError,))
            return
        except Exception as error:
            if not args.outage or not _is_outage(error):
                raise
            time.sleep(0.5)


def _is_outage(error: BaseException | None) -> bool:
    # Optuna hides the database's error behind others; it is somewhere in the chain.
    while error is not None:
        if isinstance(error, StorageInternalError | DBAPIError):
            return True
        error = error.__cause__ or error.__context__
    return False


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("study")
    parser.add_argument("log")
    parser.add_argument("--cells", type=int, default=24)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seeds", choices=["same", "different"], default="different")
    parser.add_argument("--kill", type=int, default=0, help="how many workers kill themselves")
    parser.add_argument("--fail", type=float, default=0.0, help="probability that a training fails")
    parser.add_argument("--heartbeat", type=int)
    parser.add_argument("--outage", action="store_true", help="wait for the storage to come back")
    parser.add_argument("--slow", type=float, default=0.01, help="longest training in seconds")
    parser.add_argument("--callback", action="store_true", help="the storage retries dead trials")
    args = parser.parse_args()
    pids = []
    start = multiprocessing.Barrier(args.workers)
    for worker in range(args.workers):
        pid = os.fork()
        if pid == 0:
            try:
                work(args, worker, start)
            except BaseException as error:
                print(f"worker {worker}: {type(error).__name__}: {error}", file=sys.stderr)
                os._exit(1)
            os._exit(0)
        pids.append(pid)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    killed = codes.count(-9)
    sys.exit(0 if killed == args.kill and codes.count(0) == args.workers - killed else 1)


if __name__ == "__main__":
    main()
