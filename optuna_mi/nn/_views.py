"""One dilated layer by PyTorch's own kernels, without copying: lanes are a reshape.

Time-major memory (T, B, H) IS (T/d, d*B, H): the d lanes are rows of a larger batch. Where the
last block is incomplete, a PackedSequence over the same memory stands for it; nothing is padded.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from optuna_mi.nn._check_arguments import LayerState
from optuna_mi.nn._population_cell import WeightsOnly
from optuna_mi.nn._positions import LayerPlan, last_rows, take_rows


def run_layer(
    cell: nn.RNNBase,
    x: torch.Tensor,
    plan: LayerPlan,
    dilation: int,
    state: LayerState | None,
    add_input: bool,
) -> tuple[torch.Tensor, LayerState | None]:
    """Run one layer.

    Args:
        cell: A single-layer, unidirectional, time-major ``torch.nn.RNN``, ``GRU`` or ``LSTM``.
        x: Output of the layer below, ``(rows, B, features)``.
        plan: The positions.
        dilation: d.
        state: Outputs (and cells, for LSTM) at times -d .. -1, ``(d, B, H)``; ``None`` for zeros.
        add_input: Pass on the outputs plus the inputs.

    Returns:
        What is passed on, ``(n, B, H)``, and the state after the last step; ``None`` if pruned.
    """
    if cell.mode == "LSTM" and x.device.type == "cpu" and not _autocast_runs_lstm():
        dtype = cell.all_weights[0][0].dtype
        if isinstance(state, tuple):
            state = state[0].to(dtype), state[1].to(dtype)
        with torch.autocast("cpu", enabled=False):
            return _run(cell, x.to(dtype), plan, dilation, state, add_input)
    if cudnn_would_take_float16(x.device.type):
        return _run_in_bfloat16s_range(cell, x, plan, dilation, state, add_input)
    return _run(cell, x, plan, dilation, state, add_input)


def cudnn_would_take_float16(device: str) -> bool:
    """Whether autocast asks for bfloat16 where PyTorch's rule for cuDNN's RNNs is float16 always.

    The gradients of a mean over a batch lie below what float16 holds, and nobody scales a loss
    under bfloat16: they would come out as zeros (up to 47 % of a parameter's gradient was lost).
    """
    return (
        device == "cuda"
        and torch.is_autocast_enabled("cuda")
        and torch.get_autocast_dtype("cuda") == torch.bfloat16
    )


def _evaluation_forgets(device: str) -> bool:
    """Whether PyTorch's kernels keep nothing for a backward pass in evaluation mode: cuDNN's.

    It refuses that pass then, though there is nothing in which the modes differ here: gradients of
    an input, or fine-tuning with dropout off.
    """
    return device == "cuda"


def _run_in_bfloat16s_range(
    cell: nn.RNNBase,
    x: torch.Tensor,
    plan: LayerPlan,
    dilation: int,
    state: LayerState | None,
    add_input: bool,
) -> tuple[torch.Tensor, LayerState | None]:
    """Run the layer in single precision, and return what was asked for: bfloat16."""
    dtype = cell.all_weights[0][0].dtype

    def convert(state: LayerState | None, dtype: torch.dtype) -> LayerState | None:
        if isinstance(state, tuple):
            return state[0].to(dtype), state[1].to(dtype)
        return None if state is None else state.to(dtype)

    with torch.autocast(x.device.type, enabled=False):
        passed, after = _run(cell, x.to(dtype), plan, dilation, convert(state, dtype), add_input)
    return passed.to(torch.bfloat16), convert(after, torch.bfloat16)


def _autocast_runs_lstm() -> bool:
    """Whether PyTorch's LSTM has the dtype of autocast on this processor.

    It takes oneDNN's, which has none without the processor's units; RNN and GRU take no such thing.
    """
    if not (torch.is_autocast_enabled("cpu") and torch.backends.mkldnn.is_available()):  # type: ignore[no-untyped-call]
        return True
    half = torch.get_autocast_dtype("cpu") == torch.float16
    ask = torch.ops.mkldnn
    return bool(ask._is_mkldnn_fp16_supported() if half else ask._is_mkldnn_bf16_supported())


def _run(
    cell: nn.RNNBase,
    x: torch.Tensor,
    plan: LayerPlan,
    dilation: int,
    state: LayerState | None,
    add_input: bool,
) -> tuple[torch.Tensor, LayerState | None]:
    x = take_rows(x, plan.source)
    run: nn.RNNBase | WeightsOnly = cell
    if _evaluation_forgets(x.device.type) and torch.is_grad_enabled() and not cell.training:
        run = WeightsOnly.of(cell)
    n, batch, features = x.shape
    width = plan.block_sizes[0]
    hx = None
    if state is not None:
        parts = state if isinstance(state, tuple) else (state,)
        rows = [
            take_rows(part, plan.lanes).reshape(1, width * batch, cell.hidden_size)
            for part in parts
        ]
        hx = (rows[0], rows[1]) if isinstance(state, tuple) else rows[0]
    if plan.even:
        output, last = run(x.reshape(-1, width * batch, features), hx)
    else:
        sizes = torch.tensor(plan.block_sizes, device="cpu") * batch
        packed, last = run(PackedSequence(x.reshape(n * batch, features), sizes), hx)
        output = packed.data
    output = output.reshape(n, batch, cell.hidden_size)
    passed = output + x if add_input else output
    if not plan.full:
        return passed, None
    if isinstance(last, tuple):
        c = last[1].view(width, batch, cell.hidden_size)
        c_before = state[1] if isinstance(state, tuple) else None
        h_before = state[0] if isinstance(state, tuple) else None
        # Lane t mod d holds time t: back to order of time.
        c = c.roll(-(n % dilation), 0) if n >= dilation else c
        return passed, (
            last_rows(output, h_before, dilation),
            c if n >= dilation else last_rows(c, c_before, dilation),
        )
    before = state if isinstance(state, torch.Tensor) else None
    return passed, last_rows(output, before, dilation)
