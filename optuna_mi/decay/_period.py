"""Peaks that repeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# peaks that repeat: so many in a row, each so much above its troughs (in ln MI)
_LEAST_PEAKS = 2
_LEAST_CONTRAST = 0.25
# a peak that returns to this share of MI(1) makes its period dominant
DOMINANT_SHARE = 0.5
_MOST_PEAKS = 12
_SIGNIFICANCE = 5.0


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


def _contrasts(level: Floats, sigma: Floats, period: int) -> tuple[Floats, Floats, Floats]:
    """Return height and error of each peak k * period over the troughs beside it.

    A trough is the median of the inner half between two multiples: where the peaks of half the
    period would be.
    """
    n = level.size
    # the last peak needs a trough behind it
    n_peaks = min(_MOST_PEAKS, int((n - (period + 1) // 2) // period))
    heights, errors, lowest = np.empty(n_peaks), np.empty(n_peaks), np.empty(n_peaks)
    troughs: list[tuple[float, float]] = []
    for k in range(n_peaks + 1):
        first = k * period + max(1, period // 4)
        last = (k + 1) * period - max(1, period // 4)
        inner = slice(first - 1, min(last, n))
        part = level[inner]
        troughs.append(
            (float(np.median(part)), float(np.median(sigma[inner]) / np.sqrt(part.size)))
        )
    for k in range(1, n_peaks + 1):
        (before, e0), (after, e1) = troughs[k - 1], troughs[k]
        at = k * period - 1
        heights[k - 1] = level[at] - 0.5 * (before + after)
        errors[k - 1] = np.sqrt(sigma[at] ** 2 + 0.25 * (e0**2 + e1**2))
        lowest[k - 1] = level[at] - max(before, after)
    return heights, errors, lowest


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
    n = _contiguous(lags)
    if n < 5:
        return None
    y, soft = values[:n], np.maximum(floor[:n], 3.0 * scatter[:n])
    soft = np.maximum(soft, 1e-12)
    level = np.arcsinh(y / soft)
    # scatter carried over to that scale
    sigma = scatter[:n] / np.hypot(y, soft)
    best: tuple[float, int, int, float] | None = None
    for period in range(2, int(n / (_LEAST_PEAKS + 0.5)) + 1):
        heights, errors, lowest = _contrasts(level, sigma, period)
        if heights.size < _LEAST_PEAKS:
            continue
        # the first peaks must all be there; later ones may drown
        up = (heights > _LEAST_CONTRAST) & (lowest > 0)
        run = int(up.cumprod().sum())
        needed = _LEAST_PEAKS if heights[0] > np.log(2.0) else _LEAST_PEAKS + 1
        if run < min(needed, 3):
            continue
        mean = float(heights[:run].mean())
        error = float(np.sqrt((errors[:run] ** 2).sum()) / run)
        if mean < _SIGNIFICANCE * error:
            continue
        score = mean * np.sqrt(run)
        if best is None or score > best[0]:
            best = (score, period, run, mean)
    if best is None:
        return None
    _, period, run, mean = best
    share = y[period - 1] / y[0] if y[0] > 0 else np.inf
    kind: Literal["dominant", "modulating"] = (
        "dominant" if share >= DOMINANT_SHARE else "modulating"
    )
    return Period(period, kind, float(-np.expm1(-max(mean, 0.0))), run)


def describe_given(
    lags: Ints, values: Floats, scatter: Floats, floor: Floats, period: int
) -> Period:
    """Describe a period the user is sure of."""
    n = _contiguous(lags)
    soft = np.maximum(np.maximum(floor[:n], 3.0 * scatter[:n]), 1e-12)
    level = np.arcsinh(values[:n] / soft)
    strength, n_peaks = 0.0, 0
    if n >= period + (period + 1) // 2:
        heights, _, _ = _contrasts(level, scatter[:n] / np.hypot(values[:n], soft), period)
        n_peaks = heights.size
        strength = float(-np.expm1(-max(float(heights.mean()), 0.0)))
    at = np.searchsorted(lags, period)
    returns = at < lags.size and values[at] >= DOMINANT_SHARE * values[0]
    return Period(period, "dominant" if returns else "modulating", strength, n_peaks)


def envelope(lags: Ints, values: Floats, period: int) -> Floats:
    """Return the largest value within half a period on either side of every lag."""
    low = np.searchsorted(lags, lags - period // 2)
    high = np.searchsorted(lags, lags + period // 2, side="right")
    return np.array([values[a:b].max() for a, b in zip(low, high, strict=True)])
