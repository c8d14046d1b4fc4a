from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from optuna_mi._checks import whole
from optuna_mi.nn._check_arguments import Backend, Cell, Init, check_input
from optuna_mi.nn._dilated_rnn import DilatedRNN
from optuna_mi.nn._embedding import embedded, make_embedding
from optuna_mi.nn._torch_compile import uncompiled


class DilatedRNNClassifier(nn.Module):
    """A dilated RNN that reads a sequence and names its class.

    A linear layer on the last output. Where ``dilations[0] > 1`` no single output has seen every
    input, so the last ``dilations[0]`` outputs are concatenated, in order of time [Chang et al.
    2017, §3.2, and their public code]. Only the positions that reach them are computed.

    Args:
        input_size: Features of a step; of symbols, the size of their embedding.
        hidden_sizes: Hidden size of every layer, or one for all.
        dilations: One positive integer per layer, each below the length of the sequences.
        n_classes: Number of classes.
        cell: ``"rnn"``, ``"gru"`` or ``"lstm"``.
        batch_first: The input is ``(B, T, input_size)``.
        dropout: Between layers.
        init: As in :class:`DilatedRNN`; ``"original"`` also draws the output layer from N(0, 1).
        residual: As in :class:`DilatedRNN`.
        backend: As in :class:`DilatedRNN`.
        vocab_size: Number of symbols, where the input is symbols ``(T, B)``; ``None`` for features.

    Attributes:
        embedding: The ``torch.nn.Embedding`` of symbols, or ``None``.
        rnn: The :class:`DilatedRNN`.
        output: The ``torch.nn.Linear`` on top of it.

    Raises:
        TypeError: A size or a dilation is not an integer.
        ValueError: An unknown choice, an empty or mismatched list, a value below 1.

    Example:
        >>> model = DilatedRNNClassifier(1, 20, (1, 2, 4, 8), 10)
        >>> tuple(model(torch.zeros(64, 5, 1)).shape)
        (5, 10)
    """

    def __init__(
        self,
        input_size: int,
        hidden_sizes: int | Sequence[int],
        dilations: Sequence[int],
        n_classes: int,
        cell: Cell = "gru",
        batch_first: bool = False,
        dropout: float = 0.0,
        init: Init = "torch",
        residual: bool = False,
        backend: Backend = "auto",
        vocab_size: int | None = None,
    ) -> None:
        super().__init__()
        self.embedding = make_embedding(vocab_size, input_size)
        n_classes = whole("n_classes", n_classes, 1)
        self.rnn = DilatedRNN(
            input_size,
            hidden_sizes,
            dilations,
            cell=cell,
            batch_first=batch_first,
            dropout=dropout,
            init=init,
            residual=residual,
            backend=backend,
        )
        self.output = nn.Linear(self.rnn.hidden_sizes[-1] * self.rnn.dilations[0], n_classes)
        if init == "original":
            nn.init.normal_(self.output.weight)
            nn.init.normal_(self.output.bias)

    def features(
        self, x: torch.Tensor, lengths: torch.Tensor | Sequence[int] | None = None
    ) -> torch.Tensor:
        """What the output layer reads: ``(B, dilations[0] * hidden_sizes[-1])``.

        Raises:
            ValueError: A dilation is not below the number of steps, or a shape does not fit.
        """
        return read_end(self.rnn, embedded(self.embedding, x), lengths)

    def forward(
        self, x: torch.Tensor, lengths: torch.Tensor | Sequence[int] | None = None
    ) -> torch.Tensor:
        """Class scores.

        Args:
            x: ``(T, B, input_size)``, or ``(B, T, input_size)`` with ``batch_first``; symbols are
                integers ``(T, B)``, or ``(B, T)``.
            lengths: Valid steps of every sequence of a padded batch, integers ``(B,)``: each is
                read at its own end, as if it were alone.

        Returns:
            Logits ``(B, n_classes)``.

        Raises:
            ValueError: A dilation is not below the number of steps, or a shape does not fit.
        """
        logits: torch.Tensor = self.output(self.features(x, lengths))
        return logits


@uncompiled
def read_end(
    rnn: DilatedRNN, x: torch.Tensor, lengths: torch.Tensor | Sequence[int] | None
) -> torch.Tensor:
    """Return the last ``dilations[0]`` outputs side by side, in order of time.

    Args:
        rnn: The stack.
        x: As for `DilatedRNN.forward`.
        lengths: Valid steps of every sequence of a padded batch, or ``None``.

    Returns:
        ``(B, dilations[0] * hidden_sizes[-1])``.

    Raises:
        ValueError: A dilation is not below the number of steps, or a shape does not fit.
    """
    check_input(x, rnn.input_size, rnn.batch_first, rnn._weight)
    length = x.shape[1 if rnn.batch_first else 0]
    largest = max(rnn.dilations)
    if largest >= length:
        raise ValueError(
            f"dilation {largest} must be below the sequence length {length}: the layer "
            "would never see its own past; use smaller dilations or longer sequences"
        )
    n_last = rnn.dilations[0]
    if n_last == 1:
        last: torch.Tensor = rnn(x, need="last", lengths=lengths)[0]
        return last
    output: torch.Tensor = rnn(x, need=n_last, lengths=lengths)[0]
    if not rnn.batch_first:
        output = output.transpose(0, 1)
    return output.reshape(output.shape[0], -1)
