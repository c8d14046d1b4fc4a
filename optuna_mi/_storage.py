"""Storages, opened by their URLs."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState

from optuna_mi._folder import check_folder
from optuna_mi._journal import open_journal
from optuna_mi._storage_trouble import trouble
from optuna_mi._storage_url import safe_url

# A worker that has been silent for two minutes is dead; its trial is retried from its checkpoint.
_HEARTBEAT_SECONDS = 60
_MAX_RETRIES = 3
# Seconds for which a lock of SQLite is waited for, and the tables that others make at this moment.
_SQLITE_LOCK_SECONDS = 60
_CREATION_SECONDS = 30
_RACE_WORDS = (
    "already exists",
    "concurrently updated",
    "duplicate key",
    "deadlock",
    "no such table",
)


def open_storage(url: str) -> BaseStorage:
    """Return the storage behind a URL.

    Args:
        url: An SQLAlchemy URL (SQLite, PostgreSQL, MySQL), ``journal:PATH`` for a journal file, or
            ``grpc://HOST:PORT`` for Optuna's gRPC proxy.

    Raises:
        ConnectionError: Nothing answers there, or it cannot be written; the message holds no
            password.
        ValueError: It is no URL, or the file holds something else.
    """
    if url.startswith("journal:"):
        path = Path(url.removeprefix("journal:"))
        _check_journal(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        return open_journal(path)
    if url.startswith("grpc:"):
        return _open_proxy(url)
    try:
        parsed = sqlalchemy.make_url(url)
        if "@" in f"{parsed.host or ''}{(parsed.database or '') if parsed.host else ''}":
            raise ValueError("an @ in a user name or password is written %40")
        if parsed.get_backend_name() == "sqlite" and parsed.host:
            raise ValueError("a path needs a third slash")
    except (sqlalchemy.exc.ArgumentError, ValueError):
        # The cause may repeat a piece of the password.
        if re.fullmatch(r"[^@:?]+\.(db|sqlite3?)", url):
            raise ValueError(f"storage {url!r} is no URL: say sqlite:///{url}") from None
        raise ValueError(
            f"storage {safe_url(url)!r} is no URL: give sqlite:///PATH, journal:PATH, "
            "grpc://HOST:PORT or postgresql://USER:PASSWORD@HOST:PORT/DATABASE, any @ : / in the "
            "password written %40 %3A %2F"
        ) from None
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        check_folder(Path(parsed.database).parent)
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    return _open_database(url, is_sqlite=parsed.get_backend_name() == "sqlite")


class _CarefulStorage(RDBStorage):
    """Optuna's storage, with two faults mended.

    A trial's state is looked at and set at once on SQLite too, which has no lock of rows: of two
    that declare a trial dead both would queue it again, and of two that take one up both would
    train it. And the heart beats on after an outage: its thread would die of the error.
    """

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Set a trial's state; see :meth:`optuna.storages.BaseStorage.set_trial_state_values`."""
        if self.engine.dialect.name == "sqlite":
            session = self.scoped_session()  # the one that is used below
            try:
                session.execute(sqlalchemy.text("BEGIN IMMEDIATE"))
            except sqlalchemy.exc.SQLAlchemyError as error:
                session.rollback()
                session.close()
                raise StorageInternalError("A trial's state could not be set") from error
        return super().set_trial_state_values(trial_id, state, values)

    def record_heartbeat(self, trial_id: int) -> None:
        """Record a heartbeat; see :class:`optuna.storages.RDBStorage`."""
        try:
            super().record_heartbeat(trial_id)
        except StorageInternalError as error:
            found = trouble(error)
            if found is None or not found.passes:
                raise


def _open_proxy(url: str) -> BaseStorage:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or port is None or parts.username is not None:
        raise ValueError(f"storage {safe_url(url)!r}: write grpc://HOST:PORT")
    try:
        from optuna_mi._grpc_storage import open_grpc
    except ImportError as error:
        raise ConnectionError(
            "grpc:// needs two packages more: pip install grpcio protobuf"
        ) from error
    return open_grpc(host, port)


