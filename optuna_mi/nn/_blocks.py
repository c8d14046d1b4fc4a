"""A dilated layer of a large hidden size on the CPU: few large matrix products, float32.

The rows of a layer, (positions * batch), are worked through in groups that stay in the cache: one
product projects a group's inputs, one per block of lanes makes the recurrent part, one pass does
the rest of the cell; backwards likewise, with one product per group for the gradient of the inputs
and of each weight. Under autocast the operands are bfloat16 (``_blocks_matmul``).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from optuna_mi.nn import _blocks_cells
from optuna_mi.nn._blocks_gradients import Biases, add_products, add_recurrent, new_carry
from optuna_mi.nn._blocks_groups import MAX_ROWS, Group, make_groups
from optuna_mi.nn._blocks_matmul import multiply, product_dtype, transposed
from optuna_mi.nn._call_kernel import call, flat
from optuna_mi.nn._check_arguments import LayerState
from optuna_mi.nn._first_derivative import first_derivatives_only
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
    n, batch, features = x.shape
    size = cell.hidden_size
    parts: tuple[torch.Tensor | None, ...] = (None, None)
    if state is not None:
        parts = state if isinstance(state, tuple) else (state, None)
    starts = [
        None if part is None else take_rows(part, plan.lanes).reshape(-1, size).contiguous()
        for part in parts
    ]
    rows = x.reshape(n * batch, features)
    function = {"RNN_TANH": _RNN, "GRU": _GRU, "LSTM": _LSTM}[cell.mode]
    inputs = starts if cell.mode == "LSTM" else starts[:1]
    dtype = product_dtype()
    with torch.autocast("cpu", enabled=False):
        result = function.apply(
            rows, make_groups(plan, batch), dtype, *inputs, *cell.all_weights[0]
        )  # type: ignore[no-untyped-call]
    outputs = result if cell.mode == "LSTM" else (result,)
    outputs = [output.view(n, batch, size) for output in outputs]
    passed = outputs[0] + x if add_input else outputs[0]
    if not plan.full:
        return passed, None
    after = tuple(
        last_rows(output, part, dilation) for output, part in zip(outputs, parts, strict=False)
    )
    return passed, (after[0], after[1]) if cell.mode == "LSTM" else after[0]


class _RNN(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        groups: list[Group],
        dtype: torch.dtype,
        start: torch.Tensor | None,
        *weights: torch.Tensor,
    ) -> torch.Tensor:
        w_ih, w_hh, b_ih, b_hh = weights
        size = w_hh.shape[1]
        y, x = x.new_empty(len(x), size), x.to(dtype)
        i_t, h_t = transposed(w_ih, dtype), transposed(w_hh, dtype)
        bias, flat_y = b_ih + b_hh, flat(y)
        for group in groups:
            rows = slice(group.start, group.stop)
            multiply(y[rows], x[rows], i_t, bias=bias)
            past = start if group.first else y
            for piece in group.pieces:
                if past is not None:
                    h = past[piece.past : piece.past + piece.rows]
                    multiply(y[piece.row : piece.row + piece.rows], h, h_t, add=True)
                call(_blocks_cells.rnn_forward, flat_y, piece.row, piece.rows, size)
        ctx.save_for_backward(x, start, w_ih, w_hh, y)
        ctx.groups = groups
        return y

    @staticmethod
    @first_derivatives_only
    def backward(ctx: Any, gy: torch.Tensor) -> tuple[Any, ...]:
        x, start, w_ih, w_hh, y = ctx.saved_tensors
        size = w_hh.shape[1]
        g, carry = torch.empty_like(y), new_carry(ctx.groups, y)
        gx = y.new_empty(x.shape) if ctx.needs_input_grad[0] else None
        v_ih, v_hh = w_ih.to(x.dtype), w_hh.to(x.dtype)
        totals, biases = (torch.zeros_like(w_ih), torch.zeros_like(w_hh)), Biases(y, size)
        arrays = (flat(gy), flat(carry), flat(y), flat(g), flat(biases.group))
        for group in reversed(ctx.groups):
            past = start if group.first else y
            for row, lane, rows, _ in reversed(group.pieces):
                call(_blocks_cells.rnn_backward, *arrays, lane, row, rows, size)
                if past is not None:
                    multiply(carry[lane : lane + rows], g[row : row + rows], v_hh)
            here = slice(group.start, group.stop)
            g_here = g[here].to(x.dtype)
            add_products(totals, g_here, group, x, past)
            if gx is not None:
                multiply(gx[here], g_here, v_ih)
            biases.finish_group()
        gstart = carry if start is not None else None
        return gx, None, None, gstart, *totals, biases.total, biases.total.clone()


class _GRU(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        groups: list[Group],
        dtype: torch.dtype,
        start: torch.Tensor | None,
        *weights: torch.Tensor,
    ) -> torch.Tensor:
        w_ih, w_hh, b_ih, b_hh = weights
        size = w_hh.shape[1]
        gates, y = x.new_empty(len(x), 3 * size), x.new_empty(len(x), size)
        x = x.to(dtype)
        m = torch.empty_like(y)
        # Without a past the recurrent sums are their biases.
        recurrent = b_hh.repeat(MAX_ROWS, 1)
        i_t, h_t = transposed(w_ih, dtype), transposed(w_hh, dtype)
        head, tail = (flat(gates), flat(recurrent)), (flat(m), flat(y))
        flat_start = flat(start)
        for group in groups:
            rows = slice(group.start, group.stop)
            multiply(gates[rows], x[rows], i_t, bias=b_ih)
            past = start if group.first else y
            flat_past = flat_start if group.first else tail[1]
            for piece in group.pieces:
                if past is not None:
                    h = past[piece.past : piece.past + piece.rows]
                    multiply(recurrent[: piece.rows], h, h_t, bias=b_hh)
                call(
                    _blocks_cells.gru_forward, *head, flat_past, *tail,
                    piece.past, piece.row, piece.rows, size,
                )  # fmt: skip
        ctx.save_for_backward(x, start, w_ih, w_hh, y, gates, m)
        ctx.groups = groups
        return y

    @staticmethod
    @first_derivatives_only
    def backward(ctx: Any, gy: torch.Tensor) -> tuple[Any, ...]:
        x, start, w_ih, w_hh, y, gates, m = ctx.saved_tensors
        size = w_hh.shape[1]
        gh, gn = torch.empty_like(gates), torch.empty_like(y)
        carry, biases = new_carry(ctx.groups, y), Biases(y, 4 * size)
        gx = y.new_empty(x.shape) if ctx.needs_input_grad[0] else None
        v_ih, v_hh = w_ih.to(x.dtype), w_hh.to(x.dtype)
        # The input's sums have r and z in common with the recurrent ones.
        rz, n = slice(0, 2 * size), slice(2 * size, 3 * size)
        totals = (torch.zeros_like(w_ih), torch.zeros_like(w_hh))
        head, tail = (
            (flat(gy), flat(carry), flat(gates)),
            (flat(m), flat(gh), flat(gn), flat(biases.group)),
        )
        flat_y, flat_start = flat(y), flat(start)
        for group in reversed(ctx.groups):
            past = start if group.first else y
            flat_past = flat_start if group.first else flat_y
            for row, lane, rows, before in reversed(group.pieces):
                call(
                    _blocks_cells.gru_backward, *head, flat_past, *tail,
                    before, lane, row, rows, size,
                )  # fmt: skip
                if past is not None:
                    multiply(carry[lane : lane + rows], gh[row : row + rows], v_hh, add=True)
            here = slice(group.start, group.stop)
            g_here, gn_here = gh[here].to(x.dtype), gn[here].to(x.dtype)
            add_recurrent(totals[1], g_here, group, past)
            multiply(totals[0][rz], g_here[:, rz].t(), x[here], add=True)
            multiply(totals[0][n], gn_here.t(), x[here], add=True)
            if gx is not None:
                multiply(gx[here], g_here[:, rz], v_ih[rz])
                multiply(gx[here], gn_here, v_ih[n], add=True)
            biases.finish_group()
        gstart = carry if start is not None else None
        b_r, b_z, b_m, b_n = biases.total.chunk(4)
        return (
            gx,
            None,
            None,
            gstart,
            *totals,
            torch.cat((b_r, b_z, b_n)),
            torch.cat((b_r, b_z, b_m)),
        )


class _LSTM(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        groups: list[Group],
        dtype: torch.dtype,
        start: torch.Tensor | None,
        start_c: torch.Tensor | None,
        *weights: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        w_ih, w_hh, b_ih, b_hh = weights
        size = w_hh.shape[1]
        gates, y = x.new_empty(len(x), 4 * size), x.new_empty(len(x), size)
        x = x.to(dtype)
        cells = torch.empty_like(y)
        i_t, h_t, bias = transposed(w_ih, dtype), transposed(w_hh, dtype), b_ih + b_hh
        arrays, flat_start, flat_gates = (flat(cells), flat(y)), flat(start_c), flat(gates)
        for group in groups:
            rows = slice(group.start, group.stop)
            multiply(gates[rows], x[rows], i_t, bias=bias)
            past = start if group.first else y
            flat_past = flat_start if group.first else arrays[0]
            for piece in group.pieces:
                if past is not None:
                    h = past[piece.past : piece.past + piece.rows]
                    multiply(gates[piece.row : piece.row + piece.rows], h, h_t, add=True)
                call(
                    _blocks_cells.lstm_forward, flat_gates, flat_past, *arrays,
                    piece.past, piece.row, piece.rows, size,
                )  # fmt: skip
        ctx.save_for_backward(x, start, start_c, w_ih, w_hh, y, cells, gates)
        ctx.groups = groups
        ctx.set_materialize_grads(False)
        return y, cells

    @staticmethod
    @first_derivatives_only
    def backward(ctx: Any, gy: torch.Tensor | None, gcells: torch.Tensor | None) -> tuple[Any, ...]:
        x, start, start_c, w_ih, w_hh, y, cells, gates = ctx.saved_tensors
        size = w_hh.shape[1]
        g, biases = torch.empty_like(gates), Biases(y, 4 * size)
        carry, carry_c = new_carry(ctx.groups, y), new_carry(ctx.groups, y)
        gx = y.new_empty(x.shape) if ctx.needs_input_grad[0] else None
        v_ih, v_hh = w_ih.to(x.dtype), w_hh.to(x.dtype)
        totals = (torch.zeros_like(w_ih), torch.zeros_like(w_hh))
        if gy is None:
            gy = torch.zeros_like(y)
        head = (flat(gy), flat(gcells), flat(carry), flat(carry_c), flat(gates))
        tail = (flat(cells), flat(g), flat(biases.group))
        flat_start = flat(start_c)
        for group in reversed(ctx.groups):
            past = start if group.first else y
            flat_past = flat_start if group.first else tail[0]
            for row, lane, rows, before in reversed(group.pieces):
                call(
                    _blocks_cells.lstm_backward, *head, flat_past, *tail,
                    before, lane, row, rows, size,
                )  # fmt: skip
                if past is not None:
                    multiply(carry[lane : lane + rows], g[row : row + rows], v_hh)
            here = slice(group.start, group.stop)
            g_here = g[here].to(x.dtype)
            add_products(totals, g_here, group, x, past)
            if gx is not None:
                multiply(gx[here], g_here, v_ih)
            biases.finish_group()
        gstart, gstart_c = (carry, carry_c) if start is not None else (None, None)
        return gx, None, None, gstart, gstart_c, *totals, biases.total, biases.total.clone()
