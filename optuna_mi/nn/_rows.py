"""Rows of a tensor in some order, taken again and again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

IntArray = npt.NDArray[np.int64]


_kept: ContextVar[list[torch.Tensor] | None] = ContextVar("_kept", default=None)


@contextlib.contextmanager
def kept_tensors() -> Iterator[list[torch.Tensor]]:
    """Collect the cached tensors that are used meanwhile.

    A CUDA graph reads them where they were when it was captured, as long as it lives; a cache may
    forget them sooner.
    """
    found: list[torch.Tensor] = []
    token = _kept.set(found)
    try:
        yield found
    finally:
        _kept.reset(token)


def keep(*tensors: torch.Tensor) -> None:
    """Let those who ask for them (:func:`kept_tensors`) hold tensors that come from a cache."""
    found = _kept.get()
    if found is not None:
        found.extend(tensors)


class Rows:
    """Which rows to take: a view where they are a contiguous range, else by an index.

    Accelerators get the index once: a copy at every call would make the host wait for them.

    Args:
        index: Rows, int64 ``(n,)``, not empty.

    Example:
        >>> x = torch.arange(5)
        >>> Rows(np.array([1, 2])).take(x).tolist(), Rows(np.array([4, 0])).take(x).tolist()
        ([1, 2], [4, 0])
    """

    def __init__(self, index: IntArray) -> None:
        self.index = index
        self._on: dict[torch.device, torch.Tensor] = {}

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def _is_range(self) -> bool:
        return bool((np.diff(self.index) == 1).all())

    def take(self, x: torch.Tensor) -> torch.Tensor:
        """Return these rows along the first axis of a tensor."""
        if self._is_range:
            first = int(self.index[0])
            return x[first : first + len(self.index)]
        return x.index_select(0, self.on(x.device))

    def on(self, device: torch.device) -> torch.Tensor:
        """Return the index on a device, int64 ``(n,)``."""
        index = torch.from_numpy(self.index)
        if device.type == "cpu":
            return index
        # What a tracer makes is its own, and a tensor of inference mode could not be saved for a
        # backward pass.
        if torch.compiler.is_compiling() or torch._C._is_tracing():
            return index.to(device)
        if device not in self._on:
            with torch.inference_mode(False):
                self._on[device] = index.to(device)
        keep(self._on[device])
        return self._on[device]
