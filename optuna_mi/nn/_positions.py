"""Which positions a stack of dilated layers has to compute, and in which order.

A layer of dilation d is d independent recurrences, its *lanes* (t mod d), run side by side: block s
holds the positions s*d .. s*d + d - 1. When only the last outputs are read, most lanes stop early
or never start.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import torch

from optuna_mi.nn._rows import IntArray, Rows


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """The positions of one layer in the order in which they are computed.

    Blocks follow each other; within a block the longest lanes come first, so that block ``s + 1``
    continues the first ``block_sizes[s + 1]`` lanes of block ``s``. All positions in order of time
    are a special case of this.

    Attributes:
        positions: Times that are computed, int64 ``(n,)``.
        block_sizes: Lanes that are alive in each block, non-increasing.
        lanes: Residues ``t mod d`` of block 0; row of the initial state that each reads.
        source: Row of the layer below for each position, ``(n,)``; ``None`` is the identity.
        unread: Rows of the layer below that this one does not read, int64.
        full: All of ``0 .. length - 1`` are computed.
    """

    positions: IntArray
    block_sizes: tuple[int, ...]
    lanes: Rows
    source: Rows | None
    unread: IntArray
    full: bool

    @property
    def even(self) -> bool:
        """Every block has the same number of lanes: a plain reshape serves."""
        return self.block_sizes[0] == self.block_sizes[-1]

    @cached_property
    def starts(self) -> IntArray:
        """First row of each block, int64."""
        return np.cumsum((0, *self.block_sizes[:-1]), dtype=np.int64)

    @cached_property
    def lengths(self) -> IntArray:
        """Positions of each lane, int64."""
        alive = np.asarray(self.block_sizes)[:, None] > np.arange(self.block_sizes[0])
        lengths: IntArray = alive.sum(axis=0, dtype=np.int64)
        return lengths

    @cached_property
    def source_rows(self) -> IntArray:
        """``source`` with the identity spelled out."""
        return np.arange(len(self.positions)) if self.source is None else self.source.index


@dataclass(frozen=True, eq=False)
class StackPlan:
    """The plans of all layers and the rows of the top layer that are the output.

    Attributes:
        layers: One plan a layer, bottom first.
        output: Rows of the top layer in order of time; ``None`` is all of them.
    """

    layers: tuple[LayerPlan, ...]
    output: Rows | None

    @property
    def n_cells(self) -> int:
        """Cell evaluations a sequence, over all layers."""
        return sum(len(layer.positions) for layer in self.layers)


def _close(wanted: npt.NDArray[np.bool_], dilation: int) -> tuple[IntArray, IntArray]:
    """Lanes, longest first, and their lengths: ``wanted`` closed under ``t -> t - dilation``."""
    length = len(wanted)
    width = min(dilation, length)
    blocks = np.zeros((-(-length // width), width), dtype=bool)
    blocks.reshape(-1)[:length] = wanted
    closed = np.logical_or.accumulate(blocks[::-1], axis=0)[::-1]
    lengths = closed.sum(axis=0)
    lanes = np.argsort(-lengths, kind="stable")
    lanes = lanes[lengths[lanes] > 0]
    return lanes.astype(np.int64), lengths[lanes].astype(np.int64)


@lru_cache(maxsize=512)  # a population has as many as networks, for every length
def plan_stack(length: int, dilations: tuple[int, ...], n_last: int | None) -> StackPlan:
    """Plan the positions of every layer, from the top down.

    Layer l computes the positions that layer l + 1 reads, closed under ``t -> t - d_l``. The result
    is exact: what is left out does not influence what is read.

    Args:
        length: Steps of the sequence, at least 1.
        dilations: Dilation of each layer, bottom first.
        n_last: Number of last outputs that are read; ``None`` for all.

    Returns:
        The plan (cached; its arrays must not be changed).

    Example:
        >>> dilations = tuple(2**i for i in range(9))
        >>> plan_stack(784, dilations, None).n_cells, plan_stack(784, dilations, 1).n_cells
        (7056, 1568)
    """
    wanted = np.ones(length, dtype=bool)
    if n_last is not None:
        wanted[: length - n_last] = False
    drafts: list[tuple[IntArray, IntArray, tuple[int, ...]]] = []
    mask = wanted
    for dilation in reversed(dilations):
        lanes, lengths = _close(mask, dilation)
        sizes = tuple(int((lengths > s).sum()) for s in range(int(lengths[0])))
        positions = np.concatenate([lanes[:size] + s * dilation for s, size in enumerate(sizes)])
        drafts.append((positions, lanes, sizes))
        mask = np.zeros(length, dtype=bool)
        mask[positions] = True
    layers: list[LayerPlan] = []
    row = np.arange(length, dtype=np.int64)  # row of the layer below that holds time t
    below = length
    for positions, lanes, sizes in reversed(drafts):
        source = row[positions]
        identity = len(source) == below and bool((source == np.arange(below)).all())
        layers.append(
            LayerPlan(
                positions,
                sizes,
                Rows(lanes),
                source=None if identity else Rows(source),
                unread=np.setdiff1d(np.arange(below), source),
                full=len(positions) == length,
            )
        )
        row = np.full(length, -1, dtype=np.int64)
        row[positions] = np.arange(len(positions))
        below = len(positions)
    output = row[wanted]
    identity = len(output) == below and bool((output == np.arange(below)).all())
    return StackPlan(tuple(layers), None if identity else Rows(output))


def take_rows(x: torch.Tensor, rows: Rows | None) -> torch.Tensor:
    """Rows of ``x`` along its first axis, all of it for ``None``."""
    return x if rows is None else rows.take(x)


def last_rows(x: torch.Tensor, before: torch.Tensor | None, n: int) -> torch.Tensor:
    """The last ``n`` rows of ``before`` (zeros where ``None``) followed by ``x``."""
    missing = n - x.shape[0]
    if missing <= 0:
        return x[-n:]
    head = x.new_zeros(missing, *x.shape[1:]) if before is None else before[-missing:]
    return torch.cat((head, x))
