"""The precision in which a recurrence multiplies on a GPU: what the user has asked PyTorch for."""

from __future__ import annotations

from typing import Literal

import torch

Operands = Literal["float32", "tf32", "float16", "bfloat16"]
HALF: dict[Operands, torch.dtype] = {"float16": torch.float16, "bfloat16": torch.bfloat16}
# Larger matrices are read again at every step: at half the bytes, with the mantissa of tf32.
MAX_ON_CHIP = 64


def autocast_dtype(device: str) -> torch.dtype | None:
    """Return what autocast computes in on a type of device; ``None`` where it is off or unknown."""
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return None


def operands(device: str, size: int) -> Operands:
    """The operands of the recurrent products; sums, states and gradients are float32 in any case.

    Args:
        device: Type of the device.
        size: Hidden size.

    Returns:
        The dtype of autocast where it is on. Else ``"float32"``, or where cuDNN's recurrent
        networks may use TF32, ``"tf32"``; for large sizes float16 stands for that: it has as long a
        mantissa, and gradients are scaled.
    """
    half = autocast_dtype(device)
    if half is not None:
        return "float16" if half == torch.float16 else "bfloat16"
    if not tf32_allowed():
        return "float32"
    return "tf32" if size <= MAX_ON_CHIP else "float16"


def tf32_allowed() -> bool:
    """Whether cuDNN's recurrent networks may use TF32: PyTorch's default."""
    rnn = getattr(torch.backends.cudnn, "rnn", None)  # since 2.9; the old switch sets it too
    if rnn is not None:
        return bool(rnn.fp32_precision == "tf32")
    return bool(torch.backends.cudnn.allow_tf32)
