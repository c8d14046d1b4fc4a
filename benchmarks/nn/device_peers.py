"""Peers on a GPU: any layer of a plain recurrent network over the reshaped memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Reshaped(nn.Module):
    """PyTorch's own layers over the reshaped memory, T padded to whole blocks.

    Lanes are folded into the batch: (T, B, F) is (T/d, d*B, F). Every position is computed.
    """

    def __init__(
        self,
        cell: str,
        features: int,
        hidden: int,
        dilations: Sequence[int],
        n_out: int,
        vocabulary: int | None = None,
    ) -> None:
        super().__init__()
        kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell]
        self.embedding = nn.Embedding(vocabulary, features) if vocabulary else None
        sizes = [features, *[hidden] * (len(dilations) - 1)]
        self.layers = nn.ModuleList(kind(size, hidden) for size in sizes)
        self.output = nn.Linear(hidden, n_out)
        self.dilations = tuple(dilations)

    def forward(self, x: Tensor) -> Tensor:
        if self.embedding is not None:
            x = self.embedding(x)
        steps, batch, _ = x.shape
        for d, layer in zip(self.dilations, self.layers, strict=True):
            padded = functional.pad(x, (0, 0, 0, 0, 0, -steps % d))
            h = self.run(layer, padded.reshape(-1, d * batch, x.shape[2]))
            x = h.reshape(len(padded), batch, -1)[:steps]
        return self.output(x if self.embedding is not None else x[-1])

    def run(self, layer: nn.RNNBase, x: Tensor) -> Tensor:
        """Run a plain layer over ``(steps, rows, features)``."""
        return layer(x)[0]


class FlashRNN(Reshaped):
    """The same with FlashRNN's recurrence (flashrnn on PyPI); the projection is a product before.

    It takes one head. Its fused kernels want sizes that are powers of two from 16 on: units more
    than there are, with zeros for weights, which stay zeros.

    Raises:
        ImportError: It is not installed, or not what it needs.
    """

    def __init__(
        self,
        cell: str,
        features: int,
        hidden: int,
        dilations: Sequence[int],
        n_out: int,
        vocabulary: int | None = None,
        backend: str | None = None,
    ) -> None:
        super().__init__(cell, features, hidden, dilations, n_out, vocabulary)
        from flashrnn import FlashRNNConfig, flashrnn

        self._flashrnn = flashrnn
        self._cell, self._padded = cell, max(16, 1 << (hidden - 1).bit_length())
        # Its Triton kernels have LSTMs to size 64; of a GRU it has no fused kernel.
        fused = "triton_fused" if cell == "lstm" and hidden <= 64 else "cuda_fused"
        self._config = FlashRNNConfig(
            backend=backend or ("cuda" if cell == "gru" else fused),
            function={"rnn": "elman"}.get(cell, cell),
            hidden_dim=self._padded,
            num_heads=1,
            # One compilation for all layers; the rows are multiples of it.
            batch_size=16,
            input_shape="TBGHD",
            output_shape="STBHD",
            dtype="float32",
        )

    def run(self, layer: nn.RNNBase, x: Tensor) -> Tensor:
        w_ih, w_hh, b_ih, b_hh = layer.all_weights[0]
        size, more = layer.hidden_size, self._padded - layer.hidden_size
        gates = len(w_hh) // size
        projected = functional.linear(x, w_ih).view(*x.shape[:2], gates, 1, size)
        recurrent = w_hh.view(gates, 1, size, size)
        bias, bias_h = b_ih.view(gates, 1, size), b_hh.view(gates, 1, size)
        if self._cell == "gru":  # its order is the recurrent n, r, z, and the n of the input
            recurrent = recurrent.roll(1, 0)
            both = bias[:2] + bias_h[:2]
            bias = torch.cat((bias_h[2:], both, bias[2:]))
        else:
            bias = bias + bias_h
        states, _ = self._flashrnn(
            functional.pad(projected, (0, more)),
            functional.pad(recurrent, (0, more, 0, more)),
            functional.pad(bias, (0, more)),
            config=self._config,
        )
        return states[0, :, :, 0, :size]
