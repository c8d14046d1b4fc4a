"""Ctrl-C and the signals that end a process, heeded between batches.

Python raises KeyboardInterrupt wherever it happens to be. Within a compiled kernel that becomes a
SystemError, and Optuna takes it for a failure of the trial. While :func:`handled` is in force a
signal is only noted, and raised where :func:`stop_if_asked` is called.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
# A second Ctrl-C after so many seconds is meant: it does not wait for the end of a batch.
_INSIST_SECONDS = 1.0


class Interrupted(BaseException):
    """A signal asked this process to end.

    Not an Exception, and no KeyboardInterrupt: Optuna would fail the trial at hand.

    Attributes:
        signum: The signal's number.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


_asked: tuple[int, float] | None = None


def ask(signum: int) -> None:
    """Note that this process is to end."""
    global _asked
    if _asked is None:
        _asked = (signum, time.monotonic())


def asked() -> bool:
    """Return whether this process is to end."""
    return _asked is not None


def stop_if_asked() -> None:
    """Raise Interrupted if this process is to end."""
    if _asked is not None:
        raise Interrupted(_asked[0])


def sleep(seconds: float) -> None:
    """Sleep, unless this process is to end.

    Raises:
        Interrupted: It is.
    """
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        stop_if_asked()
        time.sleep(min(left, 0.2))
    stop_if_asked()


@contextlib.contextmanager
def handled(*, ctrl_c: bool = True) -> Iterator[None]:
    """Note signals instead of obeying them at once; in the main thread alone.

    Args:
        ctrl_c: Also Ctrl-C; workers are told by their parent, who gets it too.
    """
    global _asked
    _asked = None
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [n for n in _SIGNALS if hasattr(signal, n) and (ctrl_c or n != "SIGINT")]
    before = {name: signal.signal(getattr(signal, name), _note) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
        _asked = None


def _note(signum: int, _: FrameType | None) -> None:
    insists = _asked is not None and time.monotonic() - _asked[1] > _INSIST_SECONDS
    ask(signum)
    if insists and signum == signal.SIGINT:
        raise Interrupted(signum)
