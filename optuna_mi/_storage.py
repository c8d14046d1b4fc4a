"""Storage URLs, opened and shown without their credentials."""

from __future__ import annotations

import json
import os
from pathlib import Path

import optuna
import sqlalchemy
from optuna.storages import (
    BaseStorage,
    JournalStorage,
    RDBStorage,
    RetryHeartbeatStaleTrialCallback,
)
from optuna.storages.journal import JournalFileBackend

# A worker that has been silent for two minutes is dead; its trial is retried from its checkpoint.
_HEARTBEAT_SECONDS = 60
_MAX_RETRIES = 3


def safe_url(url: str) -> str:
    """Return the URL with its password hidden, for messages, logs and notes.

    Example:
        >>> safe_url("postgresql://me:secret@db/studies")
        'postgresql://me:***@db/studies'
    """
    try:
        parsed = sqlalchemy.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        return url.rpartition("@")[2]
    if "@" in (parsed.host or ""):  # the rest of a password whose @ is not escaped
        return url.rpartition("@")[2]
    return parsed.render_as_string(hide_password=True)


def open_storage(url: str) -> BaseStorage:
    """Return the storage behind a URL.

    Args:
        url: An SQLAlchemy URL (SQLite, PostgreSQL, MySQL), or ``journal:PATH`` for a journal file.

    Raises:
        ConnectionError: Nothing answers there, or it cannot be written; the message holds no
            password.
        ValueError: It is no URL.
    """
    if url.startswith("journal:"):
        path = Path(url.removeprefix("journal:"))
        _check_journal(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(path)))
    try:
        parsed = sqlalchemy.make_url(url)
        if "@" in (parsed.host or ""):
            raise ValueError("an @ in a user name or password is written %40")
        if parsed.get_backend_name() == "sqlite" and parsed.host:
            raise ValueError("a path needs a third slash")
    except (sqlalchemy.exc.ArgumentError, ValueError):
        # The cause may repeat a piece of the password.
        raise ValueError(
            f"storage {safe_url(url)!r} is no URL: give sqlite:///PATH, journal:PATH or "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, any @ : / in the password written "
            "%40 %3A %2F"
        ) from None
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        check_folder(Path(parsed.database).parent)
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    try:
        return RDBStorage(
            url,
            # A connection that a restarted server has forgotten is replaced, not an error.
            engine_kwargs={"pool_pre_ping": True},
            heartbeat_interval=_HEARTBEAT_SECONDS,
            heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=_MAX_RETRIES),
        )
    except sqlalchemy.exc.NoSuchModuleError as error:
        raise ValueError(f"storage {safe_url(url)!r}: SQLAlchemy knows no such database") from error
    except ImportError as error:
        cause = error.__cause__ or error.__context__ or error  # optuna wraps it
        name = getattr(cause, "name", None)
        driver = f" ({name})" if name else ""
        raise ConnectionError(
            f"The storage {safe_url(url)} cannot be opened: its driver{driver} is not installed. "
            "Install it with pip, or name another as in postgresql+psycopg://…"
        ) from None
    except sqlalchemy.exc.DBAPIError as error:
        # The driver's own message may repeat the URL, so only its kind is passed on.
        raise ConnectionError(
            f"The storage {safe_url(url)} cannot be opened ({type(error).__name__}): check that "
            "the server runs, the database exists and you may write there"
        ) from None


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


def check_folder(folder: Path) -> None:
    """Raise NotADirectoryError or PermissionError where the folder cannot be made or written."""
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise NotADirectoryError(
            f"{folder} cannot be used as a folder: {existing} is a file; name another"
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        raise PermissionError(f"You may not write in {existing}; name another folder than {folder}")


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
        return Path(url.removeprefix("sqlite:///").partition("?")[0])
    return None
