"""Own kernels have first derivatives only, and say so."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch


def first_derivatives_only(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Let the ``backward`` of a Function refuse ``create_graph=True``.

    PyTorch's ``once_differentiable`` refuses only where an incoming gradient depends on something:
    that of a sum does not, and a penalty on the result would get no gradient, without a word.

    Raises:
        RuntimeError: From ``backward``, where its result is to be differentiated again.
    """

    @wraps(backward)
    def checked(ctx: Any, *gradients: torch.Tensor | None) -> Any:
        # Autograd records in a backward pass under create_graph=True only.
        if torch.is_grad_enabled():
            raise RuntimeError(
                "DilatedRNN on its own kernels has no second derivatives (create_graph=True): "
                "use backend='views'"
            )
        return backward(ctx, *gradients)

    return checked
