"""Bad inputs as a table, and the verdict on what the package makes of one.

A clear error is one that this package raises by a ``raise`` of its own, of a type that callers
expect, whose message holds the argument's name and says what would be right.
"""

from __future__ import annotations

import linecache
import re
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import optuna_mi

_PACKAGE = str(Path(optuna_mi.__file__).parent)
_TYPES = (TypeError, ValueError, KeyError, FileNotFoundError, IsADirectoryError)
# words that say what would be right
_REMEDY = re.compile(
    r"(?i)\b(must|needs?|pass|give|use|choose|one of|takes?|make|lower|raise|too few|at least|"
    r"above|below|has no|lacks|were|leave|fill|is only|is none|cannot|belongs?|expected|"
    r"contradicts?|remove|drop|goes with|convert|encode|number (the|them)|write|calls?|upgrade|"
    r"create_study|load|save|name (its|the|their|every)|(is|are) needed)\b"
)
NAN, INF = float("nan"), float("inf")
_SECONDS = 30  # compiling takes most of it


@dataclass(frozen=True)
class Case:
    """One bad input: who gets it, in which argument, and the call."""

    where: str
    argument: str
    shown: str
    call: Callable[[], Any] = field(compare=False)
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.where}({self.argument}={self.shown})"


@dataclass(frozen=True)
class Verdict:
    """What became of a case: clear, obscure, accepted or crash; and the message."""

    kind: str
    message: str


class _TooLongError(BaseException):
    pass


@contextmanager
def _time_limit() -> Iterator[None]:
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: Any) -> None:
        raise _TooLongError(f"not back after {_SECONDS} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def judge(case: Case) -> Verdict:
    """Run a case and say what became of it."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"), _time_limit():
            warnings.simplefilter("ignore")
            case.call()
    except _TYPES as error:
        return _of_error(case, error)
    except (MemoryError, RecursionError, SystemError) as error:
        return Verdict("crash", repr(error))
    except Exception as error:
        return Verdict("obscure", repr(error))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return Verdict("crash", repr(error))
    return Verdict("accepted", "no error")


def _of_error(case: Case, error: Exception) -> Verdict:
    message = str(error)
    last = error.__traceback__
    assert last is not None
    while last.tb_next is not None:
        last = last.tb_next
    file = last.tb_frame.f_code.co_filename
    raised = linecache.getline(file, last.tb_lineno).strip().startswith("raise")
    names = (case.argument, *case.words)
    named = any(re.search(rf"(?<![A-Za-z]){re.escape(n)}(?![A-Za-z])", message) for n in names)
    if not (file.startswith(_PACKAGE) and raised):
        return Verdict("obscure", f"not raised here: {error!r}")
    if not named:
        return Verdict("obscure", f"does not name {' or '.join(names)}: {error!r}")
    if not _REMEDY.search(message):
        return Verdict("obscure", f"no remedy: {error!r}")
    return Verdict("clear", message)


class Table:
    """Collects cases, and values that must stay valid."""

    def __init__(self) -> None:
        self.bad: list[Case] = []
        self.valid: list[Case] = []

    def sweep(
        self,
        where: str,
        function: Callable[..., Any],
        good: Callable[[], dict[str, Any]] | None = None,
        /,
        *,
        words: tuple[str, ...] = (),
        **bad: Iterable[Any],
    ) -> None:
        """Add a case for every value of every argument, the others being good."""
        for argument, values in bad.items():
            for value in values:
                call = _call(function, good, argument, value)
                self.bad.append(Case(where, argument, _shown(value), call, words))

    def add(
        self, where: str, argument: str, shown: str, call: Callable[[], Any], *words: str
    ) -> None:
        """Add one case."""
        self.bad.append(Case(where, argument, shown, call, words))

    def stays_valid(
        self,
        where: str,
        function: Callable[..., Any],
        good: Callable[[], dict[str, Any]] | None = None,
        /,
        **values: Any,
    ) -> None:
        """Add values that must not be refused."""
        for argument, value in values.items():
            self.valid.append(
                Case(where, argument, _shown(value), _call(function, good, argument, value))
            )


def _call(
    function: Callable[..., Any],
    good: Callable[[], dict[str, Any]] | None,
    argument: str,
    value: Any,
) -> Callable[[], Any]:
    return lambda: function(**{**(good() if good else {}), argument: value})


def _shown(value: Any) -> str:
    if getattr(value, "ndim", 0) and hasattr(value, "dtype"):
        return f"{type(value).__name__}{tuple(value.shape)} {value.dtype}"
    text = " ".join(repr(value).split())
    name = type(value).__name__
    text = text if len(text) < 40 and " at 0x" not in text else name
    return f"{name} {text}" if isinstance(value, np.generic) else text


def whole(least: int = 1, *, optional: bool = False) -> tuple[Any, ...]:
    """Return what is no integer of at least ``least``."""
    bad: tuple[Any, ...] = ("3", True, 2.5, 2.0, np.float64(2), NAN, [3], -1)
    bad += (0,) if least > 0 else ()
    return bad if optional else (*bad, None)


def real(*more: Any, optional: bool = False) -> tuple[Any, ...]:
    """Return what is no finite number, and what else is out of range."""
    bad: tuple[Any, ...] = ("0.1", True, NAN, INF, -INF, [0.1], 1j)
    return (*bad, *more) if optional else (*bad, None, *more)


def name(*, optional: bool = False) -> tuple[Any, ...]:
    """Return what is no known name."""
    return ("nope", 5, ["nope"]) if optional else ("nope", 5, ["nope"], None)


FLAG: tuple[Any, ...] = ("no", 2, None, 0.5)
"""What is neither True nor False."""

OBJECT: tuple[Any, ...] = (None, "text", 5, [1, 2])
"""What is no object of this package."""
