"""Peaks that repeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# each peak stands so much above its troughs, in ln MI
_LEAST_CONTRAST = 0.25
# a peak that returns to this share of MI(1) makes its period dominant
DOMINANT_SHARE = 0.5
_MOST_PEAKS = 12
# deviations of the noise: of the first peaks each, and of all in a row together
_EACH, _TOGETHER = 3.0, 6.0


@dataclass(frozen=True)
class Period:
    """A period, its kind, and the share of MI lost between peaks."""

    period: int
    kind: Literal["dominant", "modulating"]
    strength: float
    n_peaks: int


def _contiguous(lags: Ints) -> int:
    """Return how many of the lags from the first on are 1, 2, 3, ..."""
    return int((lags == np.arange(1, lags.size + 1)).cumprod().sum())


@dataclass(frozen=True)
class _Scaled:
    """The curve's start without gaps, on a scale that is logarithmic above the noise.

    ``level`` is arcsinh(y / soft), ``sums`` and ``linear_sums`` are running sums of level and y.
    """

    y: Floats
    scatter: Floats
    floor: Floats
    level: Floats
    sums: Floats
    linear_sums: Floats


def _scale(lags: Ints, values: Floats, scatter: Floats, floor: Floats) -> _Scaled:
    n = _contiguous(lags)
    y, sigma = values[:n], scatter[:n]
    level = np.arcsinh(y / np.maximum(np.maximum(floor[:n], 3.0 * sigma), 1e-12))
    sums, linear = (np.concatenate(([0.0], np.cumsum(v))) for v in (level, y))
    return _Scaled(y, sigma, floor[:n], level, sums, linear)


def _heights(curve: _Scaled, period: int) -> tuple[Floats, Floats]:
    """Return how far each peak k * period stands above the troughs beside it.

    A trough is the mean over the inner half between two multiples: where the peaks of half the
    period would be.

    Returns:
        Height above the mean of both troughs, on the scale of ``level``; height above the higher
        trough in deviations of the noise. Shape (peaks,) each.
    """
    n = curve.level.size
    # the last peak needs a trough behind it
    n_peaks = min(_MOST_PEAKS, (n - (period + 1) // 2) // period)
    edge = max(1, period // 4)
    k = np.arange(n_peaks + 1)
    first = k * period + edge
    last = np.minimum((k + 1) * period - edge, n)
    first = np.minimum(first, last)
    width = last - first + 1
    trough = (curve.sums[last] - curve.sums[first - 1]) / width
    low = (curve.linear_sums[last] - curve.linear_sums[first - 1]) / width
    at = k[1:] * period - 1
    height = curve.level[at] - 0.5 * (trough[:-1] + trough[1:])
    above = curve.y[at] - np.maximum(low[:-1], low[1:])
    # without noise any height is certain
    deviations = above / np.maximum(curve.scatter[at], 1e-300)
    return height, deviations


def find_period(lags: Ints, values: Floats, scatter: Floats, floor: Floats) -> Period | None:
    """Look for a period among the lags that are measured without gaps from 1 on.

    For every candidate p the curve, on a scale that is logarithmic above the noise and linear
    below it, must stand higher at multiples of p than between them, peak after peak. A multiple of
    the true period has another peak in its troughs, a divisor has troughs at its peaks: both fail.

    Args:
        lags: Distances.
        values: Corrected MI.
        scatter: Noise of single lags.
        floor: Noise floor of single lags.
    """
    curve = _scale(lags, values, scatter, floor)
    n = curve.y.size
    best: tuple[float, int, int, float] | None = None
    for period in range(2, 2 * n // 5 + 1):
        height, deviations = _heights(curve, period)
        if height.size < 2:
            continue
        # the first peaks must all be there; later ones may drown
        at = np.arange(1, height.size + 1) * period - 1
        up = (height > _LEAST_CONTRAST) & (deviations > _EACH) & (curve.y[at] > curve.floor[at])
        if not up[0]:
            continue
        up &= _on_top(curve.y, period, height.size)
        run = int(up.cumprod().sum())
        # two peaks are enough if they are tall, else there must be three
        if run < (2 if height[0] > np.log(2.0) else 3):
            continue
        if deviations[:run].sum() < _TOGETHER * np.sqrt(run):
            continue
        mean = float(height[:run].mean())
        score = mean * np.sqrt(run)
        if best is None or score > best[0]:
            best = (score, period, run, mean)
    if best is None:
        return None
    _, period, run, mean = best
    return Period(period, _kind(curve.y, period), float(-np.expm1(-mean)), run)


def _on_top(y: Floats, period: int, n_peaks: int) -> npt.NDArray[np.bool_]:
    """Return whether the maximum near each multiple of the period is at it, or one beside it.

    A period that is no whole number, or a broad peak with noise, may miss it by a little.
    """
    reach, slack = max(1, period // 4), 1 + period // 24
    out = np.empty(n_peaks, dtype=np.bool_)
    for k in range(1, n_peaks + 1):
        low = k * period - 1 - reach
        near = y[low : k * period + reach]
        out[k - 1] = abs(int(near.argmax()) - reach) <= slack
    return out


def _kind(y: Floats, period: int) -> Literal["dominant", "modulating"]:
    return "dominant" if y[period - 1] >= DOMINANT_SHARE * y[0] else "modulating"


def describe_given(
    lags: Ints, values: Floats, scatter: Floats, floor: Floats, period: int
) -> Period:
    """Describe a period the user is sure of."""
    at = int(np.searchsorted(lags, period))
    # between measured lags the nearest one speaks for the peak
    at = min(at, lags.size - 1)
    kind: Literal["dominant", "modulating"] = (
        "dominant" if values[at] >= DOMINANT_SHARE * values[0] else "modulating"
    )
    curve = _scale(lags, values, scatter, floor)
    if curve.y.size < period + (period + 1) // 2:
        return Period(period, kind, 0.0, 0)
    height, _ = _heights(curve, period)
    return Period(period, kind, float(-np.expm1(-max(float(height.mean()), 0.0))), height.size)


def envelope(lags: Ints, values: Floats, period: int) -> Floats:
    """Return the largest value within half a period on either side of every lag."""
    low = np.searchsorted(lags, lags - period // 2)
    high = np.searchsorted(lags, lags + period // 2, side="right")
    return np.array([values[a:b].max() for a, b in zip(low, high, strict=True)])
