"""Sequences of different lengths in one padded batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from optuna_mi._checks import as_array
from optuna_mi.nn._check_arguments import LayerState, State

Run = Callable[[torch.Tensor, Sequence[LayerState] | None], tuple[torch.Tensor, State]]


def check_lengths(lengths: torch.Tensor | Sequence[int], steps: int, batch: int) -> torch.Tensor:
    """Return the lengths as an int64 tensor ``(B,)`` on the CPU.

    Raises:
        TypeError: A length is no integer.
        ValueError: There are more or fewer than sequences, or one is not in ``1 .. steps``.
    """
    if not isinstance(lengths, torch.Tensor):
        array = as_array("lengths", lengths)
        if array.dtype.kind not in "iu":
            raise TypeError(f"lengths must be integers, got dtype {array.dtype}")
        lengths = torch.from_numpy(array.astype(np.int64))
    found = lengths.cpu()
    if found.is_floating_point() or found.is_complex() or found.dtype == torch.bool:
        raise TypeError(f"lengths must be integers, got {found.dtype}")
    if found.shape != (batch,):
        raise ValueError(
            f"lengths must hold one number per sequence, shape ({batch},), got {tuple(found.shape)}"
        )
    if int(found.min()) < 1 or int(found.max()) > steps:
        raise ValueError(
            f"lengths must lie in 1..{steps}, the steps of the padded batch; got "
            f"{int(found.min())}..{int(found.max())}: leave empty sequences out"
        )
    return found.long()


def without_padding(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return ``(T, B, F)`` with zeros behind each end: a NaN there would reach the gradients."""
    behind = torch.arange(len(x), device=lengths.device)[:, None] >= lengths
    return x.masked_fill(behind.to(x.device).unsqueeze(-1), 0.0)


def last_steps(output: torch.Tensor, lengths: torch.Tensor, n: int) -> torch.Tensor:
    """Return the last n valid steps of every sequence.

    Args:
        output: ``(T, B, H)``; what lies behind a sequence's end has not been able to reach it.
        lengths: int64 ``(B,)``.
        n: How many steps.

    Returns:
        ``(n, B, H)`` in order of time; zeros where a sequence has fewer.
    """
    steps = lengths - n + torch.arange(n, device=lengths.device)[:, None]
    column = torch.arange(len(lengths), device=lengths.device).expand(n, -1)
    rows = output[steps.clamp(min=0).to(output.device), column.to(output.device)]
    return rows * (steps >= 0).to(rows).unsqueeze(-1)


def run_packed(
    run: Run, x: torch.Tensor, state: Sequence[LayerState] | None, lengths: torch.Tensor
) -> tuple[torch.Tensor, State]:
    """Run every sequence to its own end.

    Time is cut where a sequence ends, as ``torch.nn.utils.rnn.pack_padded_sequence`` does, and the
    state carries those that go on across the cut.

    Args:
        run: Takes ``(t, b, F)`` and a state; returns ``(t, b, H)`` and the state after.
        x: ``(T, B, F)``.
        state: Before the first step, or ``None`` for zeros.
        lengths: int64 ``(B,)``, from 1 to T.

    Returns:
        Outputs ``(T, B, H)``, zeros behind each end, and the state at each sequence's end.
    """
    alive = torch.arange(len(lengths), device=lengths.device)
    now: State | None = None if state is None else tuple(state)
    outputs: list[torch.Tensor] = []
    order: list[torch.Tensor] = []
    ended: list[State] = []
    start = 0
    for end in sorted(set(lengths.tolist())):
        part, now = run(x[start:end].index_select(1, alive.to(x.device)), now)
        whole = part.new_zeros(part.shape[0], len(lengths), part.shape[2])
        outputs.append(whole.index_copy(1, alive.to(x.device), part))
        ends = lengths[alive] == end
        order.append(alive[ends])
        ended.append(_select(now, ends.nonzero().flatten()))
        now = _select(now, (~ends).nonzero().flatten())
        alive = alive[~ends]
        start = end
    if start < x.shape[0]:
        outputs.append(outputs[0].new_zeros(x.shape[0] - start, *outputs[0].shape[1:]))
    back = torch.argsort(torch.cat(order))
    return torch.cat(outputs), _select(_join(ended), back)


def _select(state: State, columns: torch.Tensor) -> State:
    """Return some sequences' share of a state."""

    def of(entry: torch.Tensor) -> torch.Tensor:
        return entry.index_select(1, columns.to(entry.device))

    return tuple((of(e[0]), of(e[1])) if isinstance(e, tuple) else of(e) for e in state)


def _join(states: Sequence[State]) -> State:
    joined: list[LayerState] = []
    for entries in zip(*states, strict=True):
        if isinstance(entries[0], tuple):
            h, c = (torch.cat([e[i] for e in entries], dim=1) for i in (0, 1))
            joined.append((h, c))
        else:
            joined.append(torch.cat(list(entries), dim=1))
    return tuple(joined)
