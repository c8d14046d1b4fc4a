"""Any number of workers train as many trials as are wanted, and no more."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from optuna_mi import _quota
from optuna_mi._quota import QuotaSampler, is_free, wait_for_a_place

# of heartbeats where trials are asked for by hand, and that heartbeats are new
pytestmark = [
    pytest.mark.filterwarnings("ignore:Heartbeat of storage"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]


@pytest.fixture(params=["memory", "sqlite", "journal"])
def open_study(request, tmp_path):
    """Return a function that opens one study, each time as a worker of its own does."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/study.db"
        return lambda: optuna.create_study(
            study_name="s",
            storage=optuna.storages.RDBStorage(url, heartbeat_interval=60),
            load_if_exists=True,
        )
    if request.param == "journal":
        backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.log"))
        storage = optuna.storages.JournalStorage(backend)
    else:
        storage = optuna.storages.InMemoryStorage()
    return lambda: optuna.create_study(study_name="s", storage=storage, load_if_exists=True)


def worker(open_study, wanted):
    study = open_study()
    study.sampler = QuotaSampler(RandomSampler(), wanted, lambda number: None)
    return study


def test_of_those_who_ask_at_once_the_last_give_way(open_study):
    workers = [worker(open_study, 2) for _ in range(4)]
    trials = [study.ask() for study in workers]
    for trial in trials[:2]:
        trial.suggest_float("x", 0, 1)
    for trial in trials[2:]:
        with pytest.raises(optuna.TrialPruned, match="has its trials without this one"):
            trial.suggest_float("x", 0, 1)
    for study, trial in zip(workers[2:], trials[2:], strict=True):
        study.tell(trial, state=TrialState.PRUNED)
    assert not is_free(workers[0], 2)
    workers[0].tell(trials[0], state=TrialState.FAIL)
    assert is_free(workers[3], 2)
    assert workers[3].ask().suggest_float("x", 0, 1) >= 0


def test_workers_wait_and_train_the_number_exactly(open_study, monkeypatch):
    monkeypatch.setattr(_quota, "_LOOK_SECONDS", 0.01)
    wanted = 7

    def run(number):
        study = worker(open_study, wanted)
        while wait_for_a_place(study, wanted, lambda: None):
            study.optimize(
                lambda t: t.suggest_float("x", 0, 1) if t.number != 2 else 1 / 0,
                n_trials=1,
                catch=ZeroDivisionError,
            )

    open_study()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    trials = open_study().trials
    assert sum(map(_quota.counts, trials)) == wanted
    assert all(t.state.is_finished() for t in trials)


def test_a_trial_that_will_not_end_is_not_waited_for_for_ever(open_study, monkeypatch):
    study = worker(open_study, 1)
    study.ask().suggest_float("x", 0, 1)
    assert not is_free(study, 1)
    has_heartbeat = isinstance(study._storage, optuna.storages._cached_storage._CachedStorage)
    later = datetime.datetime.now() + datetime.timedelta(hours=1)

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return later

    monkeypatch.setattr(_quota.datetime, "datetime", Later)
    assert is_free(study, 1) != has_heartbeat  # there its heart tells that it is dead
