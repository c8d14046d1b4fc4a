"""Storage URLs: where they are read, and how they are shown without their secrets."""

from __future__ import annotations

import os
import re
from pathlib import Path

import sqlalchemy

# What a URL's query may hold besides secrets. Every other value is hidden: drivers have dozens of
# options, and odbc_connect, sslpassword and options are three that hold passwords.
_SHOWN_OPTIONS = frozenset(
    [
        "host",
        "port",
        "sslmode",
        "charset",
        "timeout",
        "connect_timeout",
        "mode",
        "cache",
        "uri",
        "driver",
        "unix_socket",
    ]
)
_HIDDEN = "***"


def read_url(text: str) -> str:
    """Return the URL that an option names.

    Args:
        text: The URL itself, ``env:NAME`` for what an environment variable holds, or ``file:PATH``
            for the first line of a file. Other users of the machine see a process's command line,
            but neither of these two.

    Raises:
        ValueError: There is no such variable, or nothing stands there.
        OSError: The file cannot be read.

    Example:
        >>> os.environ["STUDIES"] = "sqlite:///study.db"
        >>> read_url("env:STUDIES")
        'sqlite:///study.db'
    """
    kind, _, name = text.partition(":")
    if kind == "env":
        url = os.environ.get(name, "").strip()
        if not url:
            raise ValueError(
                f"--storage {text}: there is no environment variable {name!r} with a URL in it; "
                f"export {name or 'NAME'}=postgresql://… first"
            )
        return url
    if kind == "file":
        lines = Path(name.removeprefix("//")).read_text(encoding="utf-8").split("\n")
        url = lines[0].strip()
        if not url:
            raise ValueError(f"--storage {text}: the first line of that file must be a URL")
        return url
    return text


def safe_url(url: str) -> str:
    """Return the URL with its secrets hidden, for messages, logs and notes.

    Of a URL whose parts cannot be told apart for certain only the scheme is shown.

    Example:
        >>> safe_url("postgresql://me:secret@db/studies?sslmode=require&sslpassword=secret")
        'postgresql://me:***@db/studies?sslmode=require&sslpassword=***'
        >>> safe_url("postgresql://me:sec@ret@db/studies")
        'postgresql://***'
    """
    if url.startswith(("journal:", "grpc:")):
        return url if "@" not in url or url.startswith("journal:") else f"grpc://{_HIDDEN}"
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+_.-]*(?=://)", url)
    if scheme is None:
        return _HIDDEN
    hidden = f"{scheme[0]}://{_HIDDEN}"
    try:
        parsed = sqlalchemy.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        return hidden
    is_file = parsed.get_backend_name() == "sqlite"
    if is_file and not parsed.query and parsed.password is None:
        return url
    # An @ or a / in a password that is not escaped moves the rest of it into another part; and
    # without a database, USER:PASSWORD reads like HOST:PORT.
    unclear = url.count("@") > 1 or "@" in (parsed.database or "")
    if not is_file and (unclear or not (parsed.database or parsed.query)):
        return hidden
    query = {
        name: value if name.lower() in _SHOWN_OPTIONS else _HIDDEN
        for name, value in parsed.query.items()
    }
    shown = parsed.set(query=query).render_as_string(hide_password=True)
    return shown.replace("%2A%2A%2A", _HIDDEN)
