"""K stacks of dilated layers: one after the other on the CPU's kernels, or all in one call a layer.

Both take the inputs ``(T, B, F)``, the same for all, or ``(K, T, B, F)``, and return ``(K, n, B,
H)`` and the states. A state is, for every layer, what the members of that layer had put out at
times -d .. -1, ``(members, width, B, H)``, the d of each first and padding behind them; a pair for
LSTM.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from optuna_mi.nn._backend import RunLayer
from optuna_mi.nn._check_arguments import Backend, Cell, LayerState, State
from optuna_mi.nn._dilated_rnn import DilatedRNN
from optuna_mi.nn._population_cell import WeightsOnly
from optuna_mi.nn._population_dropout import dropped
from optuna_mi.nn._population_plan import plan_population, state_rows
from optuna_mi.nn._positions import plan_stack, take_rows
from optuna_mi.nn._recurrence_op import dilated_recurrence


@dataclass(frozen=True)
class Stacks:
    """What is known of K stacks but their weights.

    Attributes:
        cell: Of all.
        backend: Of all, where one runs after the other.
        size: Hidden size of all.
        residual: Whether inputs are added to outputs where the sizes agree.
        dilations: Of each.
        dropout: Of each, between layers; zeros in evaluation mode.
        generators: Of each, where its dropout comes from; ``None`` is torch's default.
    """

    cell: Cell
    backend: Backend
    size: int
    residual: bool
    dilations: tuple[tuple[int, ...], ...]
    dropout: tuple[float, ...]
    generators: tuple[torch.Generator | None, ...]

    @classmethod
    def of(
        cls,
        stacks: Sequence[DilatedRNN],
        generators: Sequence[torch.Generator | None],
        training: bool,
    ) -> Stacks:
        """Return what is known of these stacks, in training mode or not."""
        first = stacks[0]
        return cls(
            first.cell,
            first.backend,
            first.hidden_sizes[0],
            first.residual,
            tuple(stack.dilations for stack in stacks),
            tuple(stack.dropout if training else 0.0 for stack in stacks),
            tuple(generators),
        )


def run_each(
    stacks: Stacks,
    x: Tensor,
    shared: bool,
    weights: Sequence[Sequence[Sequence[Tensor]]],
    n_last: tuple[int | None, ...],
    state: State | None,
    run_layer: RunLayer,
) -> tuple[Tensor, State | None]:
    """Run one stack after the other, each as a :class:`DilatedRNN` would run.

    Args:
        stacks: The stacks.
        x: Their inputs.
        shared: All read the same.
        weights: Of every stack, layer by layer, W_ih, W_hh, b_ih, b_hh.
        n_last: How many last outputs of each are read; ``None`` for all.
        state: Before the first step; ``None`` for zeros.
        run_layer: Of the backend.
    """
    outputs, states = [], []
    for k, (dilations, layers) in enumerate(zip(stacks.dilations, weights, strict=True)):
        h = x if shared else x[k]
        plan = plan_stack(len(h), dilations, n_last[k])
        after: list[LayerState] = []
        for i, (d, layer) in enumerate(zip(dilations, plan.layers, strict=True)):
            cell = WeightsOnly(stacks.cell, stacks.size, layers[i])
            residual = stacks.residual and h.shape[-1] == stacks.size
            drops = stacks.dropout[k] > 0 and i < len(dilations) - 1
            before = None if state is None else _own(state[i], _place(stacks.dilations, i, k), d)
            out, entry = run_layer(
                cast(nn.RNNBase, cell), h, layer, d, before, residual and not drops
            )
            if drops:
                keep = 1.0 - stacks.dropout[k]
                mask = torch.empty_like(out).bernoulli_(keep, generator=stacks.generators[k])
                out = out * mask.div_(keep)
                out = out + take_rows(h, layer.source) if residual else out
            h = out
            if entry is not None:
                after.append(entry)
        outputs.append(take_rows(h, plan.output))
        states.append(after)
    longest = max(map(len, outputs))
    output = torch.stack([functional.pad(h, (0, 0, 0, 0, 0, longest - len(h))) for h in outputs])
    if any(n is not None for n in n_last):
        return output, None
    depth = max(map(len, stacks.dilations))
    return output, tuple(_joined([own[i] for own in states if len(own) > i]) for i in range(depth))


def run_together(
    stacks: Stacks,
    x: Tensor,
    shared: bool,
    weights: Sequence[Sequence[Tensor]],
    n_last: tuple[int | None, ...],
    state: State | None,
    backend: str,
) -> tuple[Tensor, State | None]:
    """Run all stacks at once: a batched product and one recurrence a layer.

    Args:
        stacks: The stacks.
        x: Their inputs.
        shared: All read the same.
        weights: Layer by layer, stacked: W_ih, W_hh, b_ih, b_hh, K in front.
        n_last: How many last outputs of each are read; ``None`` for all.
        state: Before the first step; ``None`` for zeros.
        backend: Of the recurrence.
    """
    length, batch = x.shape[-3], x.shape[-2]
    plan = plan_population(length, stacks.dilations, n_last, shared)
    full = all(n is None for n in n_last)
    below = x if shared else x.flatten(0, 1)
    outputs, states = [], []
    for i, layer in enumerate(plan.layers):
        w_ih, w_hh, b_ih, b_hh = (take_rows(weight, layer.members) for weight in weights[i])
        n, features = len(layer.plans), below.shape[-1]
        h = layer.source.take(below).view(n, layer.n_rows, batch, features)
        rows = h.view(n, layer.n_rows * batch, features)
        projected = torch.baddbmm(b_ih.unsqueeze(1), rows, w_ih.transpose(1, 2))
        projected = projected.view(n, layer.n_rows, batch, -1)
        before = (None, None) if state is None else _pair(state[i])
        out, cells = dilated_recurrence(
            stacks.cell, projected, w_hh, b_hh, layer.plans, *before, backend=backend
        )
        if full:
            states.append(_after(layer.dilations, length, out, cells, before))
        out = dropped(out, layer, stacks.dropout, stacks.generators)
        if stacks.residual and features == stacks.size:
            out = out + h
        below = out.flatten(0, 1)
        if layer.output is not None:
            outputs.append(layer.output.take(below))
    output = torch.cat(outputs).view(-1, plan.n_outputs, batch, stacks.size)
    return take_rows(output, plan.order), tuple(states) if full else None


def _after(
    dilations: tuple[int, ...],
    length: int,
    out: Tensor,
    cells: Tensor | None,
    before: tuple[Tensor | None, Tensor | None],
) -> LayerState:
    width = max(dilations)
    carried = width > length

    def last(values: Tensor, start: Tensor | None) -> Tensor:
        if carried:
            shape = (len(values), width, *values.shape[2:])
            head = values.new_zeros(shape) if start is None else start
            values = torch.cat((head, values), dim=1)
        rows = state_rows(length, dilations, width, carried)
        return rows.take(values.flatten(0, 1)).view(len(dilations), width, *values.shape[2:])

    h = last(out, before[0])
    return h if cells is None else (h, last(cells, before[1]))


def clear_state(
    state: Sequence[LayerState], depths: Sequence[int], networks: Collection[int]
) -> State:
    """Return a state with zeros for some of the networks, given how many layers each has."""
    cleared: list[LayerState] = []
    for i, entry in enumerate(state):
        members = [k for k, depth in enumerate(depths) if depth > i]
        places = [place for place, k in enumerate(members) if k in networks]
        parts = [part.clone() for part in (entry if isinstance(entry, tuple) else (entry,))]
        for part in parts:
            part[places] = 0.0
        cleared.append((parts[0], parts[1]) if len(parts) == 2 else parts[0])
    return tuple(cleared)


def _pair(entry: LayerState) -> tuple[Tensor | None, Tensor | None]:
    return entry if isinstance(entry, tuple) else (entry, None)


def _place(dilations: tuple[tuple[int, ...], ...], layer: int, k: int) -> int:
    """Where model k stands among those that have the layer."""
    return sum(len(d) > layer for d in dilations[:k])


def _own(entry: LayerState, place: int, dilation: int) -> LayerState:
    if isinstance(entry, tuple):
        return entry[0][place, :dilation], entry[1][place, :dilation]
    return entry[place, :dilation]


def _joined(entries: Sequence[LayerState]) -> LayerState:
    pairs = [entry if isinstance(entry, tuple) else (entry,) for entry in entries]
    width = max(len(pair[0]) for pair in pairs)
    parts = [
        torch.stack([functional.pad(p, (0, 0, 0, 0, 0, width - len(p))) for p in part])
        for part in zip(*pairs, strict=True)
    ]
    return (parts[0], parts[1]) if len(parts) == 2 else parts[0]
