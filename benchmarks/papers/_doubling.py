"""The standard progression of [MK20] and Chang et al."""

from __future__ import annotations


def doubling(n_layers: int) -> tuple[int, ...]:
    """Return 1, 2, 4, …, one per layer."""
    return tuple(2**i for i in range(n_layers))
