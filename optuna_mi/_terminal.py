"""What goes to the terminal: text of others may hold escapes that the terminal would obey."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper

_quiet = False


def printable(text: str) -> str:
    r"""Return the text with everything but printable characters and line ends escaped.

    Example:
        >>> printable("a\x1b[2Jb")
        'a\\x1b[2Jb'
    """
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text
    )


def say(text: object = "", *, error: bool = False) -> None:
    """Print on standard output, or on standard error; that nobody reads on is no error."""
    try:
        print(printable(str(text)), file=sys.stderr if error else sys.stdout)
    except BrokenPipeError:
        _leave_unread()


def inform(text: object = "", *, error: bool = False) -> None:
    """Print what is said on the way, unless this command was asked to be quiet."""
    if not _quiet:
        say(text, error=error)


@contextmanager
def talking(*, quiet: bool) -> Iterator[None]:
    """Let :func:`inform` print or not."""
    global _quiet
    before, _quiet = _quiet, quiet
    try:
        yield
    finally:
        _quiet = before


@contextmanager
def any_terminal() -> Iterator[None]:
    """Print on terminals of any encoding, to readers that leave, and warnings without source lines.

    What a terminal has no sign for goes out escaped: file names and texts come from anywhere.
    """
    streams = [s for s in (sys.stdout, sys.stderr) if isinstance(s, TextIOWrapper)]
    errors, formatted = [s.errors for s in streams], warnings.formatwarning
    for stream in streams:
        stream.reconfigure(errors="backslashreplace")
    warnings.formatwarning = _formatted
    try:
        yield
    finally:
        warnings.formatwarning = formatted
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            _leave_unread()
        for stream, before in zip(streams, errors, strict=True):
            stream.reconfigure(errors=before)


def _formatted(message: Warning | str, *_: object, **__: object) -> str:
    return f"optuna-mi: warning: {printable(str(message))}\n"


def _leave_unread() -> None:
    """Send the rest of standard output nowhere: whoever read it, as `head` does, has left."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
