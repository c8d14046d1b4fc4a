"""Where the dilations go: equidistant horizontal lines, in plain arithmetic on a fitted curve.

Everything here works on a fitted law that is straight between inflections on log-log axes, given
by ``breakpoints`` (distances, increasing) and ``slopes`` (one more than breakpoints; steepness
``-d ln MI / d ln distance``, not negative). The lines are equidistant in MI to the power of
``line_exponent``; 0 stands for its limit, log MI.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_FLATTEST = 1e-6  # A flat stretch still needs an order of distances; relative to the steepest.


def relative_steepness(slopes: Sequence[float]) -> NDArray[np.float64]:
    """Return slopes as fractions of the steepest, none so small that its stretch has no order."""
    steepest = max(slopes)
    if steepest <= 0.0:
        return np.ones(len(slopes))
    return np.maximum(np.asarray(slopes, dtype=np.float64) / steepest, _FLATTEST)


def log_drops(
    breakpoints: Sequence[float], slopes: Sequence[float], max_dilation: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the knots of the fitted law between distance 1 and ``max_dilation``.

    Returns:
        ``ln distance`` of the knots, shape (segments + 1,), and the total drop of ln MI up to each
        of them, same shape, starting at 0 and strictly increasing, in units of the steepest slope.
    """
    inside = [b for b in breakpoints if b < max_dilation]
    knots = np.log(np.array([1.0, *inside, max(float(max_dilation), 1.0)]))
    steepness = relative_steepness(slopes[: len(inside) + 1])
    return knots, np.concatenate(([0.0], np.cumsum(steepness * np.diff(knots))))


def _levels(drops: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """Return how far a power of MI has come down where log MI has come down by ``drops``.

    Args:
        drops: In units of the steepest slope.
        rate: The exponent of MI times the steepest slope. A tiny one is the limit, log MI itself.
    """
    return drops if rate < _FLATTEST else -np.expm1(-rate * drops)


def _drops(levels: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """Undo ``_levels``."""
    # the last of them may round to 1, where all of MI is gone
    return levels if rate < _FLATTEST else -np.log1p(-np.minimum(levels, 1 - 1e-15)) / rate


def natural_counts(
    breakpoints: Sequence[float],
    slopes: Sequence[float],
    max_dilation: float,
    n_layers: int,
    line_exponent: float = 0.0,
) -> tuple[int, ...]:
    """Count how many of ``n_layers`` equidistant lines meet the curve in each segment.

    A line that meets it at an inflection belongs to the segment before.
    """
    _, drops = log_drops(breakpoints, slopes, max_dilation)
    if n_layers == 1 or drops[-1] == 0.0:
        return (n_layers, *([0] * (len(drops) - 2)))
    levels = _levels(drops, line_exponent * max(slopes[: len(drops) - 1]))
    ends = np.floor(levels[1:] / levels[-1] * (n_layers - 1) + 1e-9).astype(int) + 1
    return tuple(int(c) for c in np.diff(np.concatenate(([0], ends))))


def line_positions(
    breakpoints: Sequence[float],
    slopes: Sequence[float],
    max_dilation: float,
    counts: Sequence[int],
    line_exponent: float = 0.0,
) -> NDArray[np.float64]:
    """Return the distances at which the horizontal lines meet the fitted curve.

    Where ``counts`` are the equidistant lines' own, the lines are exactly those ([MK20, §3,
    Fig. 2]). Otherwise each segment has its own spacing, equal within the segment, and the
    inflection lies half way between two lines.

    Returns:
        Real distances, shape (sum(counts),), from 1 to ``max_dilation``.
    """
    knots, drops = log_drops(breakpoints, slopes, max_dilation)
    n_layers = sum(counts)
    if n_layers == 1:
        return np.ones(1)
    rate = line_exponent * max(slopes[: len(drops) - 1])
    levels = _levels(drops, rate)
    # Segments that a small maximum leaves out give their lines to the last one that remains.
    n_segments = len(knots) - 1
    kept = [*counts[: n_segments - 1], sum(counts[n_segments - 1 :])]
    if tuple(kept) == natural_counts(breakpoints, slopes, max_dilation, n_layers, line_exponent):
        lines = np.linspace(0.0, levels[-1], n_layers)
    else:
        # Index of the (fractional) line that passes through each knot.
        at_knots = np.concatenate(([0.0], np.cumsum(kept[:-1]) - 0.5, [n_layers - 1.0]))
        lines = np.interp(np.arange(n_layers), at_knots, levels)
    met = np.append(_drops(lines[:-1], rate), drops[-1])
    positions: NDArray[np.float64] = np.exp(np.interp(met, drops, knots))
    return positions


def doubling_positions(max_dilation: int, n_layers: int) -> NDArray[np.float64]:
    """Return the standard progression 1, 2, 4, … up to ``max_dilation``.

    With as many layers as doubling needs the last step is cut short at the maximum; with any other
    number of layers the ratio between neighbours changes instead of the maximum.
    """
    if n_layers == 1:
        return np.ones(1)
    if 2 ** (n_layers - 2) < max_dilation <= 2 ** (n_layers - 1):
        return np.array([*(2.0**i for i in range(n_layers - 1)), float(max_dilation)])
    return np.exp(np.linspace(0.0, np.log(max_dilation), n_layers))


def to_increasing_integers(positions: NDArray[np.float64], max_dilation: int) -> tuple[int, ...]:
    """Round to strictly increasing integers from 1 to at most ``max_dilation``.

    A value that rounds onto its predecessor moves up to the next free integer, and none moves so
    far that those after it find no place.
    """
    n = len(positions)
    if n > max_dilation:
        raise ValueError(
            f"{n} distinct dilations do not fit between 1 and {max_dilation}: use at most "
            f"{max_dilation} layers or a larger maximum dilation."
        )
    dilations: list[int] = []
    for i, position in enumerate(positions):
        wanted = max(int(np.floor(position + 0.5)), dilations[-1] + 1 if dilations else 1)
        dilations.append(min(wanted, max_dilation - (n - 1 - i)))
    return tuple(dilations)


def snap_to_period(dilations: Sequence[int], period: int) -> tuple[int, ...]:
    """Move dilations from one period on to the nearest multiple, where MI has its peaks.

    A dilation stays where it is when its multiple is already taken or lies beyond the last
    dilation's own place. The order is kept.

    Example:
        >>> snap_to_period((1, 2, 5, 9, 26, 70), period=8)
        (1, 2, 5, 8, 24, 64)
    """
    largest = max(dilations[-1] // period * period, 1)
    snapped: list[int] = []
    for i, dilation in enumerate(dilations):
        multiple = min(max(round(dilation / period), 1) * period, largest)
        below = snapped[-1] if snapped else 0
        above = dilations[i + 1] if i + 1 < len(dilations) else dilations[-1] + 1
        fits = below < multiple < above
        snapped.append(multiple if dilation >= period and fits else dilation)
    return tuple(snapped)
