"""What is measured may fail in any way; the next measurement has a process that works."""

from __future__ import annotations

import os

import pytest

from benchmarks.nn.device_process import Apart


def test_a_fault_a_crash_and_a_hang_cost_their_own_call_only() -> None:
    apart = Apart(eval)
    try:
        first = apart.call("__import__('os').getpid()", seconds=60)
        assert first != os.getpid()
        assert apart.call("__import__('os').getpid()", seconds=60) == first
        with pytest.raises(RuntimeError, match="ModuleNotFoundError"):
            apart.call("__import__('no_such_peer')", seconds=60)
        assert apart.call("__import__('os').getpid()", seconds=60) == first
        with pytest.raises(RuntimeError, match="ZeroDivisionError: division by zero"):
            apart.call("1 / 0", seconds=60)
        assert apart.call("__import__('os').getpid()", seconds=60) != first
        with pytest.raises(RuntimeError, match=r"its process died \(exit code 3\)"):
            apart.call("__import__('os')._exit(3)", seconds=60)
        with pytest.raises(RuntimeError, match="took more than 0 s"):
            apart.call("__import__('time').sleep(60)", seconds=0.2)
        assert apart.call("1 + 1", seconds=60) == 2
    finally:
        apart.close()
