"""A user's text: characters, words or bytes; the records of FASTA and PGN without their frames."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optuna_mi.datasets._open_file import (
    not_in_encoding,
    open_bytes,
    open_text,
    sample,
)
from optuna_mi.datasets._reading import TABLE_ONLY, FileContents, Reading, count_of

UNITS = ("char", "word", "byte")
UNIT_NAMES = {"char": "character", "word": "word", "byte": "byte"}

_CHUNK = 1 << 20
_FASTA_ENDINGS = (".fa", ".fasta", ".fna", ".ffn", ".faa", ".frn")
_RESIDUES = re.compile(r"[A-Za-z*\-.]+")
# lines that a pattern is looked for in, and the share of them that shows it
_LINES, _MOST = 20, 0.8
_STRETCH = 8


def read_text_file(path: Path, reading: Reading) -> FileContents:
    """Return a text's symbols as codes.

    Raises:
        ValueError: An option does not go with a text, the unit or the encoding is
            unknown, or the text is in another encoding.
    """
    unit = reading.unit or "char"
    check_unit(unit)
    refused = reading.given("column", *TABLE_ONLY)
    if refused:
        raise ValueError(
            f"{path.name} is read as a text, which has no {refused[0]}: name a table .csv, .tsv, "
            ".parquet or .jsonl"
        )
    if unit == "byte" and reading.rows:
        raise ValueError("--rows goes with lines, and bytes have none: leave it or --unit byte out")
    if unit == "byte":
        with open_bytes(path) as file:
            codes = np.frombuffer(file.read(), dtype=np.uint8)
        names = tuple(str(b) for b in range(256))
        return FileContents(codes, f"1 sequence, {codes.size:,} symbols in all", (), names, "byte")
    start = sample(path, reading.encoding)
    if unit == "char" and _is_fasta(reading.ending(path), start):
        return _read_fasta(path, reading)
    if _is_pgn(start):
        return _read_pgn(path, reading, unit)
    if reading.rows:
        return _read_lines(path, reading, unit)
    numbering = _Characters() if unit == "char" else _Words()
    codes = _all_codes(numbering, _pieces(path, reading.encoding, unit))
    what = "" if unit == "char" else ", read as words"
    return FileContents(
        codes,
        f"1 sequence, {codes.size:,} symbols in all ({numbering.n} different{what})",
        _warnings(start) if unit == "char" else (),
        numbering.vocabulary(),
        UNIT_NAMES[unit],
    )


def check_unit(unit: str) -> None:
    """Raise ValueError for a unit that is none."""
    if unit not in UNITS:
        raise ValueError(f"unit={unit!r} is unknown; choose one of {', '.join(UNITS)}")


class _Characters:
    """Numbers characters as they appear."""

    def __init__(self) -> None:
        self._code = np.full(0x110000, -1, dtype=np.int32)
        self._known: list[int] = []

    @property
    def n(self) -> int:
        return len(self._known)

    def codes(self, text: str) -> NDArray[Any]:
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        codes = self._code[points]
        if codes.size and codes.min() < 0:
            new, first = np.unique(points[codes < 0], return_index=True)
            for point in new[np.argsort(first)]:
                self._code[point] = len(self._known)
                self._known.append(int(point))
            codes = self._code[points]
        return codes

    def vocabulary(self) -> tuple[str, ...]:
        return tuple(map(chr, self._known))


class _Words:
    """Numbers words as they appear."""

    def __init__(self) -> None:
        self._code: dict[str, int] = {}

    @property
    def n(self) -> int:
        return len(self._code)

    def codes(self, text: str) -> NDArray[Any]:
        number = self._code.setdefault
        return np.array([number(w, len(self._code)) for w in text.split()], dtype=np.uint32)

    def vocabulary(self) -> tuple[str, ...]:
        return tuple(self._code)


def _all_codes(numbering: _Characters | _Words, pieces: Iterable[str]) -> NDArray[Any]:
    """Return the codes of all pieces, in the smallest type, in memory that grows in place."""
    kind: type[np.unsignedinteger[Any]] = np.uint8
    memory = bytearray()
    for piece in pieces:
        codes = numbering.codes(piece)
        if kind != _smallest(numbering.n):
            wider = _smallest(numbering.n)
            memory = bytearray(np.frombuffer(memory, dtype=kind).astype(wider).data)
            kind = wider
        memory += codes.astype(kind).data
    return np.frombuffer(memory, dtype=kind)


def _smallest(n: int) -> type[np.unsignedinteger[Any]]:
    return np.uint8 if n <= 1 << 8 else np.uint16 if n <= 1 << 16 else np.uint32


def _pieces(path: Path, encoding: str | None, unit: str) -> Iterator[str]:
    """Yield the text in pieces, which end between words."""
    with open_text(path, encoding) as file:
        try:
            while piece := file.read(_CHUNK):
                yield piece if unit == "char" else piece + _rest_of_word(file, piece)
        except UnicodeError as error:
            raise not_in_encoding(path, encoding, error) from error


def _rest_of_word(file: Any, piece: str) -> str:
    rest = ""
    while not (rest or piece)[-1].isspace() and (more := file.read(1)):
        rest += more
    return rest


def _is_fasta(kind: str, start: str) -> bool:
    lines = [line for line in start.splitlines()[:200] if line]
    if not lines or not lines[0].startswith((">", ";")):
        return False
    body = [line for line in lines[:-1] if not line.startswith((">", ";"))]
    looks = bool(body) and all(_RESIDUES.fullmatch(line.strip()) for line in body)
    return looks or kind in _FASTA_ENDINGS


def _read_fasta(path: Path, reading: Reading) -> FileContents:
    """Return the sequences of a FASTA file, small letters (masked repeats) as large ones."""
    with open_text(path, reading.encoding) as file:
        records = [r for r in _fasta_records(file) if len(r)]
    n = sum(map(len, records))
    if n == 0:
        raise ValueError(f"{path.name} looks like FASTA and holds headers only")
    found, counts = np.unique(np.concatenate(records), return_counts=True)
    codes = np.zeros(256, dtype=np.uint8)
    codes[found] = np.arange(found.size)
    share = float(counts[found == ord("N")].sum() / n) if set(found) <= set(b"ACGTUN") else 0.0
    notes = (
        ()
        if share < 1e-3
        else (f"{share:.1%} of the bases are N, unknown: runs of them look like dependence",)
    )
    sequences = [codes[r] for r in records]
    letters = "".join(map(chr, found))
    return FileContents(
        sequences[0] if len(sequences) == 1 else sequences,
        f"FASTA, {count_of(len(records), 'sequence')}, {n:,} symbols in all ({letters}); headers "
        "and line ends left out",
        notes,
        tuple(letters),
        "character",
    )


def _fasta_records(lines: Iterable[str]) -> Iterator[NDArray[np.uint8]]:
    record = bytearray()
    for line in lines:
        if line.startswith((">", ";")):
            yield np.frombuffer(bytes(record), dtype=np.uint8)
            record = bytearray()
        else:
            record += line.strip().upper().encode("ascii", "replace")
    yield np.frombuffer(bytes(record), dtype=np.uint8)


def _read_lines(path: Path, reading: Reading, unit: str) -> FileContents:
    """Return each line of a text as a sequence."""
    numbering = _Characters() if unit == "char" else _Words()
    with open_text(path, reading.encoding) as file:
        try:
            found = [numbering.codes(line) for text in file if (line := text.rstrip("\n"))]
        except UnicodeError as error:
            raise not_in_encoding(path, reading.encoding, error) from error
    sequences = [codes.astype(_smallest(numbering.n)) for codes in found]
    return FileContents(
        sequences,
        f"{count_of(len(sequences), 'sequence')}, one per line, {sum(map(len, sequences)):,} "
        f"symbols in all ({numbering.n} different), read by {UNIT_NAMES[unit]}",
        (),
        numbering.vocabulary(),
        UNIT_NAMES[unit],
    )


def _is_pgn(start: str) -> bool:
    return start.lstrip().startswith("[Event ")


def _read_pgn(path: Path, reading: Reading, unit: str) -> FileContents:
    """Return the moves of every game of a PGN file."""
    games: list[list[str]] = []
    in_header = False
    with open_text(path, reading.encoding) as file:
        for line in file:
            if line.startswith("["):
                if not in_header:
                    games.append([])
                in_header = True
            elif line.strip():
                in_header = False
                games[-1].append(line.strip())
    texts = [" ".join(lines) for lines in games if lines]
    if not texts:
        raise ValueError(f"{path.name} looks like PGN and holds headers only")
    numbering = _Characters() if unit == "char" else _Words()
    sequences = list(map(numbering.codes, texts))
    kind = _smallest(numbering.n)
    sequences = [s.astype(kind) for s in sequences]
    return FileContents(
        sequences,
        f"PGN, the moves of {count_of(len(texts), 'game')}, {sum(map(len, sequences)):,} "
        f"symbols in all; headers left out, read by {UNIT_NAMES[unit]}",
        (),
        numbering.vocabulary(),
        UNIT_NAMES[unit],
    )


def _warnings(start: str) -> tuple[str, ...]:
    """Say where a text has the frame of records, which would be measured as data."""
    if "\0" in start:
        return ("NUL bytes are in it: if it is no text, read it by --unit byte",)
    lines = start.split("\n")[:-1]
    if len(lines) < _LINES:
        return ()
    length, n_long = Counter(map(len, lines)).most_common(1)[0]
    fields = _fields(lines)
    if fields:
        name, n_fields = fields
        return (
            f"every line has {n_fields} fields with a {name} between them: is this a table? Name "
            "it .csv or .tsv to have its columns read",
        )
    if length > 1 and n_long >= _MOST * len(lines):
        return (
            f"lines of equal length {length}: is this a record format? Line ends and what stands "
            f"at fixed places give a period of {length + 1}",
        )
    # of figures one is like another: times, counts and addresses differ in nothing else
    shape, n_alike = Counter(re.sub(r"\d", "0", s[:_STRETCH]) for s in lines).most_common(1)[0]
    if n_alike >= _MOST * len(lines) and len(shape) == _STRETCH:
        return (
            f"{n_alike} of the first {len(lines)} lines begin like {shape!r} (figures as 0): is "
            "this a log? What all lines begin with is measured as data; cut it off first",
        )
    return ()


def _fields(lines: list[str]) -> tuple[str, int] | None:
    for sign, name in ((";", "semicolon"), ("\t", "tab"), (",", "comma"), ("|", "bar")):
        counts = {line.count(sign) for line in lines if line}
        if len(counts) == 1 and 0 not in counts:
            return name, counts.pop() + 1
    return None
