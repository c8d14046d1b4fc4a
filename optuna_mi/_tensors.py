"""PyTorch's tensors as numpy can read them.

Nobody has a tensor who has not loaded torch, which takes a second: so it is not loaded for the
question.
"""

from __future__ import annotations

import sys
from typing import Any


def readable(x: Any) -> Any:
    """Return a tensor without its gradient, on the CPU, bfloat16 as float32; others as they are."""
    if "torch" not in sys.modules:
        return x
    import torch

    if not isinstance(x, torch.Tensor):
        return x
    x = x.detach().cpu()
    return x.float() if x.dtype == torch.bfloat16 else x  # numpy has no such type
