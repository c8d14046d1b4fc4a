"""The space that a decay analysis calls for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypedDict

from optuna_mi._checks import one_of, whole
from optuna_mi._logging import get_logger
from optuna_mi.search_space._design import largest_dilation
from optuna_mi.search_space._format import format_dilations
from optuna_mi.search_space._geometry import LAGS, MAX_RATIO, DecayGeometry
from optuna_mi.search_space._on_lags import connected, steps_back
from optuna_mi.search_space._ranges import (
    RANGES,
    IntRange,
    Ranges,
    layer_ranges,
    max_dilation_range,
    wide,
)

if TYPE_CHECKING:
    from optuna_mi.context import ContextCurve, LagSelection, Window
    from optuna_mi.decay import DecayAnalysis

_logger = get_logger(__name__)


class Limits(TypedDict, total=False):
    """Types of the keywords of `DilationSpace.from_analysis`, which explains them."""

    window: int | None
    max_layers: int
    baselines: bool
    snap: bool
    line_exponent: float
    context: ContextCurve | Window | None
    lags: LagSelection | None
    ranges: Ranges


def fields_of_analysis(
    analysis: DecayAnalysis,
    geometry: DecayGeometry,
    window: int | None,
    max_layers: int,
    context: ContextCurve | Window | None,
    lags: LagSelection | None = None,
    ranges: Ranges = "paper",
) -> dict[str, Any]:
    """Return the fields of the space that `DilationSpace.from_analysis` makes."""
    max_layers = whole("max_layers", max_layers, 1)
    one_of("ranges", ranges, RANGES)
    notes = []
    recommended = max(int(analysis.max_dilation), 1)
    limit, why = largest_dilation(analysis, window)
    if limit is not None and recommended > limit:
        # A flat curve asks for the whole sequence, and gets all but one step of it.
        if recommended > limit + 1:
            notes.append(f"The largest dilation is clipped from {recommended} to {limit} by {why}.")
            _logger.warning(notes[-1])
        recommended = limit
    farthest = recommended
    if context is not None:
        recommended = learnt(context) if limit is None else min(learnt(context), limit)
        between = "holds both" if ranges == "wide" else "lies between"
        notes.append(
            f"{recommended:,} steps can be learnt from so much data, and the decay curve asks for "
            f"{farthest:,}" + (f": the range {between}." if lags is None else ".")
        )
    if lags is not None:
        back = steps_back(lags, limit)
        listed = connected(back, recommended if context is not None else 1, max_layers)
        recommended = listed[-1]
        geometry = DecayGeometry(LAGS, delays=listed)
        notes.append(_of_lags(back, listed))
    geometry = geometry.up_to(recommended)
    largest = max_dilation_range(geometry, recommended, limit)
    if context is not None or lags is not None:
        # A period is no bound here: what is measured to be learnt beyond it pays.
        low, high = sorted((recommended, farthest))
        if geometry.breakpoints:  # no segment, and no parameter, is ever empty
            low = min(max(low, math.floor(geometry.breakpoints[-1]) + 1), recommended)
        largest = IntRange(low, high, recommended)
    if ranges == "wide":
        end = limit
        if window is None or end is None:
            # a stream may be millions of steps long, of which few are measured
            measured = max(2 * recommended, int(analysis.curve.lags[-1]))
            end = measured if end is None else min(end, measured)
        largest = wide(largest, end)
    if recommended > MAX_RATIO ** (max_layers - 1):
        needed = math.ceil(math.log(recommended, MAX_RATIO) - 1e-9) + 1
        gap = recommended ** (1 / max(max_layers - 1, 1))
        notes.append(
            f"To reach {recommended:,} with neighbours no more than {MAX_RATIO:.0f} times apart "
            f"takes {needed} layers; the {max_layers} allowed leave gaps of about {gap:.0f} times."
        )
    return {
        "geometry": geometry,
        "layers": layer_ranges(geometry, largest, max_layers, ranges),
        "max_dilation": largest,
        "max_layers": max_layers,
        "window": None if limit is None else limit + 1,
        "reason": f"Largest dilation {analysis.max_dilation}: {analysis.max_dilation_reason}",
        "notes": tuple(notes),
        "ranges": ranges,
    }


def _of_lags(back: list[int], listed: tuple[int, ...]) -> str:
    """Return a sentence about what of a list was chosen, and what lies between."""
    chosen = tuple(d for d in listed if d in back)
    if not chosen:
        return "No lag beyond the newest value adds to a prediction."
    others = tuple(d for d in listed if d not in back)
    filled = f"; {format_dilations(others)} connect them" if others else ""
    return f"Layers stand where a lag adds to a prediction, at {format_dilations(chosen)}{filled}."


def learnt(context: ContextCurve | Window) -> int:
    """Return the steps of the past that can be learnt, at least 1.

    Raises:
        TypeError: If it is neither a context curve nor a window.
    """
    length = getattr(context, "context_length", getattr(context, "length", None))
    if not isinstance(length, int):
        raise TypeError(
            "context must be what context_curve or recommend_window returned, got "
            f"{type(context).__name__}"
        )
    # A window reaches already what only products of values tell.
    return max(1, length, getattr(context, "nonlinear_length", 0))
