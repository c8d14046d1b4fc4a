"""The curve averaged over log-spaced bins of distance, and its noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from optuna_mi.decay._decay_curve import DecayCurve

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Bins per doubling of the distance: a slope over one octave rests on six averages. A choice.
_PER_OCTAVE = 6
#: Averaging many lags never lowers the floor below this share of a single lag's, as the error of
#: the baseline is common to all of them. A choice on the safe side: that of 25 independent lags.
COMMON_SHARE = 0.2
# The scatter about a lag is the median over this many lags: enough for a median to be within a
# quarter of the truth, few enough to follow the curve. A choice.
_WINDOW = 31
#: A median absolute deviation times this is a standard deviation of normal noise (1 / 0.6745).
MAD = 1.4826
# A tail is the height of a bias, not of dependence, if it is no more than six deviations of its
# scatter high; its floor lies three deviations of its median above it. Choices.
_BIAS, _ABOVE = 6.0, 3.0


@dataclass(frozen=True)
class Noise:
    """Noise of single lags, in nats; arrays have shape (L,).

    Attributes:
        scatter: Standard deviation of a lag about its neighbours.
        slow: Error that neighbouring lags share and distant ones do not, a sample's own ups and
            downs: it bends the curve.
        steady: Error that all lags may share, as the spread over positions of aligned sequences.
        floor: Below it a lag cannot be told from no dependence.
        shared: Part of the floor that averaging over lags does not lower.
        memory: Lags that are closer than this have noise alike.
        peaks: Error by which peaks are judged; ``None`` if the curve carries no errors.
        estimated: Whether the floor was guessed from the curve's tail, as it carries none.
    """

    scatter: Floats
    slow: Floats
    steady: Floats
    floor: Floats
    shared: Floats
    memory: int
    peaks: Floats | None
    estimated: bool

    def at(self, keep: npt.NDArray[np.bool_]) -> Self:
        """Return the noise of some of the lags."""
        names = ("scatter", "slow", "steady", "floor", "shared")
        peaks = None if self.peaks is None else self.peaks[keep]
        return replace(self, peaks=peaks, **{name: getattr(self, name)[keep] for name in names})


@dataclass(frozen=True)
class Bins:
    """Averages over neighbouring lags; all arrays have shape (B,).

    Attributes:
        lag: Geometric mean of the lags of a bin.
        value: Mean of the corrected MI.
        error: Its standard error as far as it bends the curve.
        own: The part of the error that neighbouring bins do not share.
        shared: The part they do share.
        floor: Noise floor of the mean.
    """

    lag: Floats
    value: Floats
    error: Floats
    own: Floats
    shared: Floats
    floor: Floats


def measure_noise(curve: DecayCurve) -> Noise:
    """Sort the curve's errors, and guess the floor if it has none."""
    y = curve.mi_corrected
    zero = np.zeros(y.size)
    scatter = _local_scatter(y)
    if curve.floor is None:
        floor = np.full(y.size, _tail_floor(curve, scatter))
        return Noise(scatter, zero, zero, floor, floor, 1, None, estimated=floor[0] > 0)
    # the scatter of too few lags cannot be measured
    scatter = np.maximum(scatter, (1 / 3 if len(curve) < _WINDOW else 1 / 4) * curve.floor)
    rest = zero
    if curve.std_error is not None:
        rest = np.sqrt(np.maximum(curve.std_error**2 - scatter**2, 0.0))
    aligned = curve.baseline_method == "across"
    peaks = None
    if curve.std_error is not None:
        # with a short period neighbouring lags differ for another reason than noise; the spread
        # over positions is about the same at all of them and does not matter
        peaks = np.minimum(scatter, curve.std_error) if aligned else curve.std_error
    return Noise(
        scatter=scatter,
        slow=zero if aligned else rest,
        steady=rest if aligned else zero,
        floor=curve.floor,
        shared=zero if curve.floor_shared is None else curve.floor_shared,
        memory=curve.memory or 1,
        peaks=peaks,
        estimated=False,
    )


def _tail_floor(curve: DecayCurve, scatter: Floats) -> float:
    """Return the height of a level tail that is of the size of its scatter, or 0.

    That is what the estimator's bias looks like in a published curve.
    """
    tail = curve.mi_corrected[curve.lags >= curve.lags[-1] / 3.0]
    sigma = float(np.median(scatter[-tail.size :]))
    if tail.size < _WINDOW or sigma <= 0:
        return 0.0
    level = float(np.median(tail))
    first, second = np.median(tail[: tail.size // 2]), np.median(tail[tail.size // 2 :])
    if level > _BIAS * sigma or first - second > sigma:
        return 0.0
    return max(level, 0.0) + _ABOVE * sigma / float(np.sqrt(_WINDOW))


def _local_scatter(y: Floats) -> Floats:
    """Return the noise about a line through the neighbours, as a running median.

    On a steep curve, a line fits badly: in nats the first lags would look noisy, in ln nats the
    values near zero would. So both are computed, and the smaller one is taken.
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
    smooth = median_filter(second, size=max(1, width), mode="reflect") * MAD
    return np.concatenate((smooth[:1], smooth, smooth[-1:]))


def make_bins(lags: Ints, values: Floats, noise: Noise, per_octave: int = _PER_OCTAVE) -> Bins:
    """Average values over bins, six per octave if not told; small lags stay single."""
    index = np.floor(np.log2(lags) * per_octave + 0.5).astype(np.int64)
    _, group = np.unique(index, return_inverse=True)
    size = int(group[-1]) + 1
    # all lags have the same weight: errors grow with MI, so weights would favour low values
    total = np.bincount(group, minlength=size).astype(np.float64)

    def mean(v: Floats) -> Floats:
        out: Floats = np.bincount(group, v, size) / total
        return out

    n_lags = np.bincount(group, minlength=size)
    # lags closer than the sequence's memory are no independent measurements
    first = np.searchsorted(group, np.arange(size))
    reach = (lags[first + n_lags - 1] - lags[first]) / noise.memory + 1.0
    independent = np.minimum(total, reach)
    own = np.sqrt(mean(noise.scatter**2) / independent)
    slow, steady = mean(noise.slow**2), mean(noise.steady**2)
    averaging = np.maximum(1.0 / np.sqrt(independent), COMMON_SHARE)
    return Bins(
        lag=np.exp(mean(np.log(lags))),
        value=mean(values),
        error=np.sqrt(own**2 + slow),
        own=own,
        shared=np.sqrt(slow + steady),
        floor=mean(noise.shared) + mean(noise.floor - noise.shared) * averaging,
    )
