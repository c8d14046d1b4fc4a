from __future__ import annotations

import multiprocessing
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.trial import TrialState

from optuna_mi._main_job import default_storage
from optuna_mi._storage import open_existing, open_storage
from optuna_mi._storage_trouble import trouble
from optuna_mi._storage_url import read_url, safe_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///a/b.db", "sqlite:///a/b.db"),
        ("postgresql+psycopg2://me:s3cret@db:5432/x", "postgresql+psycopg2://me:***@db:5432/x"),
        ("mysql://s3cret@/x", "mysql://s3cret@/x"),  # a user name, not a password
        ("sqlite:////abs/a@b.db", "sqlite:////abs/a@b.db"),
        ("journal:a@b.log", "journal:a@b.log"),
        ("grpc://db:13000", "grpc://db:13000"),
        ("postgresql:///x?host=/run&port=5", "postgresql:///x?host=%2Frun&port=5"),
        ("mysql://db/x?user=u&password=s3cret", "mysql://db/x?password=***&user=***"),
        ("postgresql://me@db/x?sslpassword=s3cret", "postgresql://me@db/x?sslpassword=***"),
        ("mssql+pyodbc:///?odbc_connect=PWD%3Ds3cret", "mssql+pyodbc:///?odbc_connect=***"),
        # where the parts cannot be told apart for certain, the scheme alone
        ("no url with :s3cret@host", "***"),
        ("s3cret", "***"),
        ("postgresql://me:s3@cret@db/x", "postgresql://***"),
        ("postgresql://me:s3cret@db:port/x", "postgresql://***"),
        ("postgresql://me:p@x/s3cret@db", "postgresql://***"),
        ("postgresql://me:s3cret", "postgresql://***"),
        ("postgresql://me:12345", "postgresql://***"),
        ("grpc://me:s3cret@db:1", "grpc://***"),
    ],
)
def test_urls_are_shown_without_passwords(url: str, shown: str) -> None:
    assert safe_url(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:p@x/s3cret@127.0.0.1",
        "postgresql://me:s3cret",
        "postgresql://127.0.0.1:9/x?user=u&password=s3cret",
        "postgresql://127.0.0.1:9/x?sslpassword=s3cret",
        "postgresql://me:s{3}cret@127.0.0.1:9/x",
        "grpc://me:s3cret@db:1",
    ],
)
def test_no_error_holds_a_password(url: str) -> None:
    with pytest.raises((ValueError, ConnectionError)) as error:
        open_storage(url)
    assert "cret" not in "".join(traceback.format_exception(error.value)).replace(url, "")


def test_a_url_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_STUDIES", " sqlite:///a.db\n")
    assert read_url("env:MY_STUDIES") == "sqlite:///a.db"
    (tmp_path / "url").write_text("postgresql://me:s3cret@db/x\nmore\n")
    assert read_url(f"file:{tmp_path}/url") == "postgresql://me:s3cret@db/x"
    assert read_url("journal:x") == "journal:x"
    with pytest.raises(ValueError, match="no environment variable 'NOT_THERE'"):
        read_url("env:NOT_THERE")
    with pytest.raises(FileNotFoundError, match="none"):
        read_url(f"file:{tmp_path}/none")
    (tmp_path / "url").write_text("\n")
    with pytest.raises(ValueError, match="first line"):
        read_url(f"file:{tmp_path}/url")


