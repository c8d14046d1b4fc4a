"""The equations of a dilated layer, one step at a time: what every backend must compute.

Nothing but the tests runs these: each backend (``views``, ``fused``, ``blocks`` and the others) is
compared with them, outputs, states and gradients. They take any device and dtype (the tests use
float64) and can be differentiated any number of times. All cells stand in one file, not one beside
each kernel, since one reference serves several kernels of its cell.

Shapes: ``x`` is ``(T, B, F)``; ``weights`` are ``(W_ih, W_hh, b_ih, b_hh)`` as torch.nn keeps them,
``(gates * H, F)``, ``(gates * H, H)`` and twice ``(gates * H,)``; ``state`` holds the outputs at
times -d .. -1, ``(d, B, H)``. Results are the outputs ``(T, B, H)`` and the state after the last
step. Each list starts with the state, so that its item t is the value at time t - d.

Sources: [MK20 section 2; Chang et al. 2017, eq. 1]; the cells are those of ``torch.nn.RNN`` (tanh),
``GRU`` and ``LSTM``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import sigmoid, tanh

Tensors = Sequence[torch.Tensor]
HiddenAndCells = tuple[torch.Tensor, torch.Tensor]


def rnn(
    x: torch.Tensor, weights: Tensors, dilation: int, state: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run ``h_t = tanh(W x_t + b + U h_{t-d} + v)``; shapes as in this module's head."""
    w_ih, w_hh, b_ih, b_hh = weights
    h = list(_zeros(x, w_hh, dilation) if state is None else state)
    for t in range(len(x)):
        h.append(tanh(x[t] @ w_ih.T + b_ih + h[t] @ w_hh.T + b_hh))
    return torch.stack(h[dilation:]), torch.stack(h[-dilation:])


def gru(
    x: torch.Tensor, weights: Tensors, dilation: int, state: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run ``h_t = (1 - z) n + z h_{t-d}``; shapes as in this module's head."""
    w_ih, w_hh, b_ih, b_hh = weights
    h = list(_zeros(x, w_hh, dilation) if state is None else state)
    for t in range(len(x)):
        x_r, x_z, x_n = (x[t] @ w_ih.T + b_ih).chunk(3, dim=1)
        h_r, h_z, h_n = (h[t] @ w_hh.T + b_hh).chunk(3, dim=1)
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        n = tanh(x_n + r * h_n)
        h.append((1 - z) * n + z * h[t])
    return torch.stack(h[dilation:]), torch.stack(h[-dilation:])


def lstm(
    x: torch.Tensor, weights: Tensors, dilation: int, state: HiddenAndCells | None = None
) -> tuple[torch.Tensor, HiddenAndCells]:
    """Run ``c_t = f c_{t-d} + i g`` and ``h_t = o tanh(c_t)``; ``state`` is the pair (h, c)."""
    w_ih, w_hh, b_ih, b_hh = weights
    zeros = _zeros(x, w_hh, dilation)
    h, c = map(list, (zeros, zeros) if state is None else state)
    for t in range(len(x)):
        gates = x[t] @ w_ih.T + b_ih + h[t] @ w_hh.T + b_hh
        i, f, g, o = gates.chunk(4, dim=1)
        c.append(sigmoid(f) * c[t] + sigmoid(i) * tanh(g))
        h.append(sigmoid(o) * tanh(c[-1]))
    return torch.stack(h[dilation:]), (torch.stack(h[-dilation:]), torch.stack(c[-dilation:]))


def _zeros(x: torch.Tensor, w_hh: torch.Tensor, dilation: int) -> torch.Tensor:
    return x.new_zeros(dilation, x.shape[1], w_hh.shape[1])
