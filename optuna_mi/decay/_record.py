"""JSON in and out and the summary, for the curve and its analysis."""

from __future__ import annotations

import abc
import html
import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from optuna_mi._checks import file_path, instance, new_file
from optuna_mi._short import Short


def plain(value: Any) -> Any:
    """Return value as what JSON can hold; NaN and infinity become ``None``."""
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.tolist()]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write text so that a reader sees the old file or the whole new one, never a part.

    A symbolic link is replaced, not followed.

    Raises:
        OSError: The disk is full, say; the error names the file, and the old one stays.
    """
    target = new_file("path", path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; a result is as readable as the user's umask says
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, target)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise
    return target


def read_json(text: str, kind: str) -> dict[str, Any]:
    """Parse what ``to_json`` of the named kind of object wrote.

    Raises:
        TypeError: If it is no text.
        ValueError: If the text is not JSON, or describes another kind of object.
    """
    instance("text", text, (str, bytes), "JSON")
    remedy = f"pass what {kind}.to_json() returned"
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"this is not the JSON of a {kind} ({error}); {remedy}") from error
    if not isinstance(record, dict) or record.get("kind") != kind:
        found = record.get("kind") if isinstance(record, dict) else type(record).__name__
        raise ValueError(f"this is not the JSON of a {kind}, but of {found!r}; {remedy}")
    return record


def read_text(path: str | os.PathLike[str], kind: str) -> str:
    """Read a file.

    Raises:
        FileNotFoundError: If there is none.
    """
    source = file_path("path", path)
    if not source.is_file():
        raise FileNotFoundError(f"there is no {kind} at {source}; give the path of one saved")
    return source.read_text(encoding="utf-8")


class Record(Short, abc.ABC):
    """A frozen result that can be saved, loaded and read by a person."""

    @abc.abstractmethod
    def to_json(self) -> str:
        """Return the object as JSON."""

    @classmethod
    @abc.abstractmethod
    def _from_record(cls, record: Mapping[str, Any]) -> Self:
        """Make the object from what `to_json` wrote, parsed."""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what ``to_json`` wrote.

        Raises:
            TypeError: If it is no text.
            ValueError: If the text is no JSON of such an object, or of a part of one.
        """
        record = read_json(text, cls.__name__)
        try:
            return cls._from_record(record)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(
                f"this JSON lacks a part of a {cls.__name__}, or holds another ({error}); pass "
                "what to_json() returned"
            ) from error

    @abc.abstractmethod
    def _rows(self) -> list[tuple[str, str]]:
        """Return what the summary says, each with its name."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the object's JSON to a file.

        Raises:
            FileNotFoundError: If the folder does not exist.
        """
        write_text(path, self.to_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file that ``save`` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it holds something else.
        """
        return cls.from_json(read_text(path, cls.__name__))

    def summary(self) -> str:
        """Return what was found as text a person can act on."""
        rows = self._rows()
        width = 2 + max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}{text}" for name, text in rows)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in self._rows()
        )
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"
