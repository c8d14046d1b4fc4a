"""Symbols as inputs of the heads."""

from __future__ import annotations

import torch
from torch import nn

from optuna_mi.nn._check_arguments import check_positive_int


def make_embedding(vocab_size: int | None, size: int) -> nn.Embedding | None:
    """Return an embedding of symbols, or ``None`` where the inputs are features."""
    if vocab_size is None:
        return None
    vocab_size = check_positive_int("vocab_size", vocab_size)
    return nn.Embedding(vocab_size, check_positive_int("input_size", size))


def embedded(embedding: nn.Embedding | None, x: torch.Tensor) -> torch.Tensor:
    """Return features as they are and symbols embedded.

    Raises:
        TypeError: Symbols are no integers.
        ValueError: Symbols are not 2-D.
    """
    if embedding is None:
        return x
    if not isinstance(x, torch.Tensor) or x.dtype not in (torch.int64, torch.int32):
        found = x.dtype if isinstance(x, torch.Tensor) else type(x).__name__
        raise TypeError(f"symbols must be a tensor of int64 or int32, got {found}")
    if x.dim() != 2:
        raise ValueError(f"symbols must have shape (T, B) or (B, T), got {tuple(x.shape)}")
    found_features: torch.Tensor = embedding(x)
    return found_features
