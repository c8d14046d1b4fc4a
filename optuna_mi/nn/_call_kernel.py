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


def _announce(function: Any) -> None:
    if function.stats.cache_misses:  # else it is only loaded, slowly
        _logger.info(
            "Compiling CPU kernels for the dilated RNN (%s); later runs find them cached.",
            function.__module__.rpartition("_")[2],
        )


def call(function: Any, *arguments: Any) -> Any:
    """Call a kernel; say so where its first use on this machine takes the compiler's time."""
    if function.signatures:
        return function(*arguments)
    note = threading.Timer(2.0, _announce, (function,))
    note.daemon = True
    note.start()
    try:
        return function(*arguments)
    finally:
        note.cancel()
