"""A dilated stack by the equations of ``optuna_mi.nn._naive``, and models to compare with it."""

from __future__ import annotations

import torch

from optuna_mi.nn import DilatedRNN, _naive


def naive(model: DilatedRNN, x: torch.Tensor, state=None):
    """Outputs (T, B, H) and the new state of a time-major model without dropout."""
    recurrence = getattr(_naive, model.cell)
    after = []
    for i, layer in enumerate(model.layers):
        before = None if state is None else state[i]
        y, last = recurrence(x, layer.cell.all_weights[0], layer.dilation, before)
        after.append(last)
        x = x + y if model.residual and x.shape == y.shape else y
    return x, tuple(after)


def make(cell, sizes, dilations, features=3, dtype=torch.float64, **kwargs) -> DilatedRNN:
    torch.manual_seed(7)
    return DilatedRNN(features, sizes, dilations, cell=cell, **kwargs).to(dtype)


def random_state(model: DilatedRNN, batch: int, dtype=torch.float64):
    def one(d, size):
        return torch.randn(d, batch, size, dtype=dtype) * 0.5

    return tuple(
        (one(d, size), one(d, size)) if model.cell == "lstm" else one(d, size)
        for d, size in zip(model.dilations, model.hidden_sizes, strict=True)
    )


def flatten(state) -> list[torch.Tensor]:
    return [part for entry in state for part in (entry if isinstance(entry, tuple) else (entry,))]
