"""Folders that results go to."""

from __future__ import annotations

import os
from pathlib import Path


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
