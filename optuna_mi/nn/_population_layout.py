"""Where the parameters of K networks stand in one matrix, a row a network.

A row is the embedding, then layer by layer W_ih, W_hh, b_ih, b_hh, then the head's bias and weight.
Layers and head start at the same column in every row, so that a slice of columns is the parameter
of all networks, stacked: ``(K, ...)`` without a copy. What a network lacks, because it has fewer
layers or a narrower head, is zeros that nothing reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from optuna_mi.nn._classifier import DilatedRNNClassifier
from optuna_mi.nn._dilated_rnn import DilatedRNN
from optuna_mi.nn._language_model import DilatedRNNLanguageModel
from optuna_mi.nn._regressor import DilatedRNNRegressor

Network = DilatedRNN | DilatedRNNClassifier | DilatedRNNRegressor | DilatedRNNLanguageModel
NETWORKS = (DilatedRNN, DilatedRNNClassifier, DilatedRNNRegressor, DilatedRNNLanguageModel)


def stack_of(network: Network) -> DilatedRNN:
    """Return the recurrent stack of a network."""
    return network if isinstance(network, DilatedRNN) else network.rnn


def cell_of(stack: DilatedRNN, layer: int) -> nn.RNNBase:
    """Return the cell of a layer."""
    return cast(nn.RNNBase, stack.layers[layer].cell)


def embedding_of(network: Network) -> nn.Embedding | None:
    """Return a network's embedding, where it reads symbols."""
    return None if isinstance(network, DilatedRNN) else network.embedding


def head_of(network: Network) -> nn.Linear | None:
    """Return the linear layer on top, where there is one."""
    if isinstance(network, DilatedRNN):
        return None
    return network.decoder if isinstance(network, DilatedRNNLanguageModel) else network.output


@dataclass(frozen=True)
class Layout:
    """The columns of the matrix.

    Attributes:
        embedding: Shape of the embedding's weight, or ``None``.
        layers: Shapes of the four parameters of every layer.
        head: Shape of the widest head's weight, or ``None``.
    """

    embedding: tuple[int, int] | None
    layers: tuple[tuple[tuple[int, ...], ...], ...]
    head: tuple[int, int] | None

    @classmethod
    def of(cls, networks: Sequence[Network]) -> Layout:
        """Return the layout of networks that differ in dilations alone."""
        first = networks[0]
        stack, embedding = stack_of(first), embedding_of(first)
        rows = cell_of(stack, 0).all_weights[0][1].shape[0]
        size = stack.hidden_sizes[0]
        deepest = max(len(stack_of(network).layers) for network in networks)
        layers = tuple(
            ((int(rows), features), (int(rows), size), (int(rows),), (int(rows),))
            for features in (stack.input_size, *[size] * (deepest - 1))
        )
        heads = [head.weight.shape for head in map(head_of, networks) if head is not None]
        return cls(
            None if embedding is None else (embedding.num_embeddings, embedding.embedding_dim),
            layers,
            (int(heads[0][0]), max(int(shape[1]) for shape in heads)) if heads else None,
        )

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of all parts in their order."""
        found: list[tuple[int, ...]] = [] if self.embedding is None else [self.embedding]
        found += [shape for layer in self.layers for shape in layer]
        if self.head is not None:
            found += [(self.head[0],), self.head]
        return found

    @property
    def n_columns(self) -> int:
        """Columns of the matrix."""
        return sum(torch.Size(shape).numel() for shape in self.shapes)

    def views(self, network: Network, row: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return each parameter of a network with its part of a row ``(columns,)``."""
        return [
            (parameter, row[start : start + parameter.numel()].view(parameter.shape))
            for parameter, start in self._placed(network)
        ]

    def _placed(self, network: Network) -> Iterator[tuple[Tensor, int]]:
        """Yield each parameter of a network and its first column."""
        starts = [0]
        for shape in self.shapes:
            starts.append(starts[-1] + torch.Size(shape).numel())
        stack, embedding, head = stack_of(network), embedding_of(network), head_of(network)
        at = 0
        if embedding is not None:
            yield embedding.weight, 0
            at = 1
        for i in range(len(stack.layers)):
            for j, weight in enumerate(cell_of(stack, i).all_weights[0]):
                yield weight, starts[at + 4 * i + j]
        if head is not None:
            yield head.bias, starts[-3]
            yield head.weight, starts[-2]

    def cut(self, matrix: Tensor) -> tuple[Tensor | None, list[list[Tensor]], list[Tensor]]:
        """Cut the matrix, or one of its rows, into its parts.

        Args:
            matrix: ``(K, columns)``, or ``(columns,)``.

        Returns:
            The embedding or ``None``; the four parameters of every layer; the head's bias and its
            flat weight, or nothing. Parts of a matrix have K in front.
        """
        sizes = [torch.Size(shape).numel() for shape in self.shapes]
        lead = matrix.shape[:-1]
        parts = [
            part if i == len(sizes) - 1 and self.head is not None else part.view(*lead, *shape)
            for i, (part, shape) in enumerate(
                zip(torch.split(matrix, sizes, dim=-1), self.shapes, strict=True)
            )
        ]
        embedding = None if self.embedding is None else parts.pop(0)
        head = [parts.pop(-2), parts.pop(-1)] if self.head is not None else []
        layers = [parts[i : i + 4] for i in range(0, len(parts), 4)]
        return embedding, layers, head
