"""Fused recurrences in Triton: the whole of a dilated layer's recurrence in one launch.

The projection of the inputs is one matrix product before it, the weights' gradient one after it.
What a backward pass needs of a row is saved in that row, the h before included, so that the
weights' gradient is one product whatever the dilations. No atomics: same bits twice.

Kernels take, with N positions of B sequences and K models: ``projected`` ``(K, N, B, G*H)``,
``weight`` ``(K, G*H, H)`` in the dtype of the products' operands, ``bias`` ``(K, G*H)``, ``start``
and ``start_c`` ``(K, L, B, H)``, ``starts`` (first position of each step, int32 ``(K, S)``),
``lengths`` (steps of each lane, int32 ``(K, L)``); outputs ``y`` and ``cells`` ``(K, N, B, H)``,
``saved``, and ``gates``, the gradients of the sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
import triton
from torch import nn

from optuna_mi.nn import _triton_gru, _triton_lstm, _triton_rnn
from optuna_mi.nn._check_arguments import Cell, LayerState
from optuna_mi.nn._first_derivative import first_derivatives_only
from optuna_mi.nn._positions import LayerPlan
from optuna_mi.nn._precision import HALF, MAX_ON_CHIP, Operands, operands
from optuna_mi.nn._recurrence_op import GATES, run_layer_by
from optuna_mi.nn._rows import keep
from optuna_mi.nn._triton_tiles import ROWS

_KERNELS: dict[str, Any] = {"rnn": _triton_rnn, "gru": _triton_gru, "lstm": _triton_lstm}
ALIGNMENT = 16  # bytes, of what Triton asks when it compiles
_PRECISIONS = {"float32": "tf32x3", "tf32": "tf32", "float16": "tf32", "bfloat16": "tf32"}


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
        start: torch.Tensor | None,
        start_c: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        first, first_c = (None if part is None else part[None] for part in (start, start_c))
        h, c = recurrence(kind, projected[None], weight[None], bias[None], (plan,), first, first_c)
        return h[0], None if c is None else c[0]

    return run_layer_by(recur, cell, x, plan, dilation, state, add_input)


def recurrence(
    cell: Cell,
    projected: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    plans: Sequence[LayerPlan],
    start: torch.Tensor | None,
    start_c: torch.Tensor | None,
    kind: Operands | None = None,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """``_recurrence_op.dilated_recurrence`` by these kernels; results have the inputs' dtype.

    ``kind`` is what the products' operands are, by default what :func:`operands` says.
    """
    # The kernels count the rows of a start by the lanes there are; more may have been given.
    lanes = max(plan.block_sizes[0] for plan in plans)
    start, start_c = (None if s is None else s[:, :lanes].float() for s in (start, start_c))
    kind = operands(projected.device.type, weight.shape[2]) if kind is None else kind
    inputs = (projected, weight, bias, start, start_c)
    save = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in inputs)
    result = _Recurrence.apply(*inputs, cell, tuple(plans), kind, save)  # type: ignore[no-untyped-call]
    h, c = result if cell == "lstm" else (result, None)
    return h.to(projected.dtype), None if c is None else c.to(projected.dtype)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        projected: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        start: torch.Tensor | None,
        start_c: torch.Tensor | None,
        cell: Cell,
        plans: tuple[LayerPlan, ...],
        kind: Operands,
        save: bool,
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        projected, bias = _aligned(projected), _aligned(bias)
        start, start_c = (None if s is None else _aligned(s) for s in (start, start_c))
        models, n, batch = projected.shape[:3]
        size = weight.shape[2]
        # Rows behind a shorter plan's are never written.
        ragged = any(len(plan.positions) < n for plan in plans)
        new = torch.zeros if ragged else torch.empty
        options: dict[str, Any] = {"device": projected.device, "dtype": torch.float32}
        y = new(models, n, batch, size, **options)
        cells = new(models, n, batch, size, **options) if cell == "lstm" else y
        kernels = _KERNELS[cell]
        saved = new(models, n, batch, kernels.SAVED * size, **options) if save else y
        matrices = _aligned(weight.to(HALF.get(kind, torch.float32)))
        launch = _Launch.of(plans, batch, n, size, kind, projected.device)
        # One kernel for both: a compilation takes longer than zeros.
        before = torch.zeros(models, launch.lengths.shape[1], batch, size, **options)
        start = before if start is None else start
        start_c = before if start_c is None else start_c
        launch(
            kernels.forward,
            *(projected, matrices, bias, start, start_c, launch.starts, launch.lengths),
            *(y, cells, saved),
            SAVE=save,
        )
        ctx.save_for_backward(matrices, start, y, cells, saved)
        ctx.launch, ctx.cell, ctx.ragged = launch, cell, ragged
        ctx.dtypes = projected.dtype, weight.dtype, bias.dtype
        ctx.set_materialize_grads(False)
        return (y, cells) if cell == "lstm" else y

    @staticmethod
    @first_derivatives_only
    def backward(ctx: Any, *gradients: torch.Tensor | None) -> tuple[Any, ...]:
        matrices, start, y, cells, saved = ctx.saved_tensors
        size, kernels, launch = y.shape[-1], _KERNELS[ctx.cell], ctx.launch
        gy = torch.zeros_like(y) if gradients[0] is None else _aligned(gradients[0])
        gcells = gradients[1] if ctx.cell == "lstm" else None
        new = torch.zeros if ctx.ragged else torch.empty
        gates = new(*y.shape[:-1], kernels.GRADIENTS * size, device=y.device, dtype=y.dtype)
        gstart = torch.zeros_like(start)
        gstart_c = torch.zeros_like(start) if ctx.cell == "lstm" else gstart
        launch(
            kernels.backward,
            *(gy, gy if gcells is None else _aligned(gcells), matrices),
            *(launch.starts, launch.lengths, y, cells, saved, gates, gstart, gstart_c),
            HAS_GCELLS=gcells is not None,
            SCALE=matrices.dtype == torch.float16,
        )
        # Of a GRU's, the gradients of m, r, z, n: m stands for n among the recurrent sums.
        width = GATES[ctx.cell] * size
        recurrent = gates[..., :width].flatten(1, 2)
        before = saved[..., -size:].flatten(1, 2)
        gweight = gbias = None
        if ctx.needs_input_grad[1]:
            # Who runs the backward pass within autocast would have it in half precision.
            with torch.autocast(y.device.type, enabled=False):
                product = recurrent.transpose(1, 2) @ before
            gweight = _in_order(product, ctx.cell, size)
        if ctx.needs_input_grad[2]:
            gbias = _in_order(recurrent.sum(1), ctx.cell, size)
        found = (gates[..., -width:], gweight, gbias)
        parts = [g if g is None else g.to(d) for g, d in zip(found, ctx.dtypes, strict=True)]
        wanted = [
            g if w else None
            for g, w in zip((gstart, gstart_c), ctx.needs_input_grad[3:5], strict=True)
        ]
        return *parts, *wanted, None, None, None, None


def _aligned(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor in one piece that starts where a new one would.

    A state is often a view of outputs, from any row on. Triton compiles each kernel anew for
    memory that is not aligned: in the middle of a training, or of a CUDA graph's capture.
    """
    tensor = tensor.contiguous()
    return tensor if tensor.data_ptr() % ALIGNMENT == 0 else tensor.clone()


