"""Files of other programs, known by how they begin."""

from __future__ import annotations

from pathlib import Path

from optuna_mi.datasets._open_file import open_bytes

_AS_CSV = "save the table as .csv"
# first bytes -> what it is, what to do, and the ending that reads it
_KNOWN: dict[bytes, tuple[str, str, str]] = {
    b"PK\x03\x04": ("an Excel workbook or another ZIP archive", f"{_AS_CSV}, or unpack it", ".npz"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", _AS_CSV, ""),
    b"\x89HDF": ("an HDF5 file", "save the array by numpy.save, or the table as .parquet", ""),
    b"MATLAB 5": ("a MATLAB file", "save the array by numpy.save (scipy.io.loadmat reads it)", ""),
    b"SQLite format 3": ("an SQLite database", "export the table as .csv", ""),
    b"\x80\x04\x95": ("a pickle, which may run any code", "save a .npy or a .parquet", ""),
    b"\x80\x05\x95": ("a pickle, which may run any code", "save a .npy or a .parquet", ""),
    b"%PDF": ("a PDF", "extract its text, or save its table as .csv", ""),
    b"\x89PNG": ("a picture", "save its numbers by numpy.save", ""),
    b"\xff\xd8\xff": ("a picture", "save its numbers by numpy.save", ""),
    b"RIFF": ("a sound", "save its samples by numpy.save (scipy.io.wavfile reads it)", ""),
    b"BZh": ("packed by bzip2", "unpack it, or pack it by gzip", ""),
    b"\xfd7zXZ": ("packed by xz", "unpack it, or pack it by gzip", ""),
    b"(\xb5/\xfd": ("packed by zstandard", "unpack it, or pack it by gzip", ""),
    b"\x93NUMPY": ("a numpy array", "say --format npy", ".npy"),
    b"PAR1": ("a parquet file", "say --format parquet", ".parquet"),
}
_PAGES = (b"<!doctype html", b"<html")


def check_known(path: Path, kind: str, *, is_table: bool) -> None:
    """Raise ValueError for what another program reads.

    Args:
        path: The file.
        kind: The ending that it is read by.
        is_table: Whether it is read as a table, which no page of HTML is.
    """
    with open_bytes(path) as file:
        start = file.read(200)
    for first, (what, remedy, ending) in _KNOWN.items():
        if start.startswith(first) and kind != ending:
            raise ValueError(f"{path.name} is {what}: {remedy}")
    if is_table and start.lstrip().lower().startswith(_PAGES):
        raise ValueError(
            f"{path.name} is a page of HTML, as servers send with an error: look at it, and fetch "
            "the table itself"
        )
