"""Sums over groups of rows in the backward pass of the ``blocks`` backend."""

from __future__ import annotations

import torch

from optuna_mi.nn._blocks_groups import Group
from optuna_mi.nn._blocks_matmul import multiply


def add_products(
    totals: tuple[torch.Tensor, torch.Tensor],
    g: torch.Tensor,
    group: Group,
    x: torch.Tensor,
    past: torch.Tensor | None,
) -> None:
    """Add a group's ``g^T x`` and ``g^T h`` to the gradients of W_ih and W_hh.

    ``g`` are the group's rows in the operands' dtype.
    """
    multiply(totals[0], g.t(), x[group.start : group.stop], add=True)
    add_recurrent(totals[1], g, group, past)


def add_recurrent(
    total: torch.Tensor, g: torch.Tensor, group: Group, past: torch.Tensor | None
) -> None:
    """Add a group's ``g^T h`` to the gradient of W_hh; without a past there is none."""
    if past is not None:
        n = group.stop - group.start
        multiply(total, g.t(), past[group.past : group.past + n].to(g.dtype), add=True)


class Biases:
    """Gradient of the biases, summed by groups: one long sum would lose digits.

    Args:
        like: A tensor of the dtype wanted.
        size: Length of the biases.

    Attributes:
        group: Sums of the present group, which the kernels write.
        total: Sums of all finished groups.
    """

    def __init__(self, like: torch.Tensor, size: int) -> None:
        self.group, self.total = like.new_zeros(size), like.new_zeros(size)

    def finish_group(self) -> None:
        """Add the group's sums to those of all groups."""
        self.total += self.group
        self.group.zero_()


def new_carry(groups: list[Group], y: torch.Tensor) -> torch.Tensor:
    """Zeros for the gradient that a block hands to the one before."""
    width = max(piece.lane + piece.rows for group in groups for piece in group.pieces)
    return y.new_zeros(width, y.shape[1])
