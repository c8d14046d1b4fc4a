"""Checks of what users pass to the networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, SupportsIndex

import torch

from optuna_mi._checks import whole, wholes
from optuna_mi.nn._precision import autocast_dtype

Cell = Literal["rnn", "gru", "lstm"]
Init = Literal["torch", "original", "deep"]
Backend = Literal["auto", "views", "fused", "blocks", "triton"]
Need = Literal["all", "last"] | int
LayerState = torch.Tensor | tuple[torch.Tensor, torch.Tensor]
State = tuple[LayerState, ...]


def check_dilations(dilations: Sequence[int]) -> tuple[int, ...]:
    """Return the dilations as a tuple of ints; any positive ones in any order.

    Raises:
        TypeError: Not a sequence, or an entry is not an integer.
        ValueError: Empty, or an entry is below 1.
    """
    checked = wholes("dilations", dilations, 1)
    if not checked:
        raise ValueError("dilations is empty; pass one positive integer per layer, e.g. (1, 2, 4)")
    return checked


def check_hidden_sizes(hidden_sizes: int | Sequence[int], n_layers: int) -> tuple[int, ...]:
    """Return one hidden size per layer.

    Raises:
        TypeError: An entry is not an integer.
        ValueError: An entry is below 1, or the list's length is not ``n_layers``.
    """
    if isinstance(hidden_sizes, SupportsIndex):
        return (whole("hidden_sizes", hidden_sizes, 1),) * n_layers
    sizes = wholes("hidden_sizes", hidden_sizes, 1)
    if len(sizes) != n_layers:
        raise ValueError(
            f"hidden_sizes has {len(sizes)} entries but dilations has {n_layers}; "
            "pass one size a layer, or a single integer for all"
        )
    return sizes


def check_need(need: Need, length: int) -> int | None:
    """Return how many of the last outputs are read; ``None`` for all of them."""
    if need == "all":
        return None
    if need == "last":
        return 1
    if isinstance(need, str):
        raise ValueError(f'need must be "all", "last" or a number of last steps, got {need!r}')
    return whole("need", need, 1, length)


def check_input(x: torch.Tensor, input_size: int, batch_first: bool, weight: torch.Tensor) -> None:
    """Raise unless ``x`` is a non-empty batch of sequences of ``input_size`` features.

    Its dtype must be the weights', except under autocast, which converts it.
    """
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"the input must be a torch.Tensor, got {type(x).__name__}")
    layout = "(B, T, features)" if batch_first else "(T, B, features)"
    if x.dim() != 3:
        raise ValueError(f"the input must have shape {layout}, got {tuple(x.shape)}")
    if x.shape[-1] != input_size:
        raise ValueError(
            f"the input has {x.shape[-1]} features but input_size={input_size}; "
            f"expected {layout}, got {tuple(x.shape)}"
        )
    if x.shape[0] == 0 or x.shape[1] == 0:
        raise ValueError(f"the input is empty: expected {layout}, got {tuple(x.shape)}")
    converted = x.is_floating_point() and autocast_dtype(x.device.type) is not None
    if x.dtype != weight.dtype and not converted:
        raise ValueError(
            f"the input is {x.dtype} but the model is {weight.dtype}: pass x.to({weight.dtype})"
        )


def check_state(
    state: Sequence[LayerState],
    dilations: Sequence[int],
    hidden_sizes: Sequence[int],
    batch: int,
    lstm: bool,
    dtypes: Sequence[torch.dtype],
) -> None:
    """Raise unless ``state`` holds the last d outputs of every layer, in one of ``dtypes``.

    Raises:
        TypeError: A layer's entry is not a tensor (a pair of tensors for LSTM).
        ValueError: Wrong number of layers, a wrong shape or a wrong dtype.
    """
    if isinstance(state, torch.Tensor) or not isinstance(state, Sequence):
        raise TypeError(
            f"state must be what an earlier call returned, a tuple with one entry per layer, got "
            f"{type(state).__name__}"
        )
    if len(state) != len(dilations):
        raise ValueError(
            f"state must have one entry per layer ({len(dilations)}), got {len(state)} entries"
        )
    for i, (entry, dilation, size) in enumerate(zip(state, dilations, hidden_sizes, strict=True)):
        parts = entry if isinstance(entry, tuple) else (entry,)
        if len(parts) != 1 + lstm or not all(isinstance(part, torch.Tensor) for part in parts):
            wanted = "a pair of tensors (h, c)" if lstm else "one tensor"
            raise TypeError(f"state[{i}] must be {wanted}, got {type(entry).__name__}")
        for part in parts:
            if tuple(part.shape) != (dilation, batch, size):
                raise ValueError(
                    f"state[{i}] must have shape (dilation, B, hidden) = "
                    f"{(dilation, batch, size)}, got {tuple(part.shape)}"
                )
            if part.dtype not in dtypes:
                raise ValueError(
                    f"state[{i}] is {part.dtype} but the model is {dtypes[0]}: "
                    f"pass its tensors through .to({dtypes[0]})"
                )
