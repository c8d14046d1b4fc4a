"""Own CPU kernels: a dilated layer and its gradient as one autograd function, float32.

The memory is (positions, features, batch), the batch padded to whole tiles; between layers it is
seen transposed. The backward pass computes the gates anew: that costs less than writing and reading
them, and a layer then keeps its outputs only.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from optuna_mi.nn import _fused_layer as kernels
from optuna_mi.nn._call_kernel import Array, call, flat, is_ready
from optuna_mi.nn._check_arguments import LayerState
from optuna_mi.nn._first_derivative import first_derivatives_only
from optuna_mi.nn._positions import LayerPlan, last_rows, take_rows
from optuna_mi.nn._simd import COLUMNS


def run_layer(
    cell: nn.RNNBase,
    x: torch.Tensor,
    plan: LayerPlan,
    dilation: int,
    state: LayerState | None,
    add_input: bool,
) -> tuple[torch.Tensor, LayerState | None]:
    """Run one layer; arguments and results as in ``_views.run_layer``."""
    batch = x.shape[1]
    parts: tuple[torch.Tensor | None, ...] = (None, None)
    if state is not None:
        parts = state if isinstance(state, tuple) else (state, None)
    starts = [None if part is None else _enter(take_rows(part, plan.lanes)) for part in parts]
    result = _LayerFunction.apply(
        _enter(x), *starts, *cell.all_weights[0], plan, cell.mode, add_input
    )  # type: ignore[no-untyped-call]
    outputs = [_leave(output, batch) for output in result if output is not None]
    passed = outputs.pop() if add_input else outputs[0]
    if not plan.full:
        return passed, None
    after = tuple(
        last_rows(output, part, dilation) for output, part in zip(outputs, parts, strict=False)
    )
    return passed, (after[0], after[1]) if cell.mode == "LSTM" else after[0]


def _enter(x: torch.Tensor) -> torch.Tensor:
    """``(n, B, features)`` to the kernels' ``(n, features, padded B)``.

    What :func:`_leave` made is taken as it is, if the batch is whole tiles.
    """
    x = x.transpose(1, 2)
    padding = -x.shape[2] % COLUMNS
    return functional.pad(x, (0, padding)) if padding else x.contiguous()


def _leave(x: torch.Tensor, batch: int) -> torch.Tensor:
    """Back to ``(n, B, features)``: a view."""
    return x[:, :, :batch].transpose(1, 2)


def _cell_and_plan(mode: str, plan: LayerPlan) -> tuple[Any, ...]:
    """The first arguments of the kernels."""
    flags = (True if mode == "GRU" else None, True if mode == "LSTM" else None)
    return *flags, (plan.source_rows, plan.starts, plan.lengths)


def _arrays(parameters: Sequence[torch.Tensor]) -> tuple[Array, ...]:
    return tuple(p.detach().contiguous().numpy() for p in parameters)


def _empty_like(tensor: torch.Tensor | None, wanted: bool) -> torch.Tensor | None:
    return torch.empty_like(tensor) if wanted and tensor is not None else None


def _input_gradient(x: torch.Tensor, plan: LayerPlan, wanted: bool) -> torch.Tensor | None:
    """Memory for the gradient of ``x``: the kernels write the rows that the plan reads."""
    gradient = _empty_like(x, wanted)
    if gradient is not None and len(plan.unread):
        gradient.index_fill_(0, torch.from_numpy(plan.unread), 0.0)
    return gradient


def _by_columns(function: Any, mode: str, batch: int, *arguments: Any) -> list[Any]:
    """Call a kernel for the whole batch, divided among torch's number of threads.

    The kernels are independent by columns, and give up the interpreter's lock. What each thread
    returns comes back in the order of the columns.
    """
    tiles = batch // COLUMNS
    parts = min(torch.get_num_threads(), tiles)
    bounds = [tiles * i // parts * COLUMNS for i in range(parts + 1)]
    jobs = [(*arguments, (batch, first, last)) for first, last in itertools.pairwise(bounds)]
    if len(jobs) == 1 or not is_ready(function, mode):  # one of them compiles, once
        return [call(function, *job, name=mode) for job in jobs]
    return list(_pool(os.getpid()).map(lambda job: function(*job), jobs))


@lru_cache(maxsize=1)
def _pool(pid: int) -> ThreadPoolExecutor:
    """Threads of this process: a forked one must not wait for its parent's."""
    return ThreadPoolExecutor(thread_name_prefix="dilated-rnn")


def _sum_gradients(parts: list[Any]) -> list[torch.Tensor]:
    """Add up the weight gradients of the parts of the batch, in their order."""
    return [torch.from_numpy(sum(arrays[1:], arrays[0])) for arrays in zip(*parts, strict=True)]


def _output_gradient(
    y: torch.Tensor, gy: torch.Tensor | None, gpassed: torch.Tensor | None
) -> torch.Tensor:
    """Gradient of the outputs by all ways."""
    given = [g for g in (gy, gpassed) if g is not None]
    return sum(given[1:], given[0]) if given else torch.zeros_like(y)


class _LayerFunction(torch.autograd.Function):
    """A layer: outputs, cells (LSTM only) and what is passed on (with ``add_input`` only)."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        start: torch.Tensor | None,
        start_c: torch.Tensor | None,
        w_ih: torch.Tensor,
        w_hh: torch.Tensor,
        b_ih: torch.Tensor,
        b_hh: torch.Tensor,
        plan: LayerPlan,
        mode: str,
        add_input: bool,
    ) -> tuple[torch.Tensor | None, ...]:
        x = x.contiguous()
        y = x.new_empty(len(plan.positions), w_hh.shape[1], x.shape[2])
        cells = torch.empty_like(y) if mode == "LSTM" else None
        passed = torch.empty_like(y) if add_input else None
        ctx.cell_and_plan = _cell_and_plan(mode, plan)
        _by_columns(
            kernels.forward, mode, x.shape[2], *ctx.cell_and_plan,
            flat(x), (flat(start), flat(start_c)), _arrays((w_ih, w_hh, b_ih, b_hh)),
            (flat(y), flat(cells)), flat(passed),
        )  # fmt: skip
        ctx.save_for_backward(x, start, start_c, w_ih, w_hh, b_ih, b_hh, y, cells)
        ctx.plan, ctx.mode = plan, mode
        ctx.set_materialize_grads(False)
        return y, cells, passed

    @staticmethod
    @first_derivatives_only
    def backward(
        ctx: Any,
        gy: torch.Tensor | None,
        gcells: torch.Tensor | None,
        gpassed: torch.Tensor | None,
    ) -> tuple[Any, ...]:
        x, start, start_c, *parameters, y, cells = ctx.saved_tensors
        gx = _input_gradient(x, ctx.plan, ctx.needs_input_grad[0])
        wanted = ctx.needs_input_grad[1] or ctx.needs_input_grad[2]
        gstart, gstart_c = _empty_like(start, wanted), _empty_like(start_c, wanted)
        parts = _by_columns(
            kernels.backward, ctx.mode, x.shape[2], *ctx.cell_and_plan,
            flat(x), (flat(start), flat(start_c)), _arrays(parameters), (flat(y), flat(cells)),
            (flat(_output_gradient(y, gy, gpassed)), flat(gcells)), flat(gpassed),
            flat(gx), (flat(gstart), flat(gstart_c)),
        )  # fmt: skip
        return gx, gstart, gstart_c, *_sum_gradients(parts), None, None, None
