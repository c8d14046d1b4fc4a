from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from optuna_mi.search_space._format import format_dilations
from optuna_mi.search_space._geometry import LAWS

if TYPE_CHECKING:
    from optuna_mi.search_space._space import DilationSpace


def describe(space: DilationSpace) -> str:
    """Return a paragraph about the space."""
    law = LAWS[space.geometry.law]
    breaks = space.geometry.breakpoints
    where = " whose slope changes at " + ", ".join(f"{b:.3g}" for b in breaks) if breaks else ""
    parts = [f"{law}{where}."]
    if space.reason:
        parts.append(space.reason if space.reason.endswith(".") else f"{space.reason}.")
    edges = ["1", *(f"{b:.3g}" for b in breaks), "the maximum"]
    layers = [
        f"{_layers(r.low, r.high)} for distances {start} to {stop} (recommended {r.recommended})"
        for r, (start, stop) in zip(space.layers, itertools.pairwise(edges), strict=True)
    ]
    largest = space.max_dilation
    parts.append(
        f"Searched: {', '.join(layers)}, and a largest dilation from {largest.low} to "
        f"{largest.high} on a log scale (recommended {largest.recommended}), "
        f"with at most {space.max_layers} layers in total."
    )
    if space.geometry.snap_period is not None:
        parts.append(
            f"From one period on, dilations sit on multiples of {space.geometry.snap_period}, "
            "where mutual information peaks."
        )
    if space.window is not None:
        parts.append(f"No dilation reaches the training window of {space.window} steps.")
    if space.baselines:
        parts.append("The standard progression 1, 2, 4, … of equal size is searched beside it.")
    parts.extend(space.notes)
    parts.append(
        "The data's own recommendation, tried first: "
        f"{format_dilations(space.dilations(space.recommended))}."
    )
    return " ".join(parts)


def _layers(low: int, high: int) -> str:
    if low == high:
        return "1 layer" if low == 1 else f"{low} layers"
    return f"{low} to {high} layers"
