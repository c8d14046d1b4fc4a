"""From a decay analysis to ranges of integers: what the data recommend and how far to look."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal, get_args

from optuna_mi._checks import one_of, whole
from optuna_mi.search_space._geometry import DecayGeometry

#: How far a space looks: near the recommendation, or as far as the limits allow.
Ranges = Literal["paper", "wide"]
RANGES: tuple[str, ...] = get_args(Ranges)
# Wide ranges begin here, or lower: shorter lists are hardly ever the best.
_NEAR_END = 8
_GATES = {"rnn": 1, "gru": 3, "lstm": 4}


@dataclass(frozen=True)
class IntRange:
    """A range of integers and the value that the data recommend.

    Attributes:
        low: Smallest value.
        high: Largest value, included.
        recommended: The data's own choice.

    Raises:
        TypeError: One of them is no integer.
        ValueError: They are not in this order, or below 1.
    """

    low: int
    high: int
    recommended: int

    def __post_init__(self) -> None:
        for name in ("low", "high", "recommended"):
            object.__setattr__(self, name, whole(name, getattr(self, name), 1))
        if not 1 <= self.low <= self.recommended <= self.high:
            raise ValueError(
                "a range needs 1 <= low <= recommended <= high, got "
                f"low={self.low}, recommended={self.recommended}, high={self.high}."
            )

    def around(self, low: int, high: int) -> IntRange:
        """Return the range narrowed to ``low`` … ``high``, its recommendation included."""
        if whole("low", low, 1) > whole("high", high, 1):
            raise ValueError(f"low must not be above high, got low={low}, high={high}")
        new_low = min(max(self.low, low), high)
        new_high = max(min(self.high, high), new_low)
        return IntRange(new_low, new_high, min(max(self.recommended, new_low), new_high))


def layers_within_parameters(
    max_parameters: int,
    *,
    hidden_size: int,
    input_size: int,
    cell: Literal["rnn", "gru", "lstm"] = "gru",
    other_parameters: int = 0,
) -> int:
    """Return how many recurrent layers fit into a number of parameters.

    Dilations do not change the size of a network, layers do.

    Args:
        max_parameters: Largest number of trainable parameters of the whole model.
        hidden_size: Units of each layer.
        input_size: Features that enter the first layer.
        cell: ``"rnn"``, ``"gru"`` or ``"lstm"``, with both of PyTorch's bias vectors.
        other_parameters: Parameters outside the recurrent layers: embedding, output layer.

    Returns:
        The number of layers, at least 1.

    Raises:
        ValueError: If not even one layer fits, or the cell is unknown.

    Example:
        The 12 layers of [MK20], Table 3, with a vocabulary of 49 and an embedding of 100:

        >>> layers_within_parameters(
        ...     4_634_709, hidden_size=256, input_size=100, other_parameters=49 * 100 + 257 * 49
        ... )
        12
    """
    one_of("cell", cell, _GATES)
    max_parameters = whole("max_parameters", max_parameters, 1)
    hidden_size, input_size = (
        whole("hidden_size", hidden_size, 1),
        whole("input_size", input_size, 1),
    )
    other_parameters = whole("other_parameters", other_parameters)
    unit = _GATES[cell] * hidden_size
    first = unit * (input_size + hidden_size + 2)
    each = unit * (2 * hidden_size + 2)
    left = max_parameters - other_parameters - first
    if left < 0:
        raise ValueError(
            f"max_parameters={max_parameters} leaves no room for one {cell} layer of "
            f"{hidden_size} units, which takes {first} beside {other_parameters} others: "
            "raise it or lower hidden_size."
        )
    return 1 + left // each


def max_dilation_range(geometry: DecayGeometry, recommended: int, limit: int | None) -> IntRange:
    """Return half to double the recommended maximum, within what the data can show.

    It stays above the last inflection, so that no segment, and no parameter, is ever empty.
    """
    high = 2 * recommended if limit is None else min(2 * recommended, limit)
    low = max(1, math.ceil(recommended / 2))
    if geometry.breakpoints:
        low = max(low, math.floor(geometry.breakpoints[-1]) + 1)
    return IntRange(min(low, recommended), max(high, recommended), recommended)


def wide(narrow: IntRange, farthest: int) -> IntRange:
    """Return the range of the largest dilation from 8, or lower, to the farthest one."""
    low, high = min(_NEAR_END, narrow.low), max(farthest, narrow.high)
    return IntRange(low, high, narrow.recommended)


def layer_ranges(
    geometry: DecayGeometry, max_dilation: IntRange, max_layers: int, ranges: Ranges = "paper"
) -> tuple[IntRange, ...]:
    """Return half to one and a half times the recommended number of layers of each segment.

    Or, where ranges are wide, from 1 to what the distances and the limit hold. A segment's share
    of the layers is the share of the horizontal lines that meet it.
    """
    n_segments = geometry.n_segments
    if max_layers < n_segments:
        raise ValueError(
            f"max_layers={max_layers} is fewer than the {n_segments} segments of the fitted law: "
            "raise the limit, or analyse with law='power' for a single segment."
        )
    standard = geometry.standard_layers(max_dilation.recommended)
    total = max(min(standard, max_layers, max_dilation.recommended), n_segments)
    counts = [max(c, 1) for c in geometry.counts(max_dilation.recommended, total)]
    while sum(counts) > total:
        counts[counts.index(max(counts))] -= 1
    edges = [1.0, *geometry.breakpoints, float(max_dilation.high)]
    found = []
    for count, (start, stop) in zip(counts, itertools.pairwise(edges), strict=True):
        room = max(math.floor(stop) - math.floor(start) + 1, count)
        most = min(room, max_layers - (n_segments - 1))
        if ranges == "wide":
            found.append(IntRange(1, most, count))
        else:
            found.append(IntRange(max(1, count // 2), min(math.ceil(1.5 * count), most), count))
    return tuple(found)


def fit_counts(counts: tuple[int, ...], most: int) -> tuple[int, ...]:
    """Scale counts down to a sum of at most ``most``, keeping their proportions.

    No segment that had a layer loses its last one while another has two.
    """
    total = sum(counts)
    if total <= most:
        return counts
    quotas = [c * most / total for c in counts]
    fitted = [min(max(math.floor(q), 1), c) for q, c in zip(quotas, counts, strict=True)]
    while sum(fitted) > most:
        fitted[fitted.index(max(fitted))] -= 1
    short = sorted(range(len(counts)), key=lambda i: fitted[i] - quotas[i])
    for i in short[: most - sum(fitted)]:
        fitted[i] += 1
    return tuple(fitted)
