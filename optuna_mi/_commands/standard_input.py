"""Standard input, ``-``, as a file: it is read more than once."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from pathlib import Path


def saved() -> Path:
    """Return a file with all of standard input, which is removed when the process ends.

    Raises:
        ValueError: Standard input is a terminal.
    """
    if sys.stdin.isatty():
        raise ValueError("- reads standard input, and nothing is sent to it: name a file")
    folder = Path(tempfile.mkdtemp(prefix="optuna-mi-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "stdin"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path
