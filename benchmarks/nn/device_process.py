"""Measuring in a process of its own, which may hang, crash or be spoilt by what it measures."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

# What says, before anything has run, that it will not.
HARMLESS = (ImportError, ValueError)
START_SECONDS = 180.0  # PyTorch from a cold disk, and a card that wakes up


class Apart:
    """Calls a function in another process, one call after the other.

    A failed capture, a kernel's fault and a wait without end leave a process that nothing more can
    be measured in: then the next call gets a new one.

    Args:
        function: Importable; what it takes and returns can be pickled.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def call(self, *arguments: Any, seconds: float) -> Any:
        """Return what the function returns.

        Args:
            arguments: Of the function.
            seconds: The most that it may take, the start of a process not counted.

        Raises:
            RuntimeError: It raised, took longer, or its process died; the text says which.
        """
        pipe = self._pipe if self._pipe is not None else self._start()
        try:
            pipe.send(arguments)
            if not pipe.poll(seconds):
                raise RuntimeError(f"it took more than {seconds:.0f} s, and was stopped")
            fault, spoilt, found = pipe.recv()
            if spoilt:
                raise RuntimeError(fault)
        except (EOFError, OSError):
            raise RuntimeError(f"its process died{self._how()}") from None
        except BaseException:
            self.close()
            raise
        if fault is not None:
            raise RuntimeError(fault)
        return found

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = self._pipe = None

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        own, other = context.Pipe()
        # A daemon: it ends with whoever measures.
        process = context.Process(target=_serve, args=(other, self._function), daemon=True)
        process.start()
        other.close()
        self._process, self._pipe = process, own
        try:
            if not own.poll(START_SECONDS):
                raise RuntimeError(f"its process did not start within {START_SECONDS:.0f} s")
            own.recv()
        except EOFError:
            raise RuntimeError(f"its process died at its start{self._how()}") from None
        except BaseException:
            self.close()
            raise
        return own

    def _how(self) -> str:
        process = self._process
        if process is not None:
            process.join(5.0)
        code = None if process is None else process.exitcode
        self.close()
        return "" if code is None else f" (exit code {code})"


def _serve(pipe: Connection, function: Callable[..., Any]) -> None:
    pipe.send(None)
    while True:
        try:
            arguments = pipe.recv()
        except EOFError:
            return
        try:
            found = None, False, function(*arguments)
        except Exception as error:  # whatever a compiler, a driver or a peer raises is told
            spoilt = not isinstance(error, HARMLESS)
            found = f"{type(error).__name__}: {str(error)[:300]}", spoilt, None
        pipe.send(found)
