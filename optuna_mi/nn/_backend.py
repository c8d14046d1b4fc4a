"""Which backend runs an input, and where each one is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import torch
from torch import nn
from torch.autograd import forward_ad

from optuna_mi.nn import _torch_func, _views
from optuna_mi.nn._check_arguments import Backend, Cell, LayerState
from optuna_mi.nn._positions import LayerPlan
from optuna_mi.nn._precision import autocast_dtype
from optuna_mi.nn._triton_fits import why_not_triton

# Cell, input, plan, dilation, state, whether to add the input: see ``_views.run_layer``.
RunLayer: TypeAlias = Callable[
    [nn.RNNBase, torch.Tensor, LayerPlan, int, LayerState | None, bool],
    tuple[torch.Tensor, LayerState | None],
]

# Above this size large matrix products beat a kernel that works through one position at a time.
MAX_FUSED_SIZE = 64
# Below this batch most of what the own kernels do is padding or overhead.
MIN_BATCH = 8


def choose_backend(
    backend: Backend, cell: Cell, sizes: Sequence[int], x: torch.Tensor, weight: torch.Tensor
) -> Literal["torch_func", "views", "fused", "blocks", "triton"]:
    """The backend for this input; ``"torch_func"`` inside the transforms of ``torch.func``.

    Args:
        backend: What the user asked for.
        cell: ``"rnn"``, ``"gru"`` or ``"lstm"``.
        sizes: Input and hidden sizes.
        x: The input ``(T, B, features)``.
        weight: One of the parameters.

    Raises:
        ValueError: Own kernels with what they cannot run, or where they cannot.
    """
    if backend in ("fused", "blocks", "triton"):
        _check_own_kernels(backend)
    if _is_transformed():
        return "torch_func"
    # Nothing else must depend on the input's shape where that is symbolic.
    if backend == "views" or _is_traced():
        return "views"
    if backend == "triton" or (backend == "auto" and x.device.type == "cuda"):
        unfit = why_not_triton(cell, sizes[1:], x, weight)
        if unfit is not None and backend == "triton":
            raise ValueError(f'backend="triton" cannot run this: {unfit}; use backend="auto"')
        return "triton" if unfit is None else "views"
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


@functools.cache
def get_run_layer(backend: str) -> RunLayer:
    """Return a backend's ``run_layer``. Own kernels import numba or Triton when first used.

    Args:
        backend: What :func:`choose_backend` returned.
    """
    if backend == "fused":
        from optuna_mi.nn._fused import run_layer as fused

        return fused
    if backend == "blocks":
        from optuna_mi.nn._blocks import run_layer as blocks

        return blocks
    if backend == "triton":
        from optuna_mi.nn._triton import run_layer as triton

        return triton
    return _torch_func.run_layer if backend == "torch_func" else _views.run_layer


def _is_transformed() -> bool:
    """Inside vmap, grad, jvp and the like, or forward-mode differentiation."""
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0


def _is_traced() -> bool:
    return torch.compiler.is_compiling() or torch._C._is_tracing()


def _check_own_kernels(backend: str) -> None:
    for unfit, what in (
        (_is_transformed(), "the transforms of torch.func (vmap, grad, jvp) do not reach"),
        (_is_traced(), "torch.export and torch.jit.trace do not see"),
    ):
        if unfit:
            raise ValueError(
                f'backend="{backend}" runs kernels that {what}: use backend="auto" or "views"'
            )


def state_dtypes(backend: str, weight: torch.Tensor) -> tuple[torch.dtype, ...]:
    """The dtypes that a backend takes a state in, the parameters' own first.

    Args:
        backend: What :func:`choose_backend` returned.
        weight: One of the parameters.
    """
    half = autocast_dtype(weight.device.type)
    # Under autocast PyTorch's kernels return, and take, states of either dtype.
    if backend in ("views", "triton") and half is not None:
        return weight.dtype, half
    return (weight.dtype,)
