"""What K networks make of the outputs of their stacks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from optuna_mi.nn._lengths import check_lengths, without_padding


def apply_heads(features: Tensor, widths: Sequence[int], bias: Tensor, weight: Tensor) -> Tensor:
    """Return the linear layers' outputs ``(K, n, outputs)``.

    Args:
        features: ``(K, n, widest)``.
        widths: How many features each network reads, the first ones.
        bias: ``(K, outputs)``.
        weight: ``(K, outputs * widest)``: of each network first its own ``outputs * width``.
    """
    n_outputs = bias.shape[1]
    if len(set(widths)) == 1:
        used = weight[:, : n_outputs * widths[0]].view(len(bias), n_outputs, widths[0])
        return torch.baddbmm(bias.unsqueeze(1), features[..., : widths[0]], used.transpose(1, 2))
    return torch.stack(
        [
            functional.linear(x[:, :width], w[: n_outputs * width].view(n_outputs, width), b)
            for x, width, b, w in zip(features, widths, bias, weight, strict=True)
        ]
    )


def embed(embedding: Tensor, symbols: Tensor) -> Tensor:
    """Return symbols embedded by each network.

    Args:
        embedding: ``(K, symbols, features)``.
        symbols: Integers ``(a, b)``, the same for all, or ``(K, a, b)``.

    Returns:
        ``(K, a, b, features)``.
    """
    n_networks, n_symbols, features = embedding.shape
    first = torch.arange(n_networks, device=symbols.device)[:, None, None] * n_symbols
    found: Tensor = functional.embedding(symbols + first, embedding.reshape(-1, features))
    return found


def without_ends(
    x: Tensor, shared: bool, lengths: Tensor | Sequence[int], n_networks: int
) -> tuple[Tensor, bool, Tensor]:
    """Return inputs with zeros behind the ends, whether they are shared, and all the ends.

    Args:
        x: ``(T, B, F)``, or ``(K, T, B, F)``.
        shared: Which of both.
        lengths: Integers ``(B,)``, or ``(K, B)``.
        n_networks: K.

    Raises:
        TypeError: A length is no integer.
        ValueError: There are not as many as sequences, or networks, or one is out of range.
    """
    steps, batch = x.shape[-3:-1]
    if isinstance(lengths, Tensor) and lengths.dim() == 2:
        if len(lengths) != n_networks:
            raise ValueError(
                f"lengths have the shape {tuple(lengths.shape)}, of which the first axis must be "
                f"the {n_networks} networks; pass one axis to give all the same"
            )
        ends = torch.stack([check_lengths(one, steps, batch) for one in lengths])
    else:
        one = check_lengths(lengths, steps, batch)
        ends = one.expand(n_networks, -1)
        if shared:
            return without_padding(x, one), True, ends
    own = x.expand(n_networks, -1, -1, -1) if shared else x
    cleared = [without_padding(*pair) for pair in zip(own, ends, strict=True)]
    return torch.stack(cleared), False, ends


def at_ends(output: Tensor, lengths: Tensor, n_last: Sequence[int]) -> Tensor:
    """Return the last valid steps of every sequence of every network.

    Args:
        output: ``(K, T, B, H)``.
        lengths: int64 ``(K, B)``, on the CPU.
        n_last: How many steps of each network.

    Returns:
        ``(K, n, B, H)``, n the largest of ``n_last``: of each network its own in order of time,
        zeros where a sequence has fewer, then padding.
    """
    n = torch.tensor(n_last, device="cpu")[:, None, None]
    steps = lengths.unsqueeze(1) - n + torch.arange(max(n_last), device="cpu")[:, None]
    there = (steps >= 0).to(output.device).unsqueeze(-1)
    index = steps.clamp(0, output.shape[1] - 1).to(output.device).unsqueeze(-1)
    return output.gather(1, index.expand(-1, -1, -1, output.shape[-1])) * there.to(output.dtype)
