"""A dilated stack as its equations say, one step and one lane at a time."""

from __future__ import annotations

import torch

from optuna_mi.nn import DilatedRNN


def step(cell: str, p: list[torch.Tensor], x, h, c):
    w_ih, w_hh, b_ih, b_hh = p
    if cell == "rnn":
        return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh), c
    gi, gh = x @ w_ih.T + b_ih, h @ w_hh.T + b_hh
    if cell == "gru":
        (ir, iz, inn), (hr, hz, hn) = gi.chunk(3, 1), gh.chunk(3, 1)
        r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
        n = torch.tanh(inn + r * hn)
        return (1 - z) * n + z * h, c
    i, f, g, o = (gi + gh).chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def naive(model: DilatedRNN, x: torch.Tensor, state=None):
    """Outputs (T, B, H) and the new state of a time-major model without dropout."""
    length, batch, _ = x.shape
    new_state = []
    for i, (layer, d, size) in enumerate(
        zip(model.layers, model.dilations, model.hidden_sizes, strict=True)
    ):
        params = layer.cell.all_weights[0]
        zeros = x.new_zeros(d, batch, size)
        given = zeros if state is None else state[i]
        h0, c0 = given if isinstance(given, tuple) else (given, zeros)
        hs, cs = list(h0), list(c0)
        for t in range(length):
            h, c = step(model.cell, params, x[t], hs[t], cs[t])
            hs.append(h)
            cs.append(c)
        y = torch.stack(hs[d:])
        last = torch.stack(hs[-d:])
        new_state.append((last, torch.stack(cs[-d:])) if model.cell == "lstm" else last)
        x = x + y if model.residual and x.shape == y.shape else y
    return x, tuple(new_state)


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
