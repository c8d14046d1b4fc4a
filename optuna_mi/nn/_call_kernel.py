"""Tensors as flat numpy memory, and the first call of a kernel."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from optuna_mi._logging import get_logger

_logger = get_logger(__name__)

Array = npt.NDArray[np.float32]


def flat(tensor: torch.Tensor | None) -> Array:
    """The memory of a tensor, flat (a copy unless contiguous); empty for ``None``."""
    if tensor is None:
        return np.empty(0, dtype=np.float32)
    array: Array = tensor.detach().contiguous().view(-1).numpy()
    return array


# Kernels that have been called, and for what: one that serves several cells has one entry for each.
_called: set[tuple[Any, str]] = set()


def is_ready(function: Any, name: str) -> bool:
    """Whether a kernel has been compiled, or loaded, in this process."""
    return (function, name) in _called


def call(function: Any, *arguments: Any, name: str = "") -> Any:
    """Call a kernel; say so where its first use on this machine takes the compiler's time.

    Args:
        function: Compiled by numba.
        arguments: For it.
        name: What it is compiled for, if for more than one thing; else that of its module counts.
    """
    if (function, name) in _called:
        return function(*arguments)
    missed = sum(function.stats.cache_misses.values())

    def announce() -> None:
        if sum(function.stats.cache_misses.values()) > missed:  # else it is only loaded, slowly
            _logger.info(
                "Compiling CPU kernels for the dilated RNN (%s); later runs find them cached.",
                name or function.__module__.rpartition("_")[2],
            )

    note = threading.Timer(2.0, announce)
    note.daemon = True
    note.start()
    try:
        result = function(*arguments)
    finally:
        note.cancel()
    _called.add((function, name))
    return result
