from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from optuna_mi._checks import flag, whole
from optuna_mi.nn._check_arguments import Backend, Cell, Init
from optuna_mi.nn._classifier import read_end
from optuna_mi.nn._dilated_rnn import DilatedRNN
from optuna_mi.nn._embedding import embedded, make_embedding


class DilatedRNNRegressor(nn.Module):
    """A dilated RNN that predicts real values: at every step, or at a sequence's end.

    Args:
        input_size: Features of a step; of symbols, the size of their embedding.
        hidden_sizes: Hidden size of every layer, or one for all.
        dilations: One positive integer per layer.
        n_values: How many numbers a prediction has.
        every_step: Predict at every step; else at the end alone, read as in
            :class:`DilatedRNNClassifier`.
        cell: ``"rnn"``, ``"gru"`` or ``"lstm"``.
        batch_first: The input is ``(B, T, input_size)``.
        dropout: Between layers.
        init: As in :class:`DilatedRNN`.
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
        >>> model = DilatedRNNRegressor(3, 20, (1, 2, 4, 8), n_values=2)
        >>> tuple(model(torch.zeros(64, 5, 3)).shape)
        (64, 5, 2)
    """

    def __init__(
        self,
        input_size: int,
        hidden_sizes: int | Sequence[int],
        dilations: Sequence[int],
        n_values: int = 1,
        every_step: bool = True,
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
        n_values = whole("n_values", n_values, 1)
        self.every_step = flag("every_step", every_step)
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
        read = 1 if every_step else self.rnn.dilations[0]
        self.output = nn.Linear(self.rnn.hidden_sizes[-1] * read, n_values)

    def forward(
        self, x: torch.Tensor, lengths: torch.Tensor | Sequence[int] | None = None
    ) -> torch.Tensor:
        """Predict.

        Args:
            x: ``(T, B, input_size)``, or ``(B, T, input_size)`` with ``batch_first``; symbols are
                integers ``(T, B)``, or ``(B, T)``.
            lengths: Valid steps of every sequence of a padded batch, integers ``(B,)``; of use at
                the end alone, since no step sees what comes after it.

        Returns:
            ``(T, B, n_values)`` (``(B, T, n_values)``), or ``(B, n_values)`` at the end alone.

        Raises:
            ValueError: A shape does not fit, or, at the end alone, a dilation is not below the
                number of steps.
        """
        x = embedded(self.embedding, x)
        features = self.rnn(x)[0] if self.every_step else read_end(self.rnn, x, lengths)
        predicted: torch.Tensor = self.output(features)
        return predicted
