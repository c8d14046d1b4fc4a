"""Dropout of K networks, each from its own random stream."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from optuna_mi.nn._population_plan import PopulationLayer
from optuna_mi.nn._rows import keep


def dropped(
    out: Tensor,
    layer: PopulationLayer,
    dropout: Sequence[float],
    generators: Sequence[torch.Generator | None],
) -> Tensor:
    """Return a layer's outputs with each network's own share of them dropped.

    A network draws what ``functional.dropout`` would draw from its generator, in one launch; the
    rest is done for all networks at once.

    Args:
        out: ``(members, rows, B, H)``.
        layer: Whose outputs they are; those of a network's last layer stay.
        dropout: Of every network; zeros in evaluation mode.
        generators: Of every network; ``None`` is torch's default.
    """
    members = range(len(out)) if layer.members is None else layer.members.index.tolist()
    shares = tuple(
        1.0 if last else 1.0 - dropout[k] for k, last in zip(members, layer.last, strict=True)
    )
    if all(share == 1.0 for share in shares):
        return out
    masks = torch.ones_like(out)
    for mask, k, share, plan in zip(masks, members, shares, layer.plans, strict=True):
        if share < 1.0:
            mask[: len(plan.positions)].bernoulli_(share, generator=generators[k])
    factors = _column(shares, out.device, out.dtype)
    keep(factors)
    return out * masks.div_(factors)


@lru_cache(maxsize=256)
def _column(values: tuple[float, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    """A number for each network, ``(K, 1, 1, 1)``, copied to the device once."""
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=dtype, device="cpu").to(device)[:, None, None, None]
