"""Storage URLs, opened and shown without their credentials."""

from __future__ import annotations

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
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        return url.rpartition("@")[2]


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
        path.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(path)))
    try:
        parsed = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError as error:
        raise ValueError(
            f"storage {safe_url(url)!r} is no URL: give sqlite:///PATH, journal:PATH or "
            "postgresql://USER:PASSWORD@HOST/DATABASE"
        ) from error
    if parsed.get_backend_name() == "sqlite" and parsed.database:
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
    except (ImportError, sqlalchemy.exc.DBAPIError) as error:
        # The driver's own message may repeat the URL, so only its kind is passed on.
        raise ConnectionError(
            f"The storage {safe_url(url)} cannot be opened ({type(error).__name__}): check that "
            "the server runs, the database exists, its driver is installed and you may write there"
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
