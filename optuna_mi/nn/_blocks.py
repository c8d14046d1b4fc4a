"""A dilated layer of a large hidden size on the CPU: few large matrix products, float32.

One product projects the inputs of all positions, one a block of d lanes makes the recurrent part,
one pass over memory does the rest of the cell. The gradients of the weights are one product each
over all positions, in slices that stay in the cache. Memory is (positions, batch, features).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from optuna_mi.nn import _pointwise
from optuna_mi.nn._memory import call, flat
from optuna_mi.nn._positions import LayerPlan, last_rows, take_rows
from optuna_mi.nn._validation import LayerState

_SLICE = 1024  # rows of a weight gradient's product: both operands fit a L2 cache


def run_layer(
    cell: nn.RNNBase, x: torch.Tensor, plan: LayerPlan, dilation: int, state: LayerState | None
) -> tuple[torch.Tensor, LayerState | None]:
    """Run one layer; arguments and results as in ``_views.run_layer``."""
    n, batch, features = x.shape
    size = cell.hidden_size
    parts: tuple[torch.Tensor | None, ...] = (None, None)
    if state is not None:
        parts = state if isinstance(state, tuple) else (state, None)
    starts = [
        None if part is None else take_rows(part, plan.lanes).reshape(-1, size) for part in parts
    ]
    rows = x.reshape(n * batch, features)
    blocks = Blocks(plan, batch)
    function = {"RNN_TANH": _RNN, "GRU": _GRU, "LSTM": _LSTM}[cell.mode]
    inputs = starts if cell.mode == "LSTM" else starts[:1]
    result = function.apply(rows, blocks, *inputs, *cell.all_weights[0])  # type: ignore[no-untyped-call]
    outputs = result if cell.mode == "LSTM" else (result,)
    outputs = [output.view(n, batch, size) for output in outputs]
    if not plan.full:
        return outputs[0], None
    after = tuple(
        last_rows(output, part, dilation) for output, part in zip(outputs, parts, strict=False)
    )
    return outputs[0], (after[0], after[1]) if cell.mode == "LSTM" else after[0]


class Blocks:
    """A plan's blocks as rows of ``(positions * batch, features)`` matrices."""

    def __init__(self, plan: LayerPlan, batch: int) -> None:
        self.starts = [int(start) * batch for start in plan.starts]
        self.sizes = [size * batch for size in plan.block_sizes]

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """First row, first row of the block before (-1: the initial state), and rows."""
        return zip(self.starts, [-1, *self.starts[:-1]], self.sizes, strict=True)

    def slices(self) -> Iterator[tuple[int, int, int]]:
        """First row, first row of its past, and rows: all but block 0, at most _SLICE at once."""
        row, shift, stop = self.sizes[0], self.sizes[0], self.sizes[0]
        for before, size in zip(self.sizes, self.sizes[1:], strict=False):
            if before != shift:
                yield from _cut(row, shift, stop)
                row, shift = stop, before
            stop += size
        yield from _cut(row, shift, stop)


def _cut(row: int, shift: int, stop: int) -> Iterator[tuple[int, int, int]]:
    for start in range(row, stop, _SLICE):
        yield start, start - shift, min(_SLICE, stop - start)


def _recurrent_gradient(
    g: torch.Tensor, y: torch.Tensor, start: torch.Tensor | None, blocks: Blocks
) -> torch.Tensor:
    """Sum over positions of ``g_t h_(t-d)^T``."""
    total = g.new_zeros(g.shape[1], y.shape[1])
    if start is not None:
        total.addmm_(g[: blocks.sizes[0]].t(), start)
    for row, before, rows in blocks.slices():
        total.addmm_(g[row : row + rows].t(), y[before : before + rows])
    return total


