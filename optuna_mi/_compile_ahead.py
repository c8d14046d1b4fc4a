"""Kernels of a first search, compiled by a second process while this one measures the data.

Compiled code is kept on disk, so that what one process compiles the others only load: the search
itself, and each of its workers, which else would all compile the same.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna_mi._terminal import inform
from optuna_mi._threads import resolve_threads

# A compiler that takes longer hangs; the search then compiles for itself.
_MOST_SECONDS = 600
_CODE = "from optuna_mi._compile_ahead import train; train({task!r}, {cell!r})"


class Compiler:
    """The second process, or none where there is nothing to compile."""

    def __init__(self, process: subprocess.Popen[bytes] | None) -> None:
        self._process = process

    def wait(self) -> None:
        """Wait until all is compiled."""
        if self._process is None or self._process.poll() is not None:
            return
        inform("Compiling kernels for the network: once, later searches find them on disk")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_MOST_SECONDS)

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def compiler(task: str, cell: str, device: str) -> Iterator[Compiler]:
    """Have kernels compiled in the background, where this machine has not done so before.

    Args:
        task: A data set's task: "classification", "regression" or "language modeling".
        cell: "gru", "rnn" or "lstm".
        device: Where the search trains: the kernels are for the CPU.
    """
    wanted = device == "cpu" and resolve_threads(None) > 1 and not _is_kept()
    running = Compiler(_start(task, cell) if wanted else None)
    try:
        yield running
    finally:
        running.stop()


def _start(task: str, cell: str) -> subprocess.Popen[bytes] | None:
    environment = os.environ | {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        return subprocess.Popen(
            [sys.executable, "-c", _CODE.format(task=task, cell=cell)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl-C is this process's to heed
        )
    except OSError:  # no memory for another process: the search compiles for itself
        return None


def _is_kept() -> bool:
    """Return whether kernels are on disk already, or cannot be kept there.

    They may be another cell's, or an older version's: then the first trial compiles, as it says.
    """
    from optuna_mi.nn import _fused_layer

    file = getattr(getattr(_fused_layer.backward, "_cache", None), "_cache_file", None)
    index = getattr(file, "_index_path", None)
    return index is None or Path(index).exists()


def train(task: str, cell: str) -> None:
    """Train a small network for a moment, which compiles all that a search of this kind needs."""
    import numpy as np
    from optuna.trial import FixedTrial

    from optuna_mi.datasets import from_arrays
    from optuna_mi.search_space import DilationSpace
    from optuna_mi.training import DilatedRNNObjective

    rng = np.random.default_rng(0)
    if task == "language modeling":
        dataset = from_arrays(rng.integers(0, 5, 3000))
    else:
        y = rng.normal(size=60) if task == "regression" else np.arange(60) % 2
        dataset = from_arrays(rng.normal(size=(60, 12)), y)
    space = DilationSpace.from_dilations([1, 2])
    small: dict[str, Any] = {
        "hidden_size": 4,
        "epochs": 1,
        "steps": 1,
        "batch_size": 16,
        "window": 16,
    }
    objective = DilatedRNNObjective(dataset, space, cell=cell, **small)
    objective(FixedTrial(space.recommended))
