"""Opening a user's file: packed or not, whatever its line ends and byte order mark."""

from __future__ import annotations

import codecs
import gzip
import io
from pathlib import Path
from typing import BinaryIO, TextIO, cast

_GZIP = b"\x1f\x8b"


def check_file(path: Path) -> None:
    """Raise if there is no file, or nothing in it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is empty.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not a file. Give an existing file, or the name of a data set"
        )
    with open_bytes(path) as file:
        try:
            first = file.read(1)
        except (OSError, EOFError) as error:
            raise ValueError(f"{path} cannot be unpacked by gzip: {error}") from error
    if not first:
        raise ValueError(f"{path} is empty: there is nothing to measure, give another file")


def ending(path: Path) -> str:
    """Return what the name ends in, small, that of a packed file without its .gz.

    Example:
        >>> ending(Path("load.CSV.gz")), ending(Path("notes"))
        ('.csv', '')
    """
    name = Path(path.stem) if path.suffix.lower() == ".gz" else path
    return name.suffix.lower()


def open_bytes(path: Path) -> BinaryIO:
    """Open for reading, unpacked."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")


def open_text(path: Path, encoding: str | None) -> TextIO:
    r"""Open for reading: no byte order mark comes, and every line ends in ``\n``.

    Raises:
        ValueError: Python knows no such encoding.
    """
    name = encoding or "utf-8"
    try:
        codec = codecs.lookup(name).name
    except LookupError as error:
        raise ValueError(
            f"encoding {encoding!r} is unknown; use utf-8, latin-1 or cp1252, say"
        ) from error
    return io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig" if codec == "utf-8" else name)


def sample(path: Path, encoding: str | None, n_characters: int = 1 << 16) -> str:
    """Return the beginning of a text.

    Raises:
        ValueError: It is not in that encoding.
    """
    with open_text(path, encoding) as file:
        try:
            return file.read(n_characters)
        except UnicodeError as error:
            raise not_in_encoding(path, encoding, error) from error


def not_in_encoding(path: Path, encoding: str | None, error: UnicodeError) -> ValueError:
    """Return the error to raise where a text cannot be decoded."""
    at = ""
    if isinstance(error, UnicodeDecodeError):
        at = f" (byte {error.object[error.start]:#04x})"
    return ValueError(
        f"{path.name} is not {(encoding or 'UTF-8')}{at}: name its encoding, as in --encoding "
        "latin-1 or --encoding cp1252, or read bytes with --unit byte"
    )
