"""Initialisations of dilated stacks.

``"torch"`` leaves PyTorch's: uniform in +-1/sqrt(H).

``"original"`` is what TensorFlow 1.3's cells did for the authors of the DilatedRNN: Glorot-uniform
over the kernel [x, h] -> gates, biases 0 but 1 for the gates that keep the past (and the reset
gate). Their GRU resets h before its matrix product, PyTorch's after it; the parameters are
PyTorch's.

``"deep"`` makes deep stacks train. At PyTorch's values a layer passes on a fraction of what it
reads (a GRU: the update gate's half of a tanh of weights of variance 1/(3H)), so that seven layers
pass on nothing and the network sits at the unigram entropy. Here the gates start open to the input
and nearly closed to the past, the input weights have Xavier's variance times 4 (gated cells) or
tanh's gain (plain ones), and the recurrent ones are orthogonal, halved where no gate halves them.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from optuna_mi.nn._check_arguments import Init

_GATES = {"RNN_TANH": 1, "GRU": 3, "LSTM": 4}


def init_layer(cell: nn.RNNBase, init: Init) -> None:
    """Initialise one layer in place, drawing from torch's default generator.

    Args:
        cell: A single-layer ``torch.nn.RNN``, ``GRU`` or ``LSTM``.
        init: See the module's docstring.
    """
    if init == "torch":
        cell.reset_parameters()
        return
    with torch.no_grad():
        _, _, bias_ih, bias_hh = cell.all_weights[0]
        bias_ih.zero_()
        bias_hh.zero_()
        if init == "original":
            _init_original(cell)
        else:
            _init_deep(cell)


def _init_original(cell: nn.RNNBase) -> None:
    size, features = cell.hidden_size, cell.input_size
    weight_ih, weight_hh, bias_ih, _ = cell.all_weights[0]
    # One kernel [x, h] -> (reset, update) and one -> candidate (GRU); one for all gates otherwise.
    kernels = (2, 1) if cell.mode == "GRU" else (_GATES[cell.mode],)
    start = 0
    for gates in kernels:
        limit = math.sqrt(6.0 / (features + size + gates * size))
        rows = slice(start * size, (start + gates) * size)
        weight_ih[rows].uniform_(-limit, limit)
        weight_hh[rows].uniform_(-limit, limit)
        start += gates
    if cell.mode == "GRU":
        bias_ih[: 2 * size] = 1.0  # reset, update
    elif cell.mode == "LSTM":
        bias_ih[size : 2 * size] = 1.0  # forget


def _init_deep(cell: nn.RNNBase) -> None:
    size = cell.hidden_size
    weight_ih, weight_hh, bias_ih, _ = cell.all_weights[0]
    gain = 5.0 / 3.0 if cell.mode == "RNN_TANH" else 2.0
    # A GRU's reset gate halves the recurrent part of its candidate; the others have no such gate.
    recurrent_gain = 1.0 if cell.mode == "GRU" else 0.5
    for gate in range(_GATES[cell.mode]):
        rows = slice(gate * size, (gate + 1) * size)
        nn.init.xavier_uniform_(weight_ih[rows], gain=gain)
        # The factorisation behind it exists in single and double precision only.
        exact = weight_hh[rows].to(torch.promote_types(weight_hh.dtype, torch.float32))
        weight_hh[rows] = nn.init.orthogonal_(exact, gain=recurrent_gain)
    if cell.mode == "GRU":
        bias_ih[size : 2 * size] = -2.0  # update: z keeps the old state
    elif cell.mode == "LSTM":
        bias_ih[:size] = 2.0  # input
        bias_ih[size : 2 * size] = -2.0  # forget
        bias_ih[3 * size :] = 2.0  # output
