from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from optuna_mi._checks import flag, real, whole
from optuna_mi.nn._check_arguments import (
    Backend,
    Cell,
    Init,
    LayerState,
    State,
)
from optuna_mi.nn._dilated_rnn import DilatedRNN
from optuna_mi.nn._embedding import look_up


class DilatedRNNLanguageModel(nn.Module):
    """Embedding, dilated RNN, decoder: a score for every next symbol.

    Args:
        vocab_size: Number of symbols.
        embedding_size: Size of a symbol's embedding.
        hidden_sizes: Hidden size of every layer, or one for all.
        dilations: One positive integer per layer.
        tied: The decoder's weight is the embedding's; the last hidden size must equal
            ``embedding_size``.
        cell: ``"rnn"``, ``"gru"`` or ``"lstm"``.
        batch_first: Tokens and logits are ``(B, T, ...)``.
        dropout: Between layers.
        embedding_dropout: On the embedded symbols.
        output_dropout: On what the decoder reads.
        init: As in :class:`DilatedRNN`. Embedding and decoder are uniform in [-0.1, 0.1], the
            decoder's bias is 0.
        residual: As in :class:`DilatedRNN`.
        backend: As in :class:`DilatedRNN`.

    Attributes:
        embedding: The ``torch.nn.Embedding``.
        rnn: The :class:`DilatedRNN`.
        decoder: The ``torch.nn.Linear`` on top of it.

    Raises:
        TypeError: A size or a dilation is not an integer.
        ValueError: An unknown choice, an empty or mismatched list, a value below 1, or tied weights
            of different sizes.

    Example:
        Model 1 of [MK20, Table 3]:

        >>> model = DilatedRNNLanguageModel(49, 100, 256, [2**i for i in range(7)])
        >>> sum(p.numel() for p in model.parameters())
        2660949
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int,
        hidden_sizes: int | Sequence[int],
        dilations: Sequence[int],
        tied: bool = False,
        cell: Cell = "gru",
        batch_first: bool = False,
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        output_dropout: float = 0.0,
        init: Init = "torch",
        residual: bool = False,
        backend: Backend = "auto",
    ) -> None:
        super().__init__()
        self.vocab_size = whole("vocab_size", vocab_size, 1)
        embedding_size = whole("embedding_size", embedding_size, 1)
        self.embedding_dropout = real("embedding_dropout", embedding_dropout, least=0, below=1)
        self.output_dropout = real("output_dropout", output_dropout, least=0, below=1)
        self.rnn = DilatedRNN(
            embedding_size,
            hidden_sizes,
            dilations,
            cell=cell,
            batch_first=batch_first,
            dropout=dropout,
            init=init,
            residual=residual,
            backend=backend,
        )
        top = self.rnn.hidden_sizes[-1]
        if flag("tied", tied) and top != embedding_size:
            raise ValueError(
                f"tied weights need hidden_sizes[-1] == embedding_size, got {top} and "
                f"{embedding_size}"
            )
        self.tied = tied
        self.embedding = nn.Embedding(self.vocab_size, embedding_size)
        self.decoder = nn.Linear(top, self.vocab_size)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.uniform_(self.decoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        if tied:
            self.decoder.weight = self.embedding.weight

    def forward(
        self,
        tokens: torch.Tensor,
        state: Sequence[LayerState] | None = None,
        lengths: torch.Tensor | Sequence[int] | None = None,
    ) -> tuple[torch.Tensor, State]:
        """Scores of the next symbol at every step.

        Args:
            tokens: Integers ``(T, B)`` in ``0 .. vocab_size - 1`` (``(B, T)`` with
                ``batch_first``).
            state: What an earlier call returned, to go on where it stopped; ``None`` for zeros.
            lengths: Valid steps of every sequence of a padded batch, as in
                :meth:`DilatedRNN.forward`; logits behind an end mean nothing.

        Returns:
            Logits ``(T, B, vocab_size)`` and the new state (see :meth:`DilatedRNN.forward`).

        Raises:
            TypeError: ``tokens`` is not a tensor of integers.
            ValueError: ``tokens`` is not 2-D or outside the vocabulary, or the state does not fit.
        """
        x = look_up("tokens", self.embedding, tokens)
        x = functional.dropout(x, self.embedding_dropout, self.training)
        output, new_state = self.rnn(x, state, lengths=lengths)
        output = functional.dropout(output, self.output_dropout, self.training)
        return self.decoder(output), new_state
