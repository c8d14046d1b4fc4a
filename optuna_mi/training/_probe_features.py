"""How activations become one vector per example, (N, D)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from optuna_mi.training._probe_forward import check_unambiguous
from optuna_mi.training._probe_sampling import ProbeSample

Reduction = Literal["pool", "mean", "flatten"] | Callable[[Tensor], Tensor]


def output_features(output: Tensor, sample: ProbeSample) -> Tensor:
    """Return the last layer's activations, one vector per example or a position.

    Raises:
        ValueError: If the output does not fit the targets.
    """
    if sample.positions is not None:
        return _at_positions(output, sample, "the output")
    if output.dim() == 1:
        output = output.unsqueeze(1)
    n = len(sample.targets)
    if output.shape[0] != n:
        raise ValueError(
            f"the output has shape {tuple(output.shape)} for {n} examples; "
            "pass forward= to turn it into (examples, features)"
        )
    return output.flatten(1)


def layer_features(
    value: Tensor, name: str, sample: ProbeSample, how: Reduction, max_features: int
) -> Tensor:
    """Return a hidden layer's activations, one vector per example or a position.

    Args:
        value: What the layer put out.
        name: The layer's.
        sample: The examples.
        how: See :func:`reduce_activations`.
        max_features: See :func:`reduce_activations`.

    Raises:
        ValueError: If no axis holds the examples, or more than one may.
    """
    if sample.positions is not None:
        return _at_positions(value, sample, f"layer {name!r}")
    n = len(sample.targets)
    if value.shape[:2] == (n, n):
        check_unambiguous(value, f"layer {name!r}", "size")
    if value.shape[0] != n:
        if value.dim() != 3 or value.shape[1] != n:
            raise ValueError(
                f"layer {name!r} has activations of shape {tuple(value.shape)}, in which no "
                f"axis holds the {n} examples"
            )
        value = value[-1]  # time first: the last step is what a classifier reads
    return reduce_activations(value, how, max_features)


def _at_positions(value: Tensor, sample: ProbeSample, what: str) -> Tensor:
    assert sample.positions is not None
    if value.dim() < 3 or value.shape[:2] != sample.inputs.shape[:2]:
        raise ValueError(
            f"{what} has shape {tuple(value.shape)}, expected {tuple(sample.inputs.shape[:2])} "
            "in the first two axes and features in the third"
        )
    first, second = (index.to(value.device) for index in sample.positions)
    return value[first, second].flatten(1)


def project(samples: Tensor, n_features: int, seed: int) -> Tensor:
    """Project more than ``n_features`` features onto so many by a fixed random matrix.

    Args:
        samples: (N, D), float64.
        n_features: The most that are left.
        seed: Decides the matrix; its entries are normal with variance ``1 / n_features``.
    """
    if samples.shape[1] <= n_features:
        return samples
    generator = torch.Generator("cpu").manual_seed(seed)
    matrix = torch.randn(
        samples.shape[1], n_features, generator=generator, dtype=torch.float64, device="cpu"
    )
    return samples @ matrix.to(samples.device) / math.sqrt(n_features)


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
