"""One dilated layer by single PyTorch operations, a block of lanes at a time.

PyTorch's recurrent kernels have no rule for ``torch.func.vmap``, and some none for forward-mode
derivatives; these operations have all of them. Slower: a matrix product a block.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from optuna_mi.nn._check_arguments import LayerState
from optuna_mi.nn._positions import LayerPlan, last_rows, take_rows


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
        h, c = _step(cell.mode, projected[start : start + size], recurrent, h[:size], c[:size])
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


def _step(
    mode: str, i: torch.Tensor, r: torch.Tensor, h: torch.Tensor, c: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs and cells from the input's and the recurrent sums, as in ``torch.nn``."""
    if mode == "RNN_TANH":
        return torch.tanh(i + r), c
    if mode == "GRU":
        (i_r, i_z, i_n), (r_r, r_z, r_n) = i.chunk(3, -1), r.chunk(3, -1)
        z = torch.sigmoid(i_z + r_z)
        n = torch.tanh(i_n + torch.sigmoid(i_r + r_r) * r_n)
        return (1 - z) * n + z * h, c
    gate_i, gate_f, gate_g, gate_o = (i + r).chunk(4, -1)
    c = torch.sigmoid(gate_f) * c + torch.sigmoid(gate_i) * torch.tanh(gate_g)
    return torch.sigmoid(gate_o) * torch.tanh(c), c
