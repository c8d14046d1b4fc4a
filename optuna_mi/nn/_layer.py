from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from optuna_mi.nn._backend import get_run_layer
from optuna_mi.nn._check_arguments import Cell, LayerState
from optuna_mi.nn._positions import LayerPlan, take_rows

_CELLS: dict[str, Callable[[int, int], nn.RNNBase]] = {
    "rnn": nn.RNN,
    "gru": nn.GRU,
    "lstm": nn.LSTM,
}


class DilatedLayer(nn.Module):
    """One layer of a dilated stack: cell, dropout, identity connection.

    It is a module so that hooks see what it passes on: ``(positions, B, H)``, the last step last.

    Args:
        cell: ``"rnn"``, ``"gru"`` or ``"lstm"``.
        input_size: Features of its input.
        hidden_size: H.
        dilation: d.
        dropout: Of its outputs.
        residual: Add the input where the sizes agree.

    Attributes:
        cell: A ``torch.nn.RNN``, ``GRU`` or ``LSTM`` of one layer, which holds the parameters
            ``weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0``.
    """

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        dilation: int,
        dropout: float,
        residual: bool,
    ) -> None:
        super().__init__()
        self.cell = _CELLS[cell](input_size, hidden_size)
        self.dilation = dilation
        self.dropout = dropout
        self.residual = residual and input_size == hidden_size

    def forward(
        self, x: torch.Tensor, plan: LayerPlan, state: LayerState | None, backend: str
    ) -> tuple[torch.Tensor, LayerState | None]:
        """Run the layer.

        Args:
            x: What the layer below passes on, ``(rows, B, features)``.
            plan: The positions.
            state: Outputs (and cells, for LSTM) at times -d .. -1, ``(d, B, H)``; ``None``: zeros.
            backend: ``"torch_func"``, ``"views"``, ``"fused"``, ``"blocks"`` or
                ``"triton"``.

        Returns:
            The outputs ``(n, B, H)`` in the plan's order, and the state after the last step; it is
            ``None`` if the plan is pruned.
        """
        run = get_run_layer(backend)
        if not (self.training and self.dropout > 0.0):
            passed, after = run(self.cell, x, plan, self.dilation, state, self.residual)
            return passed, after
        h, after = run(self.cell, x, plan, self.dilation, state, False)
        h = functional.dropout(h, self.dropout)
        if self.residual:
            h = h + take_rows(x, plan.source)
        return h, after

    def extra_repr(self) -> str:
        """Settings shown by ``print(layer)``."""
        return f"dilation={self.dilation}, dropout={self.dropout}, residual={self.residual}"
