"""What goes to the terminal: text of others may hold escapes that the terminal would obey."""

from __future__ import annotations

import sys


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
    """Print on standard output, or on standard error."""
    print(printable(str(text)), file=sys.stderr if error else sys.stdout)
