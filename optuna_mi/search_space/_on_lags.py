"""A list that connects the distances which were found to add to a prediction."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optuna_mi._checks import instance
from optuna_mi.search_space._geometry import MAX_RATIO

if TYPE_CHECKING:
    from optuna_mi.context import LagSelection


def steps_back(lags: LagSelection, limit: int | None) -> list[int]:
    """Return how far a layer must look back for each chosen lag, in the order of choice.

    The state at a step holds that step's own value, so a value ``horizon`` steps ahead has its lag
    d at d - horizon steps back, and needs no layer for the newest.

    Args:
        lags: The chosen lags.
        limit: The largest dilation allowed; what lies beyond is left out.

    Raises:
        TypeError: If it is no selection of lags.
    """
    from optuna_mi.context import LagSelection  # heavy, and loaded already where there is one

    instance(
        "lags", lags, LagSelection, "a LagSelection", "pass what optuna_mi.select_lags returned"
    )
    back = [lag - lags.horizon for lag in lags.lags if lag > lags.horizon]
    return [d for d in back if limit is None or d <= limit]


def connected(back: Sequence[int], reach: int, max_layers: int) -> tuple[int, ...]:
    """Return a list of all these distances, from 1 to at least ``reach``, with no wide gap.

    Where neighbours are more than `MAX_RATIO` times apart, as few as will do are added between, at
    equal ratios. Where that makes too many layers the last of ``back`` are left out; where the
    first alone makes too many, gaps are as wide as they must be.

    Example:
        >>> connected([7, 1, 6, 47], reach=9, max_layers=8)
        (1, 6, 7, 47)
        >>> connected([7, 1, 6, 47], reach=9, max_layers=3)
        (1, 7, 9)
        >>> connected([299], reach=1, max_layers=8)
        (1, 7, 45, 299)
        >>> connected([900, 7], reach=1, max_layers=3)
        (1, 30, 900)
    """
    for n in range(len(back), min(len(back), 1) - 1, -1):
        farthest = max(reach, *back[:n], 1)
        found = _filled(sorted({1, farthest, *back[:n]}))
        if len(found) <= max_layers:
            return found
    steps = max_layers - 1
    return (*(round(farthest ** (i / steps)) for i in range(steps)), farthest)


def _filled(distances: Sequence[int]) -> tuple[int, ...]:
    out = [distances[0]]
    for low, high in itertools.pairwise(distances):
        steps = math.ceil(math.log(high / low, MAX_RATIO) - 1e-9)
        out += [round(low * (high / low) ** (i / steps)) for i in range(1, steps)]
        out.append(high)
    return tuple(out)
