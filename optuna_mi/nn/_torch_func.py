"""One dilated layer by single PyTorch operations, a block of lanes at a time.

PyTorch's recurrent kernels have no rule for ``torch.func.vmap``, and some none for forward-mode
derivatives; these operations have all of them. Slower: a matrix product per block.
"""

from __future__ import annotations

import torch
from torch import nn

from optuna_mi.nn._check_arguments import Cell, LayerState
from optuna_mi.nn._positions import LayerPlan
from optuna_mi.nn._recurrence_op import recurrence, run_layer_by


def run_layer(
    cell: nn.RNNBase,
    x: torch.Tensor,
    plan: LayerPlan,
    dilation: int,
    state: LayerState | None,
    add_input: bool,
) -> tuple[torch.Tensor, LayerState | None]:
    """Run one layer; arguments and results as in ``_views.run_layer``."""

    def recur(
        kind: Cell,
        projected: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        plan: LayerPlan,
        h: torch.Tensor | None,
        c: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        # of the input's dtype: autocast would have them in half precision
        zeros = x.new_zeros(plan.block_sizes[0], x.shape[1], cell.hidden_size)
        h, c = (zeros if part is None else part for part in (h, c))
        return recurrence(kind, projected, weight, bias, plan, h, c)

    return run_layer_by(recur, cell, x, plan, dilation, state, add_input)
