"""Triton's kernels beside the equations, on the card that is to run them.

A compiler's fault shows on a card only. So each kernel runs two small problems before its first
use there, some tenths of a second of work, against the equations in float64 on the CPU.
"""

from __future__ import annotations

import math

import torch

from optuna_mi.nn._check_arguments import Cell
from optuna_mi.nn._positions import LayerPlan, plan_stack
from optuna_mi.nn._precision import Operands
from optuna_mi.nn._recurrence_op import GATES, dilated_recurrence, full_plan
from optuna_mi.nn._triton import recurrence

BATCH = 19  # two programs, the second one partly filled


def largest_error(
    cell: Cell, size: int, kind: Operands, projected: torch.dtype, device: torch.device
) -> float:
    """Run the kernels on two small problems; the largest relative error of what they return.

    Each variant that is compiled apart runs: with and without gradients, an LSTM's with and without
    one of its cells; with and without a start, in whole plans and in a pruned one.

    Args:
        cell: ``"rnn"``, ``"gru"`` or ``"lstm"``.
        size: Hidden size.
        kind: Operands of the products.
        projected: Of the projected inputs: another dtype is another kernel.
        device: Where the kernels run.

    Returns:
        The error of outputs and gradients, NaN if there is one among them.
    """
    whole = (full_plan(33, 1), full_plan(33, 4))
    uneven = (full_plan(9, 2), plan_stack(40, (3, 7), 2).layers[0])
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast(device.type, enabled=False),
    ):
        errors = [
            _Problem(cell, size, whole, started=True).error(kind, projected, device),
            _Problem(cell, size, uneven, started=False).error(kind, projected, device),
        ]
    return max(errors) if all(map(math.isfinite, errors)) else math.nan


class _Problem:
    def __init__(
        self, cell: Cell, size: int, plans: tuple[LayerPlan, ...], *, started: bool
    ) -> None:
        generator = torch.Generator("cpu").manual_seed(0)

        def draw(*shape: int, scale: float = 1.0) -> torch.Tensor:
            return torch.randn(shape, generator=generator, device="cpu") * scale

        self.cell, self.plans = cell, plans
        models, n = len(plans), max(len(plan.positions) for plan in plans)
        lanes = max(plan.block_sizes[0] for plan in plans)
        gates = GATES[cell] * size
        self.inputs: list[torch.Tensor | None] = [
            draw(models, n, BATCH, gates),
            draw(models, gates, size, scale=size**-0.5),
            draw(models, gates),
            draw(models, lanes, BATCH, size, scale=0.5) if started else None,
            draw(models, lanes, BATCH, size) if started and cell == "lstm" else None,
        ]
        # Without a start, the gradient of an LSTM's cells is left out: that is compiled apart.
        self.weights = [
            draw(models, n, BATCH, size) for _ in range(1 + (cell == "lstm" and started))
        ]

    def error(self, kind: Operands, projected: torch.dtype, device: torch.device) -> float:
        exact = self._run(None, torch.float64, torch.device("cpu"))
        found = self._run(kind, projected, device)
        errors = [
            float((f.detach().cpu().double() - e.detach()).norm() / e.detach().norm())
            for f, e in zip(found, exact, strict=True)
        ]
        return max(errors) if all(map(math.isfinite, errors)) else math.nan

    def _run(
        self, kind: Operands | None, given: torch.dtype, device: torch.device
    ) -> list[torch.Tensor]:
        """Outputs without and with gradients, and the gradients; the equations without ``kind``."""
        dtype = torch.float64 if kind is None else torch.float32
        inputs = [None if v is None else v.to(device, dtype).requires_grad_() for v in self.inputs]

        def outputs() -> list[torch.Tensor]:
            projected, weight, bias, start, start_c = inputs
            assert projected is not None
            assert weight is not None
            assert bias is not None
            if kind is None:
                found = dilated_recurrence(
                    self.cell, projected, weight, bias, self.plans, start, start_c
                )
            else:
                projected = projected.to(given)
                found = recurrence(
                    self.cell, projected, weight, bias, self.plans, start, start_c, kind
                )
            return [y for y in found if y is not None]

        with torch.no_grad():
            results = outputs()
        differentiable = outputs()
        terms = zip(differentiable, self.weights, strict=False)
        loss = torch.stack([(y * w.to(y)).sum() for y, w in terms]).sum()
        wanted = [v for v in inputs if v is not None]
        return [*results, *differentiable, *torch.autograd.grad(loss, wanted)]
