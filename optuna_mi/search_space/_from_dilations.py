"""A space around a list of the user's own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from optuna_mi._checks import whole, wholes
from optuna_mi.search_space._format import format_dilations
from optuna_mi.search_space._geometry import GIVEN, DecayGeometry
from optuna_mi.search_space._ranges import IntRange


def fields_of_list(
    dilations: Sequence[int], window: int | None, max_layers: int | None
) -> dict[str, Any]:
    """Return the fields of the space that `DilationSpace.from_dilations` makes.

    Raises:
        TypeError: A dilation is no integer.
        ValueError: The list is empty or not increasing, or does not fit the limits.
    """
    given = wholes("dilations", dilations, 1)
    if not given or any(a >= b for a, b in itertools.pairwise(given)):
        raise ValueError(
            f"dilations must be a list that increases, such as (1, 2, 5, 12, 30), got {given}: a "
            "space holds lists of different dilations in order; repeat or reorder them in your "
            "model"
        )
    n, largest = len(given), given[-1]
    most = max(math.ceil(1.5 * n), 2) if max_layers is None else whole("max_layers", max_layers, 1)
    if n > most:
        raise ValueError(f"max_layers={most} is fewer than the {n} layers of {given}")
    high = 2 * largest
    if window is not None:
        window = whole("window", window, 1)
        if largest >= window:
            raise ValueError(
                f"a dilation of {largest} does not fit into a training window of {window} steps: "
                "leave it out or lengthen the window"
            )
        high = min(high, window - 1)
    return {
        "geometry": DecayGeometry(GIVEN, delays=given),
        "layers": (IntRange(max(1, n // 2), min(math.ceil(1.5 * n), most), n),),
        "max_dilation": IntRange(math.ceil(largest / 2), high, largest),
        "max_layers": most,
        "window": window,
        "reason": f"The list {format_dilations(given)} was given",
    }
