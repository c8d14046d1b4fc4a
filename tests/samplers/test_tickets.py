"""Released cells under contention: what the ticket order leaves open, looked at closely."""

from __future__ import annotations

import copy
import pickle
import threading
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from optuna_mi._attributes import CELL_ATTR
from optuna_mi.samplers import MIGridSampler, _tickets
from optuna_mi.samplers._claims import NO_CELL
from optuna_mi.search_space import DilationSpace

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def _one_cell(space: DilationSpace) -> MIGridSampler:
    return MIGridSampler(space, points=1, max_retries=5)


def test_two_that_think_each_other_dead_never_keep_the_same_cell(
    space: DilationSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_tickets, "_PATIENCE", 0.0)
    n_workers = 4
    together = threading.Barrier(n_workers)
    met = threading.local()
    free_cell = _tickets.free_cell

    def all_see_it_free(*args: object) -> int | None:
        cell = free_cell(*args)  # type: ignore[arg-type]
        if not hasattr(met, "once"):
            met.once = True
            together.wait()
        return cell

    monkeypatch.setattr(_tickets, "free_cell", all_see_it_free)
    samplers = [_one_cell(space) for _ in range(n_workers)]
    study = optuna.create_study(sampler=samplers[0])
    study.tell(study.ask(), state=TrialState.FAIL)
    storage = study._storage
    ids = [storage.create_new_trial(study._study_id) for _ in range(n_workers)]
    threads = [
        threading.Thread(target=sampler.before_trial, args=(study, storage.get_trial(trial_id)))
        for sampler, trial_id in zip(samplers, ids, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    cells = Counter(t.system_attrs[CELL_ATTR][1] for t in study.trials[1:])
    assert cells == {0: 1, -1: n_workers - 1}


def test_a_waiting_worker_has_a_heartbeat_and_takes_what_comes_back(
    space: DilationSpace, tmp_path: Path
) -> None:
    from optuna.storages._rdb.models import TrialHeartbeatModel

    storage = optuna.storages.RDBStorage(
        f"sqlite:///{tmp_path}/s.db", heartbeat_interval=60, grace_period=120
    )
    study = optuna.create_study(storage=storage, sampler=_one_cell(space))
    # The only cell belongs to another worker's trial, which still trains.
    busy = study._storage.create_new_trial(study._study_id)

    def objective(trial: optuna.Trial) -> float:
        return float(len(space.suggest(trial)))

    worker = threading.Thread(target=study.optimize, args=(objective,))
    worker.start()
    deadline = time.monotonic() + 30
    alive = 0
    while not alive and time.monotonic() < deadline:
        time.sleep(0.05)
        with storage.scoped_session() as session:
            alive = session.query(TrialHeartbeatModel).count()
    assert alive == 1
    assert study.trials[1].state == TrialState.RUNNING
    study._storage.set_trial_state_values(busy, TrialState.FAIL)
    worker.join(timeout=30)
    assert not worker.is_alive()
    assert [t.state for t in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]


def test_requeued_trials_and_released_cells_do_not_meet(
    space: DilationSpace, tmp_path: Path
) -> None:
    """What ``optuna-mi requeue`` does while another worker is about to take the cell."""
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "s.log"))
    storage = optuna.storages.JournalStorage(backend)
    study = optuna.create_study(storage=storage, sampler=_one_cell(space))
    dead = study.ask()
    space.suggest(dead)

    def objective(trial: optuna.Trial) -> float:
        return float(len(space.suggest(trial)))

    study._storage.set_trial_state_values(dead._trial_id, TrialState.FAIL)
    worker = threading.Thread(target=study.optimize, args=(objective,))
    worker.start()
    time.sleep(0.3)
    retry = optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=3)
    retry(study, study.trials[0])
    worker.join(timeout=30)
    assert not worker.is_alive()
    states = Counter(t.state for t in study.trials)
    assert states[TrialState.COMPLETE] == 1
    assert states[TrialState.FAIL] == 1
    assert set(states) == {TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED}


def test_a_waiting_worker_that_is_interrupted_leaves_nothing_running(
    space: DilationSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/s.db", heartbeat_interval=60)
    study = optuna.create_study(storage=storage, sampler=_one_cell(space))
    busy = study._storage.create_new_trial(study._study_id)

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_tickets.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        study.optimize(lambda trial: 0.0)
    states = {t._trial_id: t.state for t in study.trials}
    assert states.pop(busy) == TrialState.RUNNING
    assert set(states.values()) == {TrialState.FAIL}


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_samplers_travel(space: DilationSpace, travel) -> None:  # type: ignore[no-untyped-def]
    study = optuna.create_study(sampler=MIGridSampler(space, points=2))
    study.optimize(lambda t: float(len(space.suggest(t))), n_trials=2)
    study.sampler = travel(study.sampler)
    study.optimize(lambda t: float(len(space.suggest(t))))
    lists = [t.user_attrs["dilations"] for t in study.trials]
    assert len(set(lists)) == len(lists) == study.sampler.n_cells


def test_a_storage_that_fails_while_asking_shows_its_own_error(
    space: DilationSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = optuna.create_study(sampler=_one_cell(space))

    def down(*args: object, **kwargs: object) -> None:
        raise ConnectionError("the database went away")

    monkeypatch.setattr(study._storage, "set_trial_system_attr", down)
    monkeypatch.setattr(study._storage, "set_trial_state_values", down)
    with pytest.raises(ConnectionError, match="the database went away"):
        study.ask()


def test_a_worker_lost_while_asking_is_found_by_its_heartbeat(
    space: DilationSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = optuna.storages.RDBStorage(
        f"sqlite:///{tmp_path}/s.db", heartbeat_interval=1, grace_period=1
    )
    study = optuna.create_study(storage=storage, sampler=_one_cell(space))

    def lost(*args: object, **kwargs: object) -> None:
        raise ConnectionError("the database went away")

    with monkeypatch.context() as outage:
        outage.setattr(storage, "set_trial_system_attr", lost)
        outage.setattr(storage, "set_trial_state_values", lost)
        with pytest.raises(ConnectionError):
            study.optimize(lambda trial: 0.0, n_trials=1)
    assert [t.state for t in study.trials] == [TrialState.RUNNING]
    study.optimize(lambda trial: float(len(space.suggest(trial))))
    assert [t.state for t in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]


def test_a_retry_that_had_no_cell_takes_none_that_another_has(space: DilationSpace) -> None:
    """Its number was a ticket that nobody held while it waited."""
    sampler = MIGridSampler(space, settings=space.grid(2)[:3])
    study = optuna.create_study(sampler=sampler)
    storage, study_id = study._storage, study._study_id
    lost = storage.create_new_trial(study_id)  # killed before it had a cell
    storage.set_trial_state_values(lost, TrialState.FAIL)
    optuna.storages.RetryHeartbeatStaleTrialCallback()(study, study.trials[0])
    for _ in range(3):
        trial_id = storage.create_new_trial(study_id)
        sampler.before_trial(study, storage.get_trial(trial_id))
    cells = [t.system_attrs[CELL_ATTR][1] for t in study.trials[2:]]
    assert sorted(cells) == [0, 1, 2]
    retried = study.ask()
    assert retried.number == 1
    assert study.trials[1].system_attrs[CELL_ATTR][1] == NO_CELL
