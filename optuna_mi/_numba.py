"""``njit`` for all kernels: compiled code is kept where it can be, else made anew."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any

import numba
import numpy as np

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
    own file, although it holds the functions of other files that it calls, and constants; here the
    contents of all those files and the constants count, and no date.

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
        _protect(dispatcher, function)
        return dispatcher

    return decorate


def _protect(dispatcher: Any, function: Callable[..., Any]) -> None:
    """Let the cache's failures cost a compilation, and its key be all that is compiled."""
    cache: Any = getattr(dispatcher, "_cache", None)
    if not hasattr(cache, "load_overload") or not hasattr(cache, "save_overload"):
        return  # a numba of other insides: its cache works as it does
    file: Any = getattr(cache, "_cache_file", None)

    def key_and(access: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(access)
        def guarded(*args: Any) -> Any:
            # Not before the first call: by then all that the function calls has been defined.
            if hasattr(file, "_source_stamp"):
                file._source_stamp = _fingerprint(function)
            try:
                return access(*args)
            except (OSError, EOFError, pickle.UnpicklingError) as error:
                _warn(f"{type(error).__name__}: {error}")
                return None

        return guarded

    cache.load_overload = key_and(cache.load_overload)
    cache.save_overload = key_and(cache.save_overload)


@cache
def _fingerprint(function: Callable[..., Any]) -> str:
    """Hash the files of all compiled functions that one reaches, and the constants they name."""
    reached, waiting = {function}, [function]
    constants: set[tuple[str, str, bytes]] = set()
    while waiting:
        user = waiting.pop()
        for name in user.__code__.co_names:
            value = user.__globals__.get(name)
            # What numba compiles: a function under njit, or what an intrinsic is defined by.
            callee = getattr(value, "py_func", getattr(value, "_defn", None))
            if callee is not None and callee not in reached:
                reached.add(callee)
                waiting.append(callee)
            elif isinstance(value, np.ndarray):
                constants.add((user.__qualname__, name, value.tobytes()))
            elif isinstance(value, int | float | str | tuple | np.generic):
                constants.add((user.__qualname__, name, repr(value).encode()))
    digest = hashlib.sha256(repr(sorted(constants)).encode())
    for path in sorted({user.__code__.co_filename for user in reached}):
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()


def _warn(reason: str) -> None:
    if not _warned:
        warnings.warn(_NOT_KEPT.format(reason=reason), stacklevel=4)
    _warned.add(reason)
