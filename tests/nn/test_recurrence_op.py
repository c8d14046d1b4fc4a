from __future__ import annotations

import pytest
import torch
from torch import nn

from optuna_mi.nn._positions import plan_stack
from optuna_mi.nn._recurrence_op import GATES, dilated_recurrence, full_plan


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_lanes_are_pytorchs_cells_and_models_do_not_meet(cell: str) -> None:
    torch.manual_seed(0)
    length, batch, size, dilations = 11, 3, 4, (3, 1, 20)
    modules = [getattr(nn, cell.upper())(2, size).double() for _ in dilations]
    x = torch.randn(length, batch, 2, dtype=torch.float64)
    weights = [module.all_weights[0] for module in modules]
    h, c = dilated_recurrence(
        cell,
        torch.stack([nn.functional.linear(x, w[0], w[2]) for w in weights]),
        torch.stack([w[1] for w in weights]),
        torch.stack([w[3] for w in weights]),
        [full_plan(length, d) for d in dilations],
    )
    assert h.shape == (3, length, batch, size)
    assert (c is None) == (cell != "lstm")
    for k, (module, d) in enumerate(zip(modules, dilations, strict=True)):
        for lane in range(min(d, length)):
            torch.testing.assert_close(h[k, lane::d], module(x[lane::d])[0])


def test_shorter_plans_leave_zeros_and_starts_carry_on() -> None:
    torch.manual_seed(0)
    size, batch = 3, 2
    pruned = plan_stack(9, (2,), 1).layers[0]  # times 0, 2, 4, 6, 8 of 9
    plans = [full_plan(9, 4), pruned]
    projected = torch.randn(2, 9, batch, GATES["gru"] * size)
    weight, bias = torch.randn(2, 3 * size, size), torch.randn(2, 3 * size)
    start = torch.randn(2, 4, batch, size)
    h, _ = dilated_recurrence("gru", projected, weight, bias, plans, start)
    assert not h[1, len(pruned.positions) :].any()
    alone, _ = dilated_recurrence(
        "gru", projected[:1, 4:], weight[:1], bias[:1], [full_plan(5, 4)], h[:1, :4]
    )
    torch.testing.assert_close(alone, h[:1, 4:])
