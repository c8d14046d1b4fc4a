"""Which rows K stacks of different dilations and depths read, layer by layer, as one index each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from optuna_mi.nn._positions import LayerPlan, plan_stack
from optuna_mi.nn._rows import Rows


@dataclass(frozen=True, eq=False)
class PopulationLayer:
    """One layer of all the stacks that have it.

    Rows of K memories ``(K, n, ...)`` are counted through: row i of the k-th is ``k * n + i``.

    Attributes:
        members: Which stacks have it; ``None`` for all.
        plans: Of each member, its positions.
        dilations: Of each member.
        n_rows: Rows of the longest plan; shorter ones are padded to it.
        source: Rows of the layer below for ``(members, n_rows)``.
        last: Whether it is the last layer of each member.
        output: Rows of this layer that are the outputs of the stacks that end here, or ``None``.
    """

    members: Rows | None
    plans: tuple[LayerPlan, ...]
    dilations: tuple[int, ...]
    n_rows: int
    source: Rows
    last: tuple[bool, ...]
    output: Rows | None


@dataclass(frozen=True, eq=False)
class PopulationPlan:
    """All layers, and how their outputs come together.

    Attributes:
        layers: Bottom first.
        n_outputs: Outputs of each stack; shorter ones are padded.
        order: Of the outputs, which come in order of depth; ``None`` if that is theirs.
    """

    layers: tuple[PopulationLayer, ...]
    n_outputs: int
    order: Rows | None


@lru_cache(maxsize=64)
def plan_population(
    length: int,
    dilations: tuple[tuple[int, ...], ...],
    n_last: tuple[int | None, ...],
    shared: bool,
) -> PopulationPlan:
    """Plan K stacks.

    Args:
        length: Steps of the sequences.
        dilations: Of every stack.
        n_last: How many last outputs of every stack are read; ``None`` for all.
        shared: All stacks read the same input ``(T, ...)`` instead of ``(K, T, ...)``.
    """
    stacks = [plan_stack(length, d, n) for d, n in zip(dilations, n_last, strict=True)]
    n_outputs = max(length if n is None else n for n in n_last)
    n_below, below = length, {k: 0 if shared else k for k in range(len(stacks))}
    layers: list[PopulationLayer] = []
    ended: list[int] = []
    for depth in range(max(map(len, dilations))):
        members = [k for k, stack in enumerate(stacks) if len(stack.layers) > depth]
        plans = [stacks[k].layers[depth] for k in members]
        n_rows = max(len(plan.positions) for plan in plans)
        source = [
            below[k] * n_below + _padded(plan.source_rows, n_rows, n_below)
            for k, plan in zip(members, plans, strict=True)
        ]
        last = [len(stacks[k].layers) == depth + 1 for k in members]
        outputs = [
            i * n_rows + _padded(_output_rows(stacks[k].output, n_rows), n_outputs, n_rows)
            for i, k in enumerate(members)
            if last[i]
        ]
        ended += [k for i, k in enumerate(members) if last[i]]
        layers.append(
            PopulationLayer(
                None if len(members) == len(stacks) else _rows(members),
                tuple(plans),
                tuple(dilations[k][depth] for k in members),
                n_rows,
                Rows(np.concatenate(source)),
                tuple(last),
                Rows(np.concatenate(outputs)) if outputs else None,
            )
        )
        n_below, below = n_rows, {k: i for i, k in enumerate(members)}
    order = None if ended == sorted(ended) else _rows(np.argsort(ended))
    return PopulationPlan(tuple(layers), n_outputs, order)


@lru_cache(maxsize=256)
def state_rows(length: int, dilations: tuple[int, ...], width: int, carried: bool) -> Rows:
    """Return where the state after the last step stands.

    Args:
        length: Steps.
        dilations: Of each model that has the layer.
        width: Rows that a state has for each of them.
        carried: The rows are those of the state before and the outputs behind it, ``(K, width +
            length)``; else the outputs alone, ``(K, length)``.

    Returns:
        Rows for ``(K, width)``: of each model its last d times, then padding.
    """
    total = length + width * carried
    index = np.zeros((len(dilations), width), dtype=np.int64)
    for i, d in enumerate(dilations):
        time = np.arange(length - d, length)
        index[i, :d] = np.where(time >= 0, time + width * carried, time + d)
        index[i] += i * total
    return Rows(index.ravel())


def _padded(rows: np.ndarray, n: int, n_below: int) -> np.ndarray:
    # Nothing reads the padding; distinct rows, so that its gradients do not meet in one place.
    return np.concatenate((rows, np.arange(n - len(rows)) % n_below))


def _output_rows(output: Rows | None, n_rows: int) -> np.ndarray:
    return np.arange(n_rows) if output is None else output.index


def _rows(numbers: Sequence[int] | np.ndarray) -> Rows:
    return Rows(np.asarray(numbers, dtype=np.int64))
