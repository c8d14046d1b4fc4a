"""A journal file that a full disk or a crash does not destroy.

Optuna's own backend appends to whatever the file ends with: behind a line that was cut, the next
entry makes one line of both, which nobody can read any more.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import IO, Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import get_lock_file

from optuna_mi._logging import get_logger

_logger = get_logger(__name__)

_BLOCK = 65536
_ENTRY = b'{"op_code"'


class CarefulJournalFile(JournalFileBackend):
    """Optuna's journal file, which mends its end before each entry and writes whole entries."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append entries, all of them or none.

        Raises:
            OSError: The disk is full, or the file cannot be written; it is as it was before.
        """
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with get_lock_file(self._lock), open(self._file_path, "r+b", buffering=0) as file:
            _mend_end(file, self._file_path)
            size = file.seek(0, os.SEEK_END)
            rest = memoryview(text.encode())
            try:
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except OSError as error:
                file.truncate(size)
                raise OSError(error.errno, error.strerror, self._file_path) from error


def open_journal(path: Path) -> JournalStorage:
    """Return the storage in a journal file; a torn entry within it is taken out.

    Raises:
        ValueError: An entry is damaged beyond that.
    """
    backend = CarefulJournalFile(str(path))
    try:
        return JournalStorage(backend)
    except ValueError:  # of JSON, or "Invalid log format."
        time.sleep(0.1)  # what another worker was writing is whole by now
        with get_lock_file(backend._lock), path.open("r+b") as file:
            _mend_lines(file, path)
    return JournalStorage(CarefulJournalFile(str(path)))


def _mend_end(file: IO[bytes], path: str) -> None:
    """Take away what a writer that died or ran out of disk left behind the last whole entry."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return
    file.seek(size - 1)
    if file.read(1) == b"\n":
        return
    start, tail = size, b""
    while start and b"\n" not in tail:
        block = min(_BLOCK, start)
        start -= block
        file.seek(start)
        tail = file.read(block) + tail
    kept, newline, torn = tail.rpartition(b"\n")
    start += len(kept) + len(newline)
    entry = torn.rstrip(b"\0")
    if _is_entry(entry):
        file.truncate(start + len(entry))
        file.seek(0, os.SEEK_END)
        file.write(b"\n")
        return
    file.truncate(start)
    _logger.warning(
        f"The journal {path} ended in {len(torn)} bytes of an entry that was never written to its "
        "end (a full disk, or a crash): they were taken away. All entries before them are whole."
    )


def _mend_lines(file: IO[bytes], path: Path) -> None:
    """Blank torn entries in the middle, in place: readers at work keep their positions."""
    position = 0
    file.seek(0)
    for number, line in enumerate(file.readlines(), start=1):
        end = position + len(line)
        if line.endswith(b"\n") and not _is_entry(line):
            start = line.rfind(_ENTRY)
            if start < 1 or not _is_entry(line[start:]):
                raise ValueError(
                    f"the journal {path} is damaged in line {number}, and nothing whole is left of "
                    f"that entry. The {number - 1} entries before it are whole: keep a copy, then "
                    f"go on from them with head -n {number - 1} {path} > NEW and --storage "
                    "journal:NEW"
                )
            file.seek(position)
            file.write(b" " * start)
            _logger.warning(
                f"The journal {path} held {start} bytes of a torn entry in line {number} (a full "
                "disk, or a crash): they were blanked. All other entries are whole."
            )
        position = end


def _is_entry(line: bytes) -> bool:
    try:
        return "op_code" in json.loads(line)
    except (ValueError, TypeError):
        return False
