"""A cell whose weights come from outside."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from optuna_mi.nn._check_arguments import Cell


class WeightsOnly:
    """Stands for a ``torch.nn.RNN``, ``GRU`` or ``LSTM`` in a backend's ``run_layer``.

    The modules keep their parameters as leaves; a row of a population is none. What is called here
    can always be differentiated, as a module in training mode.
    """

    training = True

    def __init__(self, cell: Cell, size: int, weights: Sequence[Tensor]) -> None:
        self.mode = "RNN_TANH" if cell == "rnn" else cell.upper()
        self.hidden_size = size
        self.all_weights = [list(weights)]
        self._run = getattr(torch._VF, "rnn_tanh" if cell == "rnn" else cell)

    @classmethod
    def of(cls, cell: nn.RNNBase) -> WeightsOnly:
        """Return one with the weights of a module."""
        kind: Cell = "rnn" if cell.mode == "RNN_TANH" else "gru" if cell.mode == "GRU" else "lstm"
        return cls(kind, cell.hidden_size, cell.all_weights[0])

    def __call__(self, x: Any, start: Any) -> tuple[Any, Any]:
        packed = not isinstance(x, Tensor)
        data = x.data if packed else x
        rows = int(x.batch_sizes[0]) if packed else data.shape[1]
        if start is None:
            zeros = data.new_zeros(1, rows, self.hidden_size)
            start = (zeros, zeros) if self.mode == "LSTM" else zeros
        weights, settings = self.all_weights[0], (True, 1, 0.0, True, False)
        with _unasked_advice(data.is_cuda):
            if packed:
                found = self._run(data, x.batch_sizes, start, weights, *settings)
            else:
                found = self._run(data, start, weights, *settings, False)
        output = x._replace(data=found[0]) if packed else found[0]
        return output, (found[1], found[2]) if self.mode == "LSTM" else found[1]


@contextlib.contextmanager
def _unasked_advice(on_cuda: bool) -> Iterator[None]:
    """Keep quiet that cuDNN copies weights that are not one piece of memory: a row's are not."""
    if not on_cuda:
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous")
        yield
