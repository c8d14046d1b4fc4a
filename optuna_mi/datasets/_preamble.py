"""What stands in a table's file before the table: ``sep=;``, comments, the name of a station."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections import Counter
from pathlib import Path

from optuna_mi.datasets._open_file import sample
from optuna_mi.datasets._reading import Reading, count_of
from optuna_mi.datasets._rows_file import SPACE, is_number, separator, widths_of

# lines that may stand there, and the share of all lines that must be alike after them
_MOST_LINES, _ALIKE = 40, 0.9


@dataclasses.dataclass(frozen=True)
class Preamble:
    """What to leave out.

    Attributes:
        n_lines: How many lines.
        separator: What they say that stands between fields; None for nothing.
        names: Names of the columns, where a comment holds them.
        notes: What the user should know.
    """

    n_lines: int = 0
    separator: str | None = None
    names: list[str] | None = None
    notes: tuple[str, ...] = ()


def find_preamble(path: Path, reading: Reading) -> Preamble:
    """Return what stands before a table: lines of another width than nearly all, or comments."""
    lines = sample(path, reading.encoding).split("\n")[: _MOST_LINES + 1]
    said = re.fullmatch(r"\"?sep=(.)\"?;*", lines[0].strip(" "))
    if said:  # as Excel writes and reads it
        return Preamble(1, said[1])
    sep = separator("\n".join(s for s in lines if not s.startswith("#")), reading.ending(path))
    widths = list(widths_of(path, reading.encoding, sep))
    width, n_alike = Counter(widths).most_common(1)[0] if widths else (1, 0)
    n = 0
    for i, line in enumerate(lines[:-1]):
        other = width > 1 and n_alike >= _ALIKE * len(widths) and not _fits(line, sep, width)
        if line.startswith("#") or (line.strip() and other):
            n = i + 1
        elif line.strip():
            break
    if not n or n >= _MOST_LINES:
        return Preamble()
    while n < len(lines) - 1 and not lines[n].strip():
        n += 1
    last = [s for s in lines[:n] if s.strip()][-1]
    names = _split(last.lstrip("# "), sep) if last.startswith("#") else []
    named = len(names) == width > 1 and not any(is_number(name, ".") for name in names)
    if named and any(not is_number(f, ".") for f in _split(lines[n], sep)[-1:]):
        named = False  # a header follows
    note = (
        f"the first {count_of(n, 'line')} before the table left out ({lines[0].strip()[:40]!r}, …)"
    )
    return Preamble(n, None, names if named else None, (note,))


def _fits(line: str, sep: str, width: int) -> bool:
    fields = _split(line, sep)
    return len(fields) == width or all(is_number(field, ".") for field in fields)


def _split(line: str, sep: str) -> list[str]:
    if sep == SPACE:
        return line.split()
    return next(csv.reader(io.StringIO(line), delimiter=sep), [])
