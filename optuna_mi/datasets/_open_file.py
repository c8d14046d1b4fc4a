"""Opening a user's file: packed or not, whatever its line ends and byte order mark."""

from __future__ import annotations

import codecs
import gzip
import io
from pathlib import Path
from typing import BinaryIO, TextIO, cast

GZIP = b"\x1f\x8b"


def check_file(path: Path) -> None:
    """Raise if there is no file, or nothing in it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is empty.
    """
    if path.is_dir():
        raise IsADirectoryError(
            f"{path} is a folder, not a file: give one of its files, or join them, as in cat "
            f"{path}/*.txt > all.txt"
        )
    if path.is_symlink() and not path.exists():
        raise FileNotFoundError(f"{path} is a link to {path.readlink()}, which is not there")
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
        packed = file.read(2) == GZIP
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
    if encoding is None and (marked := _marked(path)):
        return io.TextIOWrapper(open_bytes(path), encoding=marked)
    return io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig" if codec == "utf-8" else name)


def _marked(path: Path) -> str | None:
    """Return the encoding that a byte order mark tells, other than UTF-8."""
    with open_bytes(path) as file:
        start = file.read(4)
    if start in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        return "utf-32"
    return "utf-16" if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else None


def sample(path: Path, encoding: str | None, n_characters: int = 1 << 16) -> str:
    """Return the beginning of a text.

    Raises:
        ValueError: It is not in that encoding.
    """
    with open_text(path, encoding) as file:
        try:
            text = file.read(n_characters)
        except UnicodeError as error:
            raise not_in_encoding(path, encoding, error) from error
    if text[:1000].count("\0") > 0.3 * len(text[:1000]):
        order = "be" if text.startswith("\0") else "le"
        raise ValueError(
            f"{path.name} has a NUL byte beside every other: it looks like UTF-16; say --encoding "
            f"utf-16-{order}"
        )
    return text


def not_in_encoding(path: Path, encoding: str | None, error: UnicodeError) -> ValueError:
    """Return the error to raise where a text cannot be decoded."""
    at = ""
    if isinstance(error, UnicodeDecodeError):
        at = f" (byte {error.object[error.start]:#04x})"
    return ValueError(
        f"{path.name} is not {(encoding or 'UTF-8')}{at}: name its encoding, as in --encoding "
        "latin-1 or --encoding cp1252, or read bytes with --unit byte"
    )
