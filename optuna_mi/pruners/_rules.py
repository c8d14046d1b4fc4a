"""The pruner's rules as plain functions of series of IHYLL."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np


def measured(series: Mapping[int, float], last_step: int) -> list[float]:
    """Return the finite values up to and including a step, in the order of steps."""
    return [v for k, v in sorted(series.items()) if k <= last_step and math.isfinite(v)]


def is_rising(
    values: Sequence[float], patience: int, epsilon: float, bound: float | None = None
) -> bool | None:
    """Return whether the best value of the last ``patience`` steps beats the best one before.

    Args:
        values: IHYLL in nats, in the order of steps.
        patience: Number of the latest values that count as recent.
        epsilon: Smallest relative improvement that counts.
        bound: IXY in nats, the soft upper bound of IHYLL (data processing inequality): whatever
            exceeds it counts as the bound, so a network that has crossed it rises no more.

    Returns:
        ``None`` if there are too few values to tell: no more than ``patience``.
    """
    if len(values) <= patience:
        return None
    capped = np.asarray(values, dtype=np.float64)
    if bound is not None:
        capped = np.minimum(capped, bound)
    before, recent = float(capped[:-patience].max()), float(capped[-patience:].max())
    return recent - before > epsilon * abs(before)


def is_below_peers(
    value: float, peers: Sequence[float], percentile: float, n_min_peers: int
) -> bool:
    """Return whether a value lies below a percentile of its peers' values at the same step."""
    known = [p for p in peers if math.isfinite(p)]
    if len(known) < n_min_peers:
        return False
    return value < float(np.percentile(known, percentile))
