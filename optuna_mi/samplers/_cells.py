"""The cells of a grid, in the order in which they are tried."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from optuna_mi._checks import instance, listed, shown
from optuna_mi.search_space._grid import plain_value

if TYPE_CHECKING:
    from optuna_mi.search_space import DilationSpace


class Cells:
    """The cells of a grid in the order in which they are tried, and a fingerprint of them.

    The order is a permutation whose seed is the fingerprint, so all workers agree on it whatever
    their own seeds; the first cell of the first worker is the data's recommendation.

    Args:
        space: The dilation space.
        settings: Settings of the space, distinct, the first one to be tried first.
        extra: Choices of further parameters by name, which multiply the grid.

    Raises:
        TypeError: If a choice is not a string, number, bool or None.
        ValueError: If a name belongs to the space, a list of choices is empty or repeats one, or a
            setting lacks a parameter of the space or has a value outside its range.
    """

    def __init__(
        self,
        space: DilationSpace,
        settings: Sequence[Mapping[str, Any]],
        extra: Mapping[str, Sequence[Any]],
    ) -> None:
        self.space_names = tuple(space.distributions())
        _check_extra(self.space_names, extra)
        settings = listed("settings", settings, "settings, each a mapping")
        if not settings:
            raise ValueError("the grid is empty: give at least one setting.")
        settings = [_checked(space, setting) for setting in settings]
        if len({space.dilations(s) for s in settings}) < len(settings):
            raise ValueError("two settings of the grid give the same dilations; drop one of them.")
        rows = [[s[name] for name in self.space_names] for s in settings]
        products = itertools.product(rows, *extra.values())
        self.names = (*self.space_names, *extra)
        self.values = [(*row, *others) for row, *others in products]
        record = [space.fingerprint, self.names, self.values]
        text = json.dumps(record, separators=(",", ":"))
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()[:16]
        rest = np.random.default_rng(int(self.fingerprint, 16)).permutation(len(self.values) - 1)
        self.order = [0, *(int(i) + 1 for i in rest)]
        self._by_values = {_key(v): i for i, v in enumerate(self.values)}

    def __len__(self) -> int:
        return len(self.values)

    def params(self, cell: int) -> dict[str, Any]:
        """Return a cell's parameters by name."""
        return dict(zip(self.names, self.values[cell], strict=True))

    def find(self, params: Mapping[str, Any]) -> int | None:
        """Return the cell that a setting lies on; parameters that are not the grid's are ignored.

        ``None`` if there is no such cell or one of the grid's parameters is missing.
        """
        if any(name not in params for name in self.names):
            return None
        return self._by_values.get(_key([params[name] for name in self.names]))

    def matching(self, params: Mapping[str, Any]) -> frozenset[int]:
        """Return the cells that agree with a setting which names some of the parameters."""
        named = [(i, name) for i, name in enumerate(self.names) if name in params]
        wanted = _key([params[name] for _, name in named])
        return frozenset(
            cell
            for cell, values in enumerate(self.values)
            if _key([values[i] for i, _ in named]) == wanted
        )


def _key(values: Sequence[Any]) -> tuple[Any, ...]:
    # True == 1 == 1.0 in Python, yet they are different choices.
    return tuple((isinstance(v, bool), v) for v in values)


def _checked(space: DilationSpace, setting: Mapping[str, Any]) -> dict[str, Any]:
    """Return the setting's parameters of the space, in types that a storage keeps."""
    distributions = space.distributions()
    instance("each of settings", setting, Mapping, "values by the parameters' names")
    missing = [name for name in distributions if name not in setting]
    if missing:
        raise ValueError(f"a setting of the grid lacks {missing}; it has {sorted(setting)}.")
    return {name: plain_value(name, d, setting[name]) for name, d in distributions.items()}


def _check_extra(space_names: Sequence[str], extra: Mapping[str, Sequence[Any]]) -> None:
    instance("extra", extra, Mapping, "lists of choices by the parameters' names")
    for name, choices in extra.items():
        instance("each name of extra", name, str, "a str")
        if name in space_names:
            raise ValueError(
                f"extra names {name!r}, which the dilation space searches already: choose its "
                "values with points={...}."
            )
        if isinstance(choices, str) or not isinstance(choices, Sequence) or not choices:
            raise ValueError(
                f"extra[{name!r}] must be a non-empty list of choices, got {choices!r}."
            )
        for choice in choices:
            kept = choice is None or isinstance(choice, str | int | float | bool)
            if not kept or choice != choice:  # NaN is equal to nothing, so no cell is found by it
                raise TypeError(
                    f"extra[{name!r}] holds {shown(choice)}: choose others, a storage keeps only "
                    "str, int, float, bool and None, and NaN equals nothing."
                )
        if len({_key([c]) for c in choices}) < len(choices):
            raise ValueError(f"extra[{name!r}] repeats a choice: {list(choices)}; drop one.")
