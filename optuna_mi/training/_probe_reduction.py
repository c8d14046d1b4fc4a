"""How a layer's activations become one vector an example."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from torch import Tensor
from torch.nn import functional as F

Reduction = Literal["pool", "mean", "flatten"] | Callable[[Tensor], Tensor]


def reduce_activations(value: Tensor, how: Reduction, max_features: int) -> Tensor:
    """Return activations as (N, D).

    Args:
        value: Shape (N, features) or (N, channels, ...) with one to three axes of space.
        how: ``"pool"`` averages over a regular grid, the finest with at most ``max_features``
            features in all; ``"mean"`` over all of space; ``"flatten"`` keeps everything; a
            function gets ``value`` and returns (N, D).
        max_features: For ``"pool"``.

    Raises:
        ValueError: If ``how`` is unknown, or a function returns another shape.
    """
    if callable(how):
        reduced = how(value)
        if reduced.dim() != 2 or reduced.shape[0] != value.shape[0]:
            raise ValueError(
                f"reduce returned shape {tuple(reduced.shape)}, expected ({value.shape[0]}, D)"
            )
        return reduced
    if how not in ("pool", "mean", "flatten"):
        raise ValueError(f"reduce must be 'pool', 'mean', 'flatten' or a function, got {how!r}")
    if value.dim() == 1:
        value = value.unsqueeze(1)
    if value.dim() == 2 or how == "flatten":
        return value.flatten(1)
    space = tuple(range(2, value.dim()))
    if how == "mean" or len(space) > 3:
        return value.mean(dim=space)
    side = int((max(1, max_features // value.shape[1]) + 0.5) ** (1 / len(space)))
    grid = tuple(min(max(1, side), value.shape[axis]) for axis in space)
    if math.prod(grid) == 1:
        return value.mean(dim=space)
    if len(grid) == 1:
        return F.adaptive_avg_pool1d(value, grid).flatten(1)
    if len(grid) == 2:
        return F.adaptive_avg_pool2d(value, grid).flatten(1)
    return F.adaptive_avg_pool3d(value, (grid[0], grid[1], grid[2])).flatten(1)
