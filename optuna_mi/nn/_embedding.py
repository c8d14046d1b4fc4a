"""Symbols as inputs of the heads."""

from __future__ import annotations

import torch
from torch import nn

from optuna_mi._checks import whole


def make_embedding(vocab_size: int | None, size: int) -> nn.Embedding | None:
    """Return an embedding of symbols, or ``None`` where the inputs are features."""
    if vocab_size is None:
        return None
    vocab_size = whole("vocab_size", vocab_size, 1)
    return nn.Embedding(vocab_size, whole("input_size", size, 1))


def embedded(embedding: nn.Embedding | None, x: torch.Tensor) -> torch.Tensor:
    """Return features as they are and symbols embedded.

    Raises:
        TypeError: Symbols are no integers.
        ValueError: Symbols are not 2-D, or not in the vocabulary.
    """
    if embedding is None:
        return x
    return look_up("symbols", embedding, x)


def look_up(name: str, embedding: nn.Embedding, x: torch.Tensor) -> torch.Tensor:
    """Return the embedding of symbols.

    Raises:
        TypeError: They are no integers.
        ValueError: They are not 2-D, or one is not in the vocabulary (on a GPU torch says so).
    """
    if not isinstance(x, torch.Tensor) or x.dtype not in (torch.int64, torch.int32):
        found = x.dtype if isinstance(x, torch.Tensor) else type(x).__name__
        raise TypeError(f"{name} must be a tensor of int64 or int32, got {found}")
    if x.dim() != 2:
        raise ValueError(f"{name} must have shape (T, B) or (B, T), got {tuple(x.shape)}")
    try:
        features: torch.Tensor = embedding(x)
    except IndexError:  # asking before would make a GPU wait
        raise ValueError(
            f"{name} must lie in 0..{embedding.num_embeddings - 1}, got {int(x.min())} to "
            f"{int(x.max())}"
        ) from None
    return features
