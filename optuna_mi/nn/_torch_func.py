"""One dilated layer by single PyTorch operations, a block of lanes at a time.

PyTorch's recurrent kernels have no rule for ``torch.func.vmap``, and some none for forward-mode
derivatives; these operations have all of them. Slower: a matrix product per block.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from optuna_mi.nn._check_arguments import LayerState
from optuna_mi.nn._positions import LayerPlan, last_rows, take_rows
from optuna_mi.nn._recurrence_op import CELLS, step


def run_layer(
    cell: nn.RNNBase,
    x: torch.Tensor,
    plan: LayerPlan,
    dilation: int,
    state: LayerState | None,
    add_input: bool,
) -> tuple[torch.Tensor, LayerState | None]:
    """Run one layer; arguments and results as in ``_views.run_layer``."""
    x = take_rows(x, plan.source)
    w_ih, w_hh, b_ih, b_hh = cell.all_weights[0]
    projected = functional.linear(x, w_ih, b_ih)
    before = state if isinstance(state, tuple) else (state, None)
    zeros = x.new_zeros(plan.block_sizes[0], x.shape[1], cell.hidden_size)
    h, c = (zeros if part is None else take_rows(part, plan.lanes) for part in before)
    outputs, cells = [], []
    for start, size in zip(plan.starts.tolist(), plan.block_sizes, strict=True):
        recurrent = functional.linear(h[:size], w_hh, b_hh)
        i = projected[start : start + size]
        h, c = step(CELLS[cell.mode], i, recurrent, h[:size], c[:size])
        outputs.append(h)
        cells.append(c)
    output = torch.cat(outputs)
    passed = output + x if add_input else output
    if not plan.full:
        return passed, None
    after = last_rows(output, before[0], dilation)
    if cell.mode != "LSTM":
        return passed, after
    return passed, (after, last_rows(torch.cat(cells), before[1], dilation))
