from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from optuna_mi._checks import whole

# settings that are made in about ten seconds
MOST_SETTINGS = 200_000


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
                f"points names {unknown}, which the space does not have; use "
                f"{sorted(distributions)}."
            )
    values = {}
    for name, distribution in distributions.items():
        wanted: Any = points.get(name, 3) if isinstance(points, Mapping) else points
        count = _count(name, wanted)
        if count is not None:
            chosen = _spread(distribution, recommended[name], count)
        else:
            chosen = [plain_value(name, distribution, value) for value in wanted]
            if not chosen:
                raise ValueError(f"{name} takes values of {distribution}, got none.")
        values[name] = sorted(chosen, key=lambda v, r=recommended[name]: v != r)  # type: ignore[misc]
    n_settings = math.prod(map(len, values.values()))
    if n_settings > MOST_SETTINGS:
        raise ValueError(
            f"points={points!r} makes {n_settings:,} settings, more than {MOST_SETTINGS:,}: take "
            "fewer points, or a number for each parameter: {'max_dilation': 5, 'n_layers_0': 2}"
        )
    return values


def _count(name: str, wanted: Any) -> int | None:
    """Return how many values are wanted, ``None`` if it is the values themselves."""
    try:
        return whole("points", wanted, 1)
    except TypeError as error:
        if isinstance(wanted, Iterable) and not isinstance(wanted, str):
            return None
        raise TypeError(f"{error}; for {name} the values themselves will do too") from None


def plain_value(name: str, distribution: BaseDistribution, value: Any) -> Any:
    """Return a parameter's value as Python's own type, which a storage and JSON can keep.

    Raises:
        ValueError: If the parameter does not have this value.
    """
    valid, plain = False, value
    if isinstance(distribution, CategoricalDistribution):
        valid = value in distribution.choices
    elif isinstance(value, numbers.Real) and not isinstance(value, bool):
        # Columns of tables hold numpy's integers, or floats.
        assert isinstance(distribution, IntDistribution)
        plain = int(number) if (number := float(value)).is_integer() else value
        valid = plain in range(distribution.low, distribution.high + 1)
    if not valid:
        raise ValueError(f"{name} takes values of {distribution}, got {value!r}.")
    return plain


def _spread(distribution: BaseDistribution, recommended: Any, n: int) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    assert isinstance(distribution, IntDistribution)
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