def _input_gradient(g: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Sum over positions of ``g_t x_t^T``."""
    total = g.new_zeros(g.shape[1], x.shape[1])
    for row in range(0, len(g), _SLICE):
        total.addmm_(g[row : row + _SLICE].t(), x[row : row + _SLICE])
    return total


class _RNN(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        blocks: Blocks,
        start: torch.Tensor | None,
        *weights: torch.Tensor,
    ) -> torch.Tensor:
        w_ih, w_hh, b_ih, b_hh = weights
        size = w_hh.shape[1]
        y = torch.addmm(b_ih + b_hh, x, w_ih.t())
        w_t, flat_y = w_hh.t().contiguous(), flat(y)
        for row, before, rows in blocks:
            past = y[before : before + rows] if before >= 0 else start
            if past is not None:
                y[row : row + rows].addmm_(past, w_t)
            call(_pointwise.rnn_forward, flat_y, row, rows, size)
        ctx.save_for_backward(x, start, w_ih, w_hh, y)
        ctx.blocks = blocks
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: torch.Tensor) -> tuple[Any, ...]:
        x, start, w_ih, w_hh, y = ctx.saved_tensors
        blocks, size = ctx.blocks, w_hh.shape[1]
        g, carry = torch.empty_like(y), y.new_zeros(blocks.sizes[0], size)
        flat_gy, flat_carry, flat_y, flat_g = flat(gy), flat(carry), flat(y), flat(g)
        for row, before, rows in reversed(list(blocks)):
            call(_pointwise.rnn_backward, flat_gy, flat_carry, flat_y, flat_g, row, rows, size)
            if before >= 0 or start is not None:
                torch.mm(g[row : row + rows], w_hh, out=carry[:rows])
        g_bias = g.sum(0)
        return (
            g @ w_ih if ctx.needs_input_grad[0] else None,
            None,
            carry if start is not None else None,
            _input_gradient(g, x),
            _recurrent_gradient(g, y, start, blocks),
            g_bias,
            g_bias.clone(),
        )


class _GRU(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        blocks: Blocks,
        start: torch.Tensor | None,
        *weights: torch.Tensor,
    ) -> torch.Tensor:
        w_ih, w_hh, b_ih, b_hh = weights
        size = w_hh.shape[1]
        gates = torch.addmm(b_ih, x, w_ih.t())
        y = x.new_empty(len(x), size)
        m = torch.empty_like(y)
        recurrent = b_hh.expand(blocks.sizes[0], -1).contiguous()
        w_t = w_hh.t().contiguous()
        arrays = (flat(m), flat(y))
        flat_gates, flat_recurrent, flat_start = flat(gates), flat(recurrent), flat(start)
        for row, before, rows in blocks:
            past = y[before : before + rows] if before >= 0 else start
            if past is not None:
                torch.addmm(b_hh, past, w_t, out=recurrent[:rows])
            call(
                _pointwise.gru_forward, flat_gates, flat_recurrent,
                arrays[1] if before >= 0 else flat_start, *arrays, max(before, 0), row, rows, size,
            )  # fmt: skip
        ctx.save_for_backward(x, start, w_ih, w_hh, y, gates, m)
        ctx.blocks = blocks
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: torch.Tensor) -> tuple[Any, ...]:
        x, start, w_ih, w_hh, y, gates, m = ctx.saved_tensors
        blocks, size = ctx.blocks, w_hh.shape[1]
        gx, gh = torch.empty_like(gates), torch.empty_like(gates)
        carry = y.new_zeros(blocks.sizes[0], size)
        head = (flat(gy), flat(carry), flat(gates))
        tail = (flat(m), flat(gx), flat(gh))
        flat_y, flat_start = flat(y), flat(start)
        for row, before, rows in reversed(list(blocks)):
            call(
                _pointwise.gru_backward, *head, flat_y if before >= 0 else flat_start, *tail,
                max(before, 0), row, rows, size,
            )  # fmt: skip
            if before >= 0 or start is not None:
                carry[:rows].addmm_(gh[row : row + rows], w_hh)
        return (
            gx @ w_ih if ctx.needs_input_grad[0] else None,
            None,
            carry if start is not None else None,
            _input_gradient(gx, x),
            _recurrent_gradient(gh, y, start, blocks),
            gx.sum(0),
            gh.sum(0),
        )


class _LSTM(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        blocks: Blocks,
        start: torch.Tensor | None,
        start_c: torch.Tensor | None,
        *weights: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        w_ih, w_hh, b_ih, b_hh = weights
        size = w_hh.shape[1]
        gates = torch.addmm(b_ih + b_hh, x, w_ih.t())
        y = x.new_empty(len(x), size)
        cells = torch.empty_like(y)
        w_t = w_hh.t().contiguous()
        flat_gates, flat_cells, flat_y, flat_start = (
            flat(gates),
            flat(cells),
            flat(y),
            flat(start_c),
        )
        for row, before, rows in blocks:
            past = y[before : before + rows] if before >= 0 else start
            if past is not None:
                gates[row : row + rows].addmm_(past, w_t)
            call(
                _pointwise.lstm_forward, flat_gates, flat_cells if before >= 0 else flat_start,
                flat_cells, flat_y, max(before, 0), row, rows, size,
            )  # fmt: skip
        ctx.save_for_backward(x, start, start_c, w_ih, w_hh, y, cells, gates)
        ctx.blocks = blocks
        ctx.set_materialize_grads(False)
        return y, cells

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: torch.Tensor | None, gcells: torch.Tensor | None) -> tuple[Any, ...]:
        x, start, start_c, w_ih, w_hh, y, cells, gates = ctx.saved_tensors
        blocks, size = ctx.blocks, w_hh.shape[1]
        g = torch.empty_like(gates)
        carry, carry_c = (y.new_zeros(blocks.sizes[0], size) for _ in range(2))
        if gy is None:
            gy = torch.zeros_like(y)
        head = (flat(gy), flat(gcells), flat(carry), flat(carry_c), flat(gates))
        flat_cells, flat_start, flat_g = flat(cells), flat(start_c), flat(g)
        for row, before, rows in reversed(list(blocks)):
            call(
                _pointwise.lstm_backward, *head, flat_cells if before >= 0 else flat_start,
                flat_cells, flat_g, max(before, 0), row, rows, size,
            )  # fmt: skip
            if before >= 0 or start is not None:
                torch.mm(g[row : row + rows], w_hh, out=carry[:rows])
        g_bias = g.sum(0)
        return (
            g @ w_ih if ctx.needs_input_grad[0] else None,
            None,
            carry if start is not None else None,
            carry_c if start is not None else None,
            _input_gradient(g, x),
            _recurrent_gradient(g, y, start, blocks),
            g_bias,
            g_bias.clone(),
        )