def _in_order(gates: torch.Tensor, cell: Cell, size: int) -> torch.Tensor:
    """Bring (m, r, z) of a GRU, along axis 1, to PyTorch's order."""
    return gates.roll(-size, 1) if cell == "gru" else gates


class _Launch(NamedTuple):
    """One layer's plans as the kernels read them, and how they are compiled."""

    starts: torch.Tensor
    lengths: torch.Tensor
    grid: tuple[int, int]
    counts: tuple[int, int, int, int]
    settings: dict[str, Any]

    @classmethod
    def of(
        cls,
        plans: tuple[LayerPlan, ...],
        batch: int,
        n: int,
        size: int,
        kind: Operands,
        device: torch.device,
    ) -> _Launch:
        starts, lengths = _tables(plans, device)
        keep(starts, lengths)
        rows = lengths.shape[1] * batch
        return cls(
            starts,
            lengths,
            (-(-rows // ROWS.value), len(plans)),
            (batch, n * batch, starts.shape[1], lengths.shape[1]),
            settings(size, kind),
        )

    def __call__(self, kernel: Any, *arguments: torch.Tensor, **settings: bool) -> None:
        device = self.starts.device
        if device.type != "cuda":  # Triton's interpreter
            kernel[self.grid](*arguments, *self.counts, **settings, **self.settings)
            return
        with torch.cuda.device(device):
            kernel[self.grid](*arguments, *self.counts, **settings, **self.settings)


def settings(size: int, kind: Operands) -> dict[str, Any]:
    """What kernels of one hidden size and precision are compiled with."""
    padded = max(16, int(triton.next_power_of_2(size)))
    return {
        "H": size,
        "HP": padded,
        "STREAM": padded > MAX_ON_CHIP,
        "PRECISION": _PRECISIONS[kind],
        # A warp has 8 columns of each gate, 16 or 32 of the large ones.
        "num_warps": min(8, padded // 8),
        "enable_fp_fusion": True,  # its default, said because Triton 3.9 warns where it is not
    }


@lru_cache(maxsize=512)
def _tables(
    plans: tuple[LayerPlan, ...], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """First positions of the steps ``(K, S)`` and steps of the lanes ``(K, L)``, int32."""
    tables = []
    for rows in ([plan.starts for plan in plans], [plan.lengths for plan in plans]):
        table = np.zeros((len(rows), max(map(len, rows))), dtype=np.int32)
        for row, values in zip(table, rows, strict=True):
            row[: len(values)] = values
        with torch.inference_mode(False):
            tables.append(torch.from_numpy(table).to(device))
    return tables[0], tables[1]
