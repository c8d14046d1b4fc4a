"""Finite grids of a space's settings."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from optuna_mi._checks import whole
from optuna_mi.search_space._check_arguments import plain_whole

# settings that are made in about ten seconds
MOST_SETTINGS = 200_000
# settings of which the different ones are counted, in minutes
_MOST_COUNTED = 10_000_000


class Gridded(ABC):
    """The part of `DilationSpace` that lists its settings, whatever they stand for."""

    @property
    @abstractmethod
    def recommended(self) -> dict[str, Any]:
        """The data's own setting."""

    @abstractmethod
    def distributions(self) -> dict[str, BaseDistribution]:
        """Return the parameters and their ranges."""

    @abstractmethod
    def dilations(self, params: Mapping[str, Any]) -> tuple[int, ...]:
        """Return the dilations that a setting stands for."""

    def settings(self, points: int | Mapping[str, int | Sequence[Any]]) -> Iterator[dict[str, Any]]:
        """Yield the product of every parameter's chosen values, the recommended setting first."""
        yield dict(self.recommended)
        values = _chosen_values(self.distributions(), self.recommended, points)
        for combination in itertools.product(*values.values()):
            yield dict(zip(values, combination, strict=True))

    def grid(
        self, points: int | Mapping[str, int | Sequence[Any]] = 3
    ) -> tuple[dict[str, Any], ...]:
        """Return a finite grid of settings whose lists of dilations all differ.

        Args:
            points: How many values of each parameter to take, evenly placed (on a log scale for
                ``max_dilation``); or for each parameter its own number or the values themselves.
                1 takes the recommended value alone. Any other number takes both ends and the
                recommended value, so 2 takes up to three; a larger one takes as many as it says, or
                fewer where neighbours round to the same integer. Of ``progression`` all choices
                are taken.

        Returns:
            Settings, the recommended one first, also where the values lack it.

        Raises:
            TypeError: If the points of a parameter are no integer and no values.
            ValueError: If a parameter is unknown, or a value outside its range.

        Example:
            >>> from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange
            >>> space = DilationSpace(
            ...     DecayGeometry("power"), (IntRange(3, 3, 3),), IntRange(8, 32, 16), max_layers=7
            ... )
            >>> [[params["max_dilation"] for params in space.grid(n)] for n in (1, 2, 3, 4)]
            [[16], [16, 8, 32], [16, 8, 32], [16, 8, 20, 32]]
        """
        seen: dict[tuple[int, ...], dict[str, Any]] = {}
        for params in self.settings(points):
            seen.setdefault(self.dilations(params), params)
        return tuple(seen.values())

    @cached_property
    def n_distinct(self) -> int:
        """Number of different lists of dilations in the whole space; slow for very wide ones."""
        values = {
            name: range(d.low, d.high + 1) if isinstance(d, IntDistribution) else d.choices
            for name, d in self.distributions().items()
            if isinstance(d, IntDistribution | CategoricalDistribution)
        }
        n_settings = math.prod(map(len, values.values()))
        if n_settings > _MOST_COUNTED:
            raise ValueError(
                f"n_distinct would try {n_settings:,} settings, which takes hours: lower the "
                f"ranges to {_MOST_COUNTED:,} settings or fewer"
            )
        products = itertools.product(*values.values())
        return len({self.dilations(dict(zip(values, c, strict=True))) for c in products})


def _chosen_values(
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
    else:
        assert isinstance(distribution, IntDistribution)
        plain = plain_whole(value)
        valid = type(plain) is int and distribution.low <= plain <= distribution.high
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
