"""The parts of `DilationSpace.describe` that take more than a line."""

from __future__ import annotations

import itertools

from optuna_mi.search_space._geometry import LAWS, DecayGeometry
from optuna_mi.search_space._ranges import IntRange


def law_in_words(geometry: DecayGeometry) -> str:
    """Return a sentence about the law and where its slope changes."""
    breaks = ", ".join(f"{b:.3g}" for b in geometry.breakpoints)
    return LAWS[geometry.law] + (f" whose slope changes at {breaks}." if breaks else ".")


def ranges_in_words(
    geometry: DecayGeometry, layers: tuple[IntRange, ...], largest: IntRange, max_layers: int
) -> str:
    """Return a sentence about what is searched."""
    edges = ["1", *(f"{b:.3g}" for b in geometry.breakpoints), "the maximum"]
    per_segment = [
        f"{_layers(r.low, r.high)} for distances {start} to {stop} (recommended {r.recommended})"
        for r, (start, stop) in zip(layers, itertools.pairwise(edges), strict=True)
    ]
    return (
        f"Searched: {', '.join(per_segment)}, and a largest dilation from {largest.low} to "
        f"{largest.high} on a log scale (recommended {largest.recommended}), "
        f"with at most {max_layers} layers in total."
    )


def _layers(low: int, high: int) -> str:
    if low == high:
        return "1 layer" if low == 1 else f"{low} layers"
    return f"{low} to {high} layers"
