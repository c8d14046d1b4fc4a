"""What a trial's training changes in its process, and puts back."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator

import torch

# Held by whoever trains in this process.
_TRAINING = threading.Lock()


@contextlib.contextmanager
def undisturbed_process(device: torch.device, n_threads: int) -> Iterator[None]:
    """Train with this many threads of torch; afterwards its random streams are restored.

    Args:
        device: Where the training runs.
        n_threads: Threads of torch within the context.
    """
    devices = [device] if device.type == "cuda" else []
    with _warned_of_threads(), _torch_threads(n_threads), torch.random.fork_rng(devices):
        yield


@contextlib.contextmanager
def _warned_of_threads() -> Iterator[None]:
    alone = _TRAINING.acquire(blocking=False)
    if not alone:
        warnings.warn(
            "Trials in threads of one process share torch's random stream, so that they are not "
            "repeatable: use worker processes instead of n_jobs",
            stacklevel=5,
        )
    try:
        yield
    finally:
        if alone:
            _TRAINING.release()


@contextlib.contextmanager
def _torch_threads(n_threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