def _open_database(url: str, *, is_sqlite: bool) -> BaseStorage:
    # A connection that a restarted server has forgotten is replaced, not an error.
    engine: dict[str, Any] = {"pool_pre_ping": True}
    if is_sqlite:
        engine["connect_args"] = {"timeout": _SQLITE_LOCK_SECONDS}
    deadline = time.monotonic() + _CREATION_SECONDS
    while True:
        try:
            return _CarefulStorage(
                url.replace("{", "{{").replace("}", "}}"),  # optuna fills in templates
                engine_kwargs=engine,
                heartbeat_interval=_HEARTBEAT_SECONDS,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(
                    max_retry=_MAX_RETRIES
                ),
            )
        except sqlalchemy.exc.NoSuchModuleError as error:
            raise ValueError(
                f"storage {safe_url(url)!r}: SQLAlchemy knows no such database"
            ) from error
        except ImportError as error:
            cause = error.__cause__ or error.__context__ or error  # optuna wraps it
            name = getattr(cause, "name", None)
            driver = f" ({name})" if name else ""
            raise ConnectionError(
                f"The storage {safe_url(url)} cannot be opened: its driver{driver} is not "
                "installed. Install it with pip, or name another as in postgresql+psycopg://…"
            ) from None
        except (sqlalchemy.exc.SQLAlchemyError, StorageInternalError) as error:
            # Others make the tables at this very moment: they are there at the next look.
            if _is_race(error) and time.monotonic() < deadline:
                time.sleep(random.uniform(0.02, 0.2))
                continue
            # The driver's own message may repeat the URL, so only its kind is passed on.
            raise ConnectionError(
                f"The storage {safe_url(url)} cannot be opened ({type(error).__name__}): "
                + _remedy(error)
            ) from None


def _is_race(error: Exception) -> bool:
    """Return whether several processes made the tables at once."""
    causes = (error, error.__cause__, error.__context__)
    for one in causes:
        if isinstance(one, sqlalchemy.exc.IntegrityError):
            return True
        if isinstance(one, sqlalchemy.exc.DBAPIError):
            said = str(one.orig)
            return any(words in said for words in _RACE_WORDS)
    return False


def _remedy(error: Exception) -> str:
    found = trouble(error)
    if found is not None and not found.passes:
        return found.text
    return "check that the server runs, the database exists and you may write there"


def open_existing(url: str) -> BaseStorage:
    """Return the storage behind a URL, but make no new file.

    Raises:
        FileNotFoundError: The URL names a file that is not there.
        ConnectionError: As :func:`open_storage`.
        ValueError: As :func:`open_storage`.
    """
    path = _file_of(url)
    if path is not None and not path.is_file():
        raise FileNotFoundError(f"There is no storage file {path}")
    return open_storage(url)


def _check_journal(path: Path) -> None:
    """Raise ValueError where the path holds something else, to which optuna would append."""
    check_folder(path.parent)
    if path.is_dir():
        raise ValueError(f"storage {f'journal:{path}'!r}: {path} is a folder; name a file in it")
    if not path.exists():
        return
    with path.open("rb") as file:
        first = file.readline()
    if not first.endswith(b"\n"):  # empty, or the first entry is still being written
        return
    try:
        is_journal = "op_code" in json.loads(first)
    except (ValueError, TypeError):
        is_journal = False
    if not is_journal:
        raise ValueError(f"{path} is no journal of optuna; name another file")


def find_study(storage: BaseStorage, name: str) -> optuna.Study | None:
    """Return the study of that name, or None."""
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        return None


def _file_of(url: str) -> Path | None:
    if url.startswith("journal:"):
        return Path(url.removeprefix("journal:"))
    if url.startswith("sqlite:///"):
        database = sqlalchemy.make_url(url).database
        return None if database in (None, ":memory:") else Path(str(database))
    return None
