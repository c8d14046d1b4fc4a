from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from optuna_mi._checks import flag
from optuna_mi.nn._check_arguments import check_input
from optuna_mi.nn._dilated_rnn import DilatedRNN
from optuna_mi.nn._lengths import check_lengths, without_padding


class BidirectionalDilatedRNN(nn.Module):
    """Two dilated RNNs side by side, one of which reads every sequence from its end.

    For tasks where the whole sequence is there before the first answer is due: tagging, reading.
    There is no state to carry on: the second network begins at the end.

    Args:
        input_size: Features of the input.
        hidden_sizes: Hidden size of every layer, or one for all, of either network.
        dilations: One positive integer per layer.
        batch_first: Inputs and outputs are ``(B, T, features)``.
        **settings: Further arguments of :class:`DilatedRNN`, for both.

    Attributes:
        ahead: The :class:`DilatedRNN` that reads from the beginning.
        back: The one that reads from the end.

    Raises:
        TypeError: A size or a dilation is not an integer.
        ValueError: An unknown choice, an empty or mismatched list, a value below 1.

    Example:
        >>> model = BidirectionalDilatedRNN(3, 16, (1, 2, 4))
        >>> tuple(model(torch.zeros(10, 5, 3), lengths=[10, 8, 8, 5, 1]).shape)
        (10, 5, 32)
    """

    def __init__(
        self,
        input_size: int,
        hidden_sizes: int | Sequence[int],
        dilations: Sequence[int],
        batch_first: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.batch_first = flag("batch_first", batch_first)
        self.ahead = DilatedRNN(input_size, hidden_sizes, dilations, **settings)
        self.back = DilatedRNN(input_size, hidden_sizes, dilations, **settings)

    def forward(
        self, x: torch.Tensor, lengths: torch.Tensor | Sequence[int] | None = None
    ) -> torch.Tensor:
        """Run both.

        Args:
            x: ``(T, B, input_size)``, or ``(B, T, input_size)`` with ``batch_first``.
            lengths: Valid steps of every sequence of a padded batch, integers ``(B,)``: each is
                turned about within them.

        Returns:
            ``(T, B, 2 H)``, or ``(B, T, 2 H)``: the outputs of both at each step; zeros behind the
            ends.

        Raises:
            TypeError: ``x`` is no tensor, or a length no integer.
            ValueError: A shape does not fit.
        """
        check_input(x, self.ahead.input_size, self.batch_first, self.ahead._weight)
        time = 1 if self.batch_first else 0
        x = x.transpose(0, time)
        steps, batch = x.shape[:2]
        if lengths is None:  # nothing that a GPU would have to wait for
            turned = self.back(x.flip(0))[0].flip(0)
            return torch.cat((self.ahead(x)[0], turned), dim=2).transpose(0, time)
        ends = check_lengths(lengths, steps, batch)
        x = without_padding(x, ends)
        outputs = torch.cat(
            (self.ahead(x)[0], _turned(self.back(_turned(x, ends))[0], ends)), dim=2
        )
        return without_padding(outputs, ends).transpose(0, time)


def _turned(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return ``(T, B, F)`` with every sequence's own steps turned about, the padding in place."""
    step = torch.arange(len(x), device=lengths.device)[:, None]
    rows = torch.where(step < lengths, lengths - 1 - step, step).to(x.device)
    return x[rows, torch.arange(x.shape[1], device=x.device)]
