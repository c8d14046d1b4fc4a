"""Where the dilations go: equidistant horizontal lines, in plain arithmetic on a fitted curve.

Everything here works on a fitted law that is straight between inflections on log-log axes, given
by ``breakpoints`` (distances, increasing) and ``slopes`` (one more than breakpoints; steepness
``-d ln MI / d ln distance``, not negative). The lines are equidistant in MI to the power of
``line_exponent``; 0 stands for its limit, log MI.
"""

from __future__ import annotations

import itertools
import math
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
    # also where no layer is asked for before the first inflection
    positions[0] = 1.0
    return positions


def bounded(
    positions: NDArray[np.float64],
    counts: Sequence[int],
    knots: Sequence[float],
    max_ratio: float,
) -> NDArray[np.float64]:
    """Move positions until no two neighbours are further apart than ``max_ratio`` times.

    The last one stays, and each stays in its segment. Where there are too few for that, the
    smallest ratio that reaches is taken.

    Args:
        positions: Increasing from 1; shape (sum(counts),).
        counts: How many lie in each segment.
        knots: Where segments end: the inflections and the maximum.
        max_ratio: Largest ratio of neighbours.
    """
    starts, stops = (np.repeat(edges, counts) for edges in ([1.0, *knots[:-1]], knots))
    low, high = np.log(max_ratio), max(np.log(positions[-1]), np.log(max_ratio))
    out = _within(positions, starts, stops, low)
    if out is not None:
        return out
    for _ in range(50):
        middle = 0.5 * (low + high)
        tried = _within(positions, starts, stops, middle)
        low, high = (middle, high) if tried is None else (low, middle)
        out = tried if tried is not None else out
    return positions if out is None else out


def _within(
    positions: NDArray[np.float64],
    starts: NDArray[np.float64],
    stops: NDArray[np.float64],
    log_ratio: float,
) -> NDArray[np.float64] | None:
    """Return positions with neighbours within a ratio, or ``None`` if one would leave its place."""
    n, ratio = len(positions), np.exp(log_ratio)
    out = positions.copy()
    for i in range(n - 2, -1, -1):
        out[i] = max(out[i], out[i + 1] / ratio)
    out = np.minimum(out, np.exp(np.minimum(log_ratio * np.arange(n), 700.0)))
    slack = 1 + 1e-9
    fits = (out * slack >= starts) & (out <= stops * slack)
    return out if fits.all() and out[-1] * slack >= positions[-1] else None


def snap_to_delays(dilations: Sequence[int], delays: Sequence[int]) -> tuple[int, ...]:
    """Move dilations onto single distances that matter, the nearest one (in ratio) onto each.

    The first, which is 1, stays, and the last unless it is beyond all of them. Where there are
    more distances than dilations the first ones of ``delays`` win.

    Example:
        >>> snap_to_delays((1, 2, 4, 8, 16, 32), delays=(5, 20))
        (1, 2, 5, 8, 20, 32)
    """
    out, fixed = list(dilations), {1, dilations[-1]}
    for delay in delays:
        free = [d for d in out if d not in fixed]
        if delay in out or delay > dilations[-1] or not free:
            fixed.add(delay)
            continue
        nearest = min(free, key=lambda d: abs(np.log(d / delay)))
        out[out.index(nearest)] = delay
        fixed.add(delay)
    return tuple(sorted(out))


def around_list(dilations: Sequence[int], max_dilation: int, n_layers: int) -> tuple[int, ...]:
    """Return a list like a given one, with another largest dilation or number of layers.

    Its own dilations are kept as they are. Where there are too many, the one goes whose neighbours
    are then closest (in ratio), never the first or the last; where there are too few, the widest
    gap gets one more in its middle (on a log scale).

    Example:
        >>> around_list((1, 2, 5, 8, 12, 30), 30, 6), around_list((1, 2, 5, 8, 12, 30), 30, 5)
        ((1, 2, 5, 8, 12, 30), (1, 2, 5, 12, 30))
        >>> around_list((1, 2, 5, 8, 12, 30), 60, 8)
        (1, 2, 5, 8, 12, 19, 30, 60)
    """
    out = sorted({*(d for d in dilations if d < max_dilation), max_dilation})
    while len(out) > n_layers:
        if len(out) == 2:
            return (out[-1],)
        inner = range(1, len(out) - 1)
        out.pop(min(inner, key=lambda i: (out[i + 1] / out[i - 1], i)))
    while len(out) < n_layers:
        gaps = [(b / a, a, b) for a, b in itertools.pairwise([1, *out]) if b - a > 1]
        if out[0] > 1 and (not gaps or out[0] > max(g[0] for g in gaps)):
            gaps = [(float(out[0]), 0, 0)]  # before the first
        if not gaps:
            break
        _, low, high = max(gaps)
        middle = round(math.sqrt(low * high)) if high else 1
        out = sorted({*out, min(max(middle, low + 1), high - 1) if high else 1})
    return tuple(out)


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
