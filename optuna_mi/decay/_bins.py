"""The curve averaged over log-spaced bins of distance, and its noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from optuna_mi.decay._decay_curve import DecayCurve

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_PER_OCTAVE = 6
# the baseline's own error is common to all lags: averaging lags never takes the floor below this
_COMMON_SHARE = 0.2
# local scatter is judged over so many lags
_WINDOW = 31
# a median absolute deviation times this is a standard deviation of normal noise
_MAD = 1.4826


@dataclass(frozen=True)
class Noise:
    """Noise of single lags, in nats.

    Attributes:
        scatter: Standard deviation of a lag about its neighbours, float64, shape (L,).
        floor: Below it a lag cannot be told from no dependence, float64, shape (L,).
        shared: Part of the floor that averaging over lags does not lower, shape (L,).
        memory: Lags that are closer than this have noise alike.
        estimated: Whether the floor was guessed from the curve's tail, as it carries none.
    """

    scatter: Floats
    floor: Floats
    shared: Floats
    memory: int
    estimated: bool


@dataclass(frozen=True)
class Bins:
    """Averages over neighbouring lags; all arrays have shape (B,).

    Attributes:
        lag: Geometric mean of the lags of a bin.
        value: Weighted mean of the corrected MI.
        error: Its standard error as far as it differs from bin to bin.
        floor: Noise floor of the mean.
        common: Standard error that neighbouring bins share.
        n_lags: Lags in the bin.
    """

    lag: Floats
    value: Floats
    error: Floats
    floor: Floats
    common: Floats
    n_lags: Ints


def measure_noise(curve: DecayCurve) -> Noise:
    """Measure the scatter of single lags, and the floor if the curve has none."""
    y = curve.mi_corrected
    scatter = _local_scatter(y)
    if curve.floor is not None:
        # too few lags do not show their scatter
        least = curve.floor / 3.0 if len(curve) < _WINDOW else 0.25 * curve.floor
        shared = np.zeros(y.size) if curve.floor_shared is None else curve.floor_shared
        return Noise(
            np.maximum(scatter, least), curve.floor, shared, curve.memory or 1, estimated=False
        )
    # a tail that is level and whose level is of the size of its scatter is the estimator's bias
    tail = y[curve.lags >= curve.lags[-1] / 3.0]
    sigma = float(np.median(scatter[-tail.size :]))
    level = float(np.median(tail))
    floor_level = 0.0
    if tail.size >= 30 and sigma > 0:
        halves = np.median(tail[: tail.size // 2]), np.median(tail[tail.size // 2 :])
        if level <= 6.0 * sigma and halves[0] - halves[1] <= sigma:
            floor_level = max(level, 0.0) + 3.0 * sigma / np.sqrt(_WINDOW)
    floor = np.full(y.size, floor_level)
    return Noise(scatter, floor, floor, 1, estimated=floor_level > 0)


def _local_scatter(y: Floats) -> Floats:
    """Return the noise about a line through the neighbours, as a running median.

    A steep curve bends: taken in nats its first lags would look noisy, in ln nats the noise about
    zero would. The smaller of the two is the one that the bend spoils less.
    """
    if y.size < 5:
        return np.zeros(y.size)
    linear = _running(y)
    if (y <= 0).all():
        return linear
    size = np.maximum(np.abs(y), float(y[y > 0].min()))
    return np.minimum(linear, size * _running(np.log(size)))


def _running(v: Floats) -> Floats:
    second = np.abs(v[:-2] - 2.0 * v[1:-1] + v[2:]) / np.sqrt(6.0)
    width = min(_WINDOW, second.size // 2 * 2 - 1)
    smooth = median_filter(second, size=max(1, width), mode="nearest") * _MAD
    return np.concatenate((smooth[:1], smooth, smooth[-1:]))


def make_bins(lags: Ints, values: Floats, noise: Noise, std_error: Floats | None) -> Bins:
    """Average values over bins of six an octave; small lags stay single."""
    index = np.floor(np.log2(lags) * _PER_OCTAVE + 0.5).astype(np.int64)
    _, group = np.unique(index, return_inverse=True)
    size = int(group[-1]) + 1
    common = np.zeros(lags.size)
    if std_error is not None:
        common = np.sqrt(np.maximum(std_error**2 - noise.scatter**2, 0.0))
    variance = noise.scatter**2 + common**2
    positive = variance[variance > 0]
    # no lag may count for more than a hundred times another one
    least = 1e-2 * float(np.median(positive)) if positive.size else 1.0
    weight = 1.0 / np.maximum(variance, least)

    def mean(v: Floats) -> Floats:
        out: Floats = np.bincount(group, weight * v, size) / total
        return out

    total = np.bincount(group, weight, size)
    n_lags = np.bincount(group, minlength=size)
    effective = total**2 / np.bincount(group, weight**2, size)
    # lags closer than the sequence's memory say the same thing again
    first = np.searchsorted(group, np.arange(size))
    reach = (lags[first + n_lags - 1] - lags[first]) / noise.memory + 1.0
    averaging = np.maximum(1.0 / np.sqrt(np.minimum(effective, reach)), _COMMON_SHARE)
    center = mean(np.log(lags))
    value = mean(values)
    inner = np.sqrt(mean(noise.scatter**2) / np.minimum(effective, reach))
    return Bins(
        lag=np.exp(center),
        value=value,
        error=inner,
        floor=mean(noise.shared) + mean(noise.floor - noise.shared) * averaging,
        common=np.sqrt(mean(common**2)),
        n_lags=n_lags.astype(np.int64),
    )
