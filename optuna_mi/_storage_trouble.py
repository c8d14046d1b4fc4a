"""What a storage's exception means: wait, free the disk, restore the file, or ask otherwise."""

from __future__ import annotations

import errno
import sqlite3
import sys
from collections.abc import Iterator
from typing import NamedTuple

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_SQL = ("disk is full", "No space left", "could not extend file")
_DAMAGED_SQL = ("malformed", "not a database")
_OUTAGE_CODES = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "UNKNOWN", "INTERNAL", "CANCELLED")


class Trouble(NamedTuple):
    """What is wrong with a storage.

    Attributes:
        passes: Whether it may pass by itself, so that waiting makes sense.
        text: What is wrong and what to do; holds no URL and nothing of a driver's own message.
    """

    passes: bool
    text: str


def trouble(error: BaseException) -> Trouble | None:
    """Return what is wrong with the storage, or None where the error is about something else.

    Optuna 5.0 hides a storage's error behind others when a failed trial cannot be told.
    """
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, OSError) and one.errno in FULL:
            where = f" for {one.filename}" if one.filename else ""
            return Trouble(False, f"No space is left{where} ({one.strerror}): free some, {_GO_ON}")
    for one in chain:
        if isinstance(one, DBAPIError):
            return _of_database(one)
        if _grpc_code(one) in _OUTAGE_CODES:
            return _OUTAGE
    # SQLAlchemy's own errors, such as a transaction that an outage has spoilt
    if any(isinstance(one, StorageInternalError) for one in chain):
        return _OUTAGE
    return None


_GO_ON = "then run the same command again to go on"
_OUTAGE = Trouble(True, "The storage does not answer: check that its server runs")


def _of_database(error: DBAPIError) -> Trouble:
    said = str(error.orig)
    if any(words in said for words in _FULL_SQL):
        return Trouble(False, f"The storage's disk is full: free some space, {_GO_ON}")
    if isinstance(error.orig, sqlite3.Error):
        if any(words in said for words in _DAMAGED_SQL):
            return Trouble(
                False,
                f"The SQLite file is damaged ({said}): restore a copy, or try "
                "sqlite3 FILE .recover | sqlite3 NEW",
            )
        if "disk I/O error" in said:
            return Trouble(False, f"The SQLite file can no longer be read or written ({said})")
        if "readonly" in said:
            return Trouble(False, "The SQLite file may not be written: check its permissions")
        if "locked" in said:
            return Trouble(True, "The SQLite file is locked by another process")
    if isinstance(error, DataError):
        return Trouble(
            False, "The storage refuses a value: a name is too long, or holds a forbidden character"
        )
    if isinstance(error, IntegrityError | NotSupportedError | ProgrammingError):
        return Trouble(False, f"The storage refuses a statement ({type(error).__name__})")
    return _OUTAGE


def _grpc_code(error: BaseException) -> str | None:
    grpc = sys.modules.get("grpc")  # no error of its comes without it
    if grpc is None or not isinstance(error, grpc.RpcError):
        return None
    code = getattr(error, "code", lambda: None)()
    return None if code is None else str(code.name)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
