"""Which backend runs a stack."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from optuna_mi.nn._validation import Backend

# Above this size a BLAS over many rows beats a kernel that works through one position at a time.
MAX_FUSED_SIZE = 64
# Below this batch most of a tile's columns would be padding.
MIN_FUSED_BATCH = 8


def use_fused(
    backend: Backend, sizes: Sequence[int], x: torch.Tensor, weight: torch.Tensor
) -> bool:
    """Whether the own CPU kernels run this input.

    Args:
        backend: What the user asked for.
        sizes: Input and hidden sizes.
        x: The input ``(T, B, features)``.
        weight: One of the parameters.

    Raises:
        ValueError: ``backend="fused"`` with what its kernels cannot run.
    """
    if backend == "views":
        return False
    reason = None
    for name, tensor in (("the input", x), ("the model", weight)):
        if tensor.device.type != "cpu" or tensor.dtype != torch.float32:
            reason = f"{name} is {tensor.dtype} on {tensor.device}"
    if torch.is_autocast_enabled("cpu"):
        reason = "autocast is on"
    if backend == "fused":
        if reason is not None:
            raise ValueError(
                f'backend="fused" runs float32 on the CPU only, but {reason}; use backend="auto"'
            )
        return True
    return reason is None and max(sizes) <= MAX_FUSED_SIZE and x.shape[1] >= MIN_FUSED_BATCH
