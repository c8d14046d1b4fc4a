"""``njit`` for all kernels: compiled code is kept where it can be, else made anew."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any

import numba

_NOT_KEPT = (
    "Compiled code cannot be kept ({reason}): every process compiles anew, which takes seconds to "
    "a minute. Name a folder that may be written by the environment variable NUMBA_CACHE_DIR"
)
_warned: set[str] = set()


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Do what ``numba.njit`` does, but run uncached where numba's cache cannot be written or read.

    With ``cache=True`` numba raises at import where neither the package's folder nor the home may
    be written (a container of another user), and at the first call on a full disk or before a
    damaged file. Here either warns once. Numba also keeps compiled code by the date of a function's
    own file, although it holds the functions of other files that it calls; here the dates of all
    files with kernels in its folder count.

    Args:
        options: As for ``numba.njit``.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if not options.get("cache"):
            return numba.njit(**options)(function)
        try:
            dispatcher = numba.njit(**options)(function)
        except RuntimeError as error:
            if "no locator available" not in str(error):
                raise
            _warn("neither the package's folder nor the home folder may be written")
            return numba.njit(**{**options, "cache": False})(function)
        _protect(dispatcher, Path(function.__code__.co_filename))
        return dispatcher

    return decorate


def _protect(dispatcher: Any, source: Path) -> None:
    """Let the cache's failures cost a compilation, and its age be that of all kernels around."""
    cache: Any = getattr(dispatcher, "_cache", None)
    if not hasattr(cache, "load_overload") or not hasattr(cache, "save_overload"):
        return  # a numba of other insides: its cache works as it does
    cache.load_overload = _unless_it_fails(cache.load_overload)
    cache.save_overload = _unless_it_fails(cache.save_overload)
    file: Any = getattr(cache, "_cache_file", None)
    if hasattr(file, "_source_stamp"):
        file._source_stamp = (file._source_stamp, _stamp(source.parent))


def _unless_it_fails(access: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(access)
    def guarded(*args: Any) -> Any:
        try:
            return access(*args)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            _warn(f"{type(error).__name__}: {error}")
            return None

    return guarded


@lru_cache
def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, time of change and size of the files in a folder that hold kernels."""
    files = sorted(p for p in folder.glob("*.py") if b"_numba import njit" in p.read_bytes())
    return tuple((p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in files)


def _warn(reason: str) -> None:
    if not _warned:
        warnings.warn(_NOT_KEPT.format(reason=reason), stacklevel=4)
    _warned.add(reason)
