"""Which backend runs an input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from optuna_mi.nn._check_arguments import Backend

# Above this size large matrix products beat a kernel that works through one position at a time.
MAX_FUSED_SIZE = 64
# Below this batch most of what the own kernels do is padding or overhead.
MIN_BATCH = 8


def choose_backend(
    backend: Backend, sizes: Sequence[int], x: torch.Tensor, weight: torch.Tensor
) -> Literal["views", "fused", "blocks"]:
    """The backend for this input.

    Args:
        backend: What the user asked for.
        sizes: Input and hidden sizes.
        x: The input ``(T, B, features)``.
        weight: One of the parameters.

    Raises:
        ValueError: ``"fused"`` or ``"blocks"`` with what they cannot run.
    """
    if backend == "views":
        return backend
    reason = None
    for name, tensor in (("the input", x), ("the model", weight)):
        if tensor.device.type != "cpu" or tensor.dtype != torch.float32:
            reason = f"{name} is {tensor.dtype} on {tensor.device}"
    if backend != "auto":
        if reason is not None:
            raise ValueError(
                f'backend="{backend}" runs float32 on the CPU only, but {reason}; '
                'use backend="auto"'
            )
        return backend
    if reason is not None or x.shape[1] < MIN_BATCH:
        return "views"
    return "fused" if max(sizes) <= MAX_FUSED_SIZE else "blocks"


def state_dtypes(backend: str, weight: torch.Tensor) -> tuple[torch.dtype, ...]:
    """The dtypes that a backend takes a state in, the parameters' own first.

    Args:
        backend: What :func:`choose_backend` returned.
        weight: One of the parameters.
    """
    device = weight.device.type
    # Under autocast PyTorch's kernels return, and take, states of either dtype.
    if (
        backend == "views"
        and torch.amp.is_autocast_available(device)
        and torch.is_autocast_enabled(device)
    ):
        return weight.dtype, torch.get_autocast_dtype(device)
    return (weight.dtype,)
