"""The recurrent part of dilated layers, for several models at once.

What remains of a layer once its input is projected is h_t = f(p_t, W h_{t-d}): one small product a
step. Rows of the reshaped memory never meet, and neither do models, so that one call serves all
rows of K models with dilations of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional

from optuna_mi.nn._check_arguments import Cell, LayerState
from optuna_mi.nn._positions import LayerPlan, last_rows, plan_stack, take_rows

CELLS: dict[str, Cell] = {"RNN_TANH": "rnn", "GRU": "gru", "LSTM": "lstm"}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def full_plan(length: int, dilation: int) -> LayerPlan:
    """The plan of a layer that computes all of ``0 .. length - 1`` in order of time.

    Args:
        length: T, at least 1.
        dilation: d; may exceed T.

    Example:
        >>> full_plan(5, 2).block_sizes
        (2, 2, 1)
    """
    return plan_stack(length, (dilation,), None).layers[0]


def dilated_recurrence(
    cell: Cell,
    projected: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    plans: Sequence[LayerPlan],
    start: torch.Tensor | None = None,
    start_c: torch.Tensor | None = None,
    backend: str = "plain",
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Run K dilated recurrences whose inputs are already projected.

    The gates G and their order are PyTorch's: 1 for ``"rnn"`` (tanh), 3 for ``"gru"`` (r, z, n), 4
    for ``"lstm"`` (i, f, g, o). All tensors have one dtype and device.

    Args:
        cell: ``"rnn"``, ``"gru"`` or ``"lstm"``.
        projected: ``W_ih x + b_ih``, ``(K, N, B, G*H)``: row i of model k is position
            ``plans[k].positions[i]``. With :func:`full_plan` rows are time, and N is T.
        weight: ``W_hh`` of every model, ``(K, G*H, H)``.
        bias: ``b_hh`` of every model, ``(K, G*H)``.
        plans: K plans, ``full_plan(T, d_k)`` where all outputs are read. One may have fewer rows
            than N; what ``projected`` holds behind them is not read.
        start: h before each lane, ``(K, L, B, H)``: row j of model k is time
            ``plans[k].lanes[j] - d_k``, which for a full plan is ``j - d_k``. L is at least the
            number of lanes of every plan. ``None`` starts from zeros.
        start_c: c before each lane, as ``start``; LSTM only, and given if and only if ``start`` is.
        backend: ``"plain"``, single PyTorch operations on any device (differentiable any number
            of times, slow); ``"triton"``, one launch for all models on a GPU (first derivatives;
            what it multiplies in is what :func:`~optuna_mi.nn._precision.operands` says, and the
            results have the dtype of ``projected``). ``_triton_fits.why_not_triton`` says whether
            that runs here.

    Returns:
        h, ``(K, N, B, H)``, zeros behind a plan's rows, and for LSTM c likewise (else ``None``).
    """
    if backend == "triton":
        from optuna_mi.nn import _triton

        return _triton.recurrence(cell, projected, weight, bias, plans, start, start_c)
    outputs, cells = [], []
    for k, plan in enumerate(plans):
        h, c = recurrence(
            cell,
            projected[k],
            weight[k],
            bias[k],
            plan,
            None if start is None else start[k],
            None if start_c is None else start_c[k],
        )
        behind = (0, 0, 0, 0, 0, projected.shape[1] - len(h))
        outputs.append(functional.pad(h, behind))
        cells.append(functional.pad(c, behind))
    return torch.stack(outputs), torch.stack(cells) if cell == "lstm" else None


def recurrence(
    cell: Cell,
    projected: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    plan: LayerPlan,
    start: torch.Tensor | None,
    start_c: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run one model's recurrence by single operations: ``dilated_recurrence`` without K."""
    lanes = plan.block_sizes[0]
    zeros = projected.new_zeros(lanes, projected.shape[1], weight.shape[1])
    h = zeros if start is None else start[:lanes]
    c = zeros if start_c is None else start_c[:lanes]
    outputs, cells = [], []
    for first, n in zip(plan.starts.tolist(), plan.block_sizes, strict=True):
        recurrent = functional.linear(h[:n], weight, bias)
        h, c = step(cell, projected[first : first + n], recurrent, h[:n], c[:n])
        outputs.append(h)
        cells.append(c)
    return torch.cat(outputs), torch.cat(cells)


def step(
    cell: Cell, i: torch.Tensor, r: torch.Tensor, h: torch.Tensor, c: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return h and c after a step, from the input's and the recurrent sums, as in ``torch.nn``."""
    if cell == "rnn":
        return torch.tanh(i + r), c
    if cell == "gru":
        (i_r, i_z, i_n), (r_r, r_z, r_n) = i.chunk(3, -1), r.chunk(3, -1)
        z = torch.sigmoid(i_z + r_z)
        n = torch.tanh(i_n + torch.sigmoid(i_r + r_r) * r_n)
        return (1 - z) * n + z * h, c
    gate_i, gate_f, gate_g, gate_o = (i + r).chunk(4, -1)
    c = torch.sigmoid(gate_f) * c + torch.sigmoid(gate_i) * torch.tanh(gate_g)
    return torch.sigmoid(gate_o) * torch.tanh(c), c


def run_layer_by(
    recur: Callable[..., tuple[torch.Tensor, torch.Tensor | None]],
    cell: nn.RNNBase,
    x: torch.Tensor,
    plan: LayerPlan,
    dilation: int,
    state: LayerState | None,
    add_input: bool,
) -> tuple[torch.Tensor, LayerState | None]:
    """Run a layer whose inputs are projected at once and whose rest is ``recur``.

    ``recur`` takes what :func:`recurrence` takes; the others are those of ``_views.run_layer``.
    """
    x = take_rows(x, plan.source)
    w_ih, w_hh, b_ih, b_hh = cell.all_weights[0]
    projected = functional.linear(x, w_ih, b_ih)
    before = state if isinstance(state, tuple) else (state, None)
    starts = [None if part is None else take_rows(part, plan.lanes) for part in before]
    h, c = recur(CELLS[cell.mode], projected, w_hh, b_hh, plan, *starts)
    passed = h + x if add_input else h
    if not plan.full:
        return passed, None
    after = last_rows(h, before[0], dilation)
    if cell.mode != "LSTM" or c is None:
        return passed, after
    return passed, (after, last_rows(c, before[1], dilation))
