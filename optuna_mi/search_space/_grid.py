from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution


def chosen_values(
    distributions: Mapping[str, BaseDistribution],
    recommended: Mapping[str, Any],
    points: int | Mapping[str, int | Sequence[Any]],
) -> dict[str, list[Any]]:
    """Return the values of each parameter that a grid takes, the recommended one first."""
    if isinstance(points, Mapping):
        unknown = sorted(set(points) - set(distributions))
        if unknown:
            raise ValueError(
                f"points names {unknown}, which the space does not have; it has "
                f"{sorted(distributions)}."
            )
    values = {}
    for name, distribution in distributions.items():
        wanted = points.get(name, 3) if isinstance(points, Mapping) else points
        if isinstance(wanted, int):
            chosen = _spread(distribution, recommended[name], wanted)
        else:
            chosen = list(wanted)
            bad = [v for v in chosen if not _contains(distribution, v)]
            if bad or not chosen:
                raise ValueError(f"{name} takes values of {distribution}, got {list(wanted)}.")
        values[name] = sorted(chosen, key=lambda v, r=recommended[name]: v != r)  # type: ignore[misc]
    return values


def _contains(distribution: BaseDistribution, value: Any) -> bool:
    if isinstance(distribution, IntDistribution):
        return isinstance(value, int) and value in range(distribution.low, distribution.high + 1)
    assert isinstance(distribution, CategoricalDistribution)
    return bool(value in distribution.choices)


def _spread(distribution: BaseDistribution, recommended: Any, n: int) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    assert isinstance(distribution, IntDistribution)
    if n < 1:
        raise ValueError(f"points must be at least 1, got {n}.")
    if n == 1:
        return [recommended]
    low, high = distribution.low, distribution.high
    places = np.geomspace(low, high, n) if distribution.log else np.linspace(low, high, n)
    spread = [int(v) for v in np.rint(places)]
    # The recommended value takes the place of its nearest neighbour among the inner ones.
    inner = range(1, n - 1)
    if recommended not in spread and n > 2:
        nearest = min(inner, key=lambda i: abs(np.log(spread[i] / recommended)))
        spread[nearest] = recommended
    return sorted(set(spread) | {recommended})