def _open_and_create(url: str, barrier: Any, queue: Any) -> None:
    barrier.wait()
    try:
        open_storage(url)
        queue.put("")
    except Exception as error:
        queue.put(repr(error))


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(2))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "journal"])
def test_four_open_an_empty_storage_at_once(
    kind: str, round_: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "postgresql":
        url = request.getfixturevalue("empty_postgresql")
    else:
        url = {"sqlite": "sqlite:///{}/x.db", "journal": "journal:{}/x.log"}[kind].format(tmp_path)
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(4), context.Queue()
    workers = [
        context.Process(target=_open_and_create, args=(url, barrier, queue)) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    assert [queue.get(timeout=60) for _ in workers] == [""] * 4
    for worker in workers:
        worker.join()


def test_sqlite_and_journal_files_are_made_with_their_folders(tmp_path: Path) -> None:
    sqlite = open_storage(f"sqlite:///{tmp_path}/a/study.db")
    journal = open_storage(f"journal:{tmp_path}/b/study.log")
    assert isinstance(sqlite, RDBStorage)
    assert isinstance(journal, JournalStorage)
    for storage in (sqlite, journal):
        optuna.create_study(storage=storage, study_name="x")
    for url in (f"sqlite:///{tmp_path}/a/study.db", f"journal:{tmp_path}/b/study.log"):
        assert optuna.get_all_study_names(open_existing(url)) == ["x"]


@pytest.mark.parametrize("url", ["sqlite:///{}/none.db", "journal:{}/none.log"])
def test_looking_makes_no_file(tmp_path: Path, url: str) -> None:
    with pytest.raises(FileNotFoundError, match="no storage file"):
        open_existing(url.format(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    path.write_text("no database " * 100)
    with pytest.raises(ConnectionError, match="cannot be opened"):
        open_storage(f"sqlite:///{path}")


def test_a_server_that_does_not_answer_is_told_without_the_password() -> None:
    with pytest.raises(ConnectionError, match="cannot be opened") as error:
        open_storage("postgresql://me:s3cret@127.0.0.1:9/x")
    text = str(error.value)
    assert "s3cret" not in text
    assert "127.0.0.1" in text
    assert error.value.__cause__ is None


@pytest.mark.parametrize("rest", ["s3@cret@db/x", "s3cret@db:port/x"])
def test_a_url_that_cannot_be_read_shows_nothing_of_the_password(rest: str) -> None:
    with pytest.raises(ValueError, match=r"is no URL.*%40") as error:
        open_storage(f"postgresql://me:{rest}")
    assert "s3" not in str(error.value)
    assert "cret" not in str(error.value)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConnectionError, match=r"driver \(asyncpg\) is not installed"):
        open_storage("postgresql+asyncpg://me:s3cret@127.0.0.1:9/x")


def test_a_file_that_is_no_journal_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.log"
    path.write_text("my notes\n")
    with pytest.raises(ValueError, match="is no journal of optuna"):
        open_storage(f"journal:{path}")
    assert path.read_text() == "my notes\n"
    with pytest.raises(ValueError, match="is a folder"):
        open_storage(f"journal:{tmp_path}")


@pytest.mark.parametrize("url", ["sqlite:///{}/x.db", "journal:{}/x.log"])
def test_a_folder_that_is_a_file_is_told(tmp_path: Path, url: str) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(NotADirectoryError, match="is a file; name another"):
        open_storage(url.format(path / "deep"))


def test_a_full_sqlite_is_no_outage(tmp_path: Path) -> None:
    def full(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA max_page_count=80")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", full)
    try:
        study = optuna.create_study(storage=open_storage(f"sqlite:///{tmp_path}/study.db"))
        with pytest.raises(optuna.exceptions.StorageInternalError) as error:
            study.set_user_attr("long", "x" * 400_000)
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "connect", full)
    found = trouble(error.value)
    assert found is not None
    assert not found.passes
    assert "disk is full" in found.text


def test_a_name_that_the_database_refuses_is_no_outage(empty_postgresql: str) -> None:
    with pytest.raises(optuna.exceptions.StorageInternalError) as error:
        optuna.create_study(storage=open_storage(empty_postgresql), study_name="x" * 5000)
    found = trouble(error.value)
    assert found is not None
    assert not found.passes
    assert "a name is too long" in found.text


@pytest.mark.parametrize("name", ["a?b", "a b%20c", "#x", "{y}", "ä@b:c"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    url = default_storage(tmp_path / name)
    optuna.create_study(storage=open_storage(url), study_name="x")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert optuna.get_all_study_names(open_existing(url)) == ["x"]


def test_a_heart_beats_on_after_an_outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/study.db")
    assert isinstance(storage, RDBStorage)

    def away(*_: object) -> None:
        raise optuna.exceptions.StorageInternalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(RDBStorage, "record_heartbeat", away)
        storage.record_heartbeat(0)


@pytest.mark.parametrize("state", [TrialState.FAIL, TrialState.RUNNING])
def test_one_of_two_sets_the_state_of_a_trial(
    tmp_path: Path, state: TrialState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Optuna looks at the state first, and on SQLite nothing kept another one from doing so too."""
    url = f"sqlite:///{tmp_path}/study.db"
    storages = [open_storage(url) for _ in range(2)]
    study = optuna.create_study(storage=storages[0])
    before = TrialState.RUNNING if state == TrialState.FAIL else TrialState.WAITING
    study.add_trial(optuna.create_trial(state=before))
    check = RDBStorage.check_trial_is_updatable

    def slow_check(self: RDBStorage, trial_id: int, found: TrialState) -> None:
        check(self, trial_id, found)
        time.sleep(0.3)

    monkeypatch.setattr(RDBStorage, "check_trial_is_updatable", slow_check)
    done: list[bool] = []

    def set_state(storage: BaseStorage) -> None:
        try:
            done.append(storage.set_trial_state_values(study.trials[0]._trial_id, state))
        except optuna.exceptions.UpdateFinishedTrialError:
            done.append(False)

    threads = [threading.Thread(target=set_state, args=(storage,)) for storage in storages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, True]
