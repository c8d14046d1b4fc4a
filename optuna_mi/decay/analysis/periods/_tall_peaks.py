"""Periods whose peaks can be seen one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.analysis._bins import MAD

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# The first peak must stand this far above its troughs, in ln MI, and each later one this far: 22 %
# and 11 % of MI. A choice: lower peaks are found by pooling (`_weak_peaks`).
_FIRST_CONTRAST, _LEAST_CONTRAST = 0.2, 0.1
# Candidates whose score is at least this share of the best one's explain the curve nearly as well;
# the shortest of them is the period, as its multiples follow from it. A choice: the score grows
# with the root of the number of peaks, so twice the period alone scores 0.7 of the period.
_NEARLY = 0.6
# Only so many lags and peaks are looked at, since every candidate costs time. Periods reach up to
# two fifths of the lags, which leaves two peaks with a trough behind each.
_LONGEST = 4096
_MOST_PEAKS = 12
# A multiple of a candidate is the period instead if its peaks are taller by this much in ln MI, a
# factor of 4.5 (random motifs of 24 symbols: found in 40 of 40 seeds, in 31 without this rule).
_TOWERS = 1.5
# Deviations of the noise that each of the first peaks, and all in a row together, must exceed. With
# two for each, the seed of the baseline no longer decides about the period of the digits (30 of 30
# seeds), and six together let no false period through in 120 sets of 1,000 x 64 symbols.
_EACH, _TOGETHER = 2.0, 6.0
# Deviations of the curve's own roughness that they must exceed together. A motif repeated in the
# data gives each short distance a height of its own, which is no noise: some are in a row by chance
# (repeats of 300 bases: 2.5 to 5.3; true periods of 25 kinds: 9 or more). A choice.
_ROUGH = 6.0
# Chance, over all distances, that lags of such heights stand in a row. A choice.
_BY_CHANCE = 1e-3


def contiguous(lags: Ints) -> int:
    """Return how many of the lags from the first on are 1, 2, 3, ..."""
    return int((lags == np.arange(1, lags.size + 1)).cumprod().sum())


@dataclass(frozen=True)
class Scaled:
    """The curve's start without gaps, on a scale that is logarithmic above the noise.

    ``level`` is arcsinh(y / soft), ``sums`` and ``linear_sums`` are running sums of level and y.
    """

    y: Floats
    sigma: Floats | None
    floor: Floats
    level: Floats
    sums: Floats
    linear_sums: Floats

    def every(self, period: int) -> Scaled:
        """Return the curve's values at multiples of a period as a curve of their own."""
        at = np.s_[period - 1 :: period]
        sigma = None if self.sigma is None else self.sigma[at]
        return scale(np.arange(1, self.y[at].size + 1), self.y[at], sigma, self.floor[at])


def scale(lags: Ints, values: Floats, sigma: Floats | None, floor: Floats) -> Scaled:
    """Put the curve's start without gaps on that scale.

    Args:
        lags: Distances.
        values: Corrected MI.
        sigma: Error of single lags; ``None`` if unknown.
        floor: Noise floor of single lags.
    """
    n = min(contiguous(lags), _LONGEST)
    y = values[:n]
    noise = None if sigma is None else sigma[:n]
    # where the floor is 0, as of a curve without noise, a millionth of the highest value serves;
    # not the errors themselves: theirs vary from lag to lag, and the level would with them
    soft = np.maximum(floor[:n], max(1e-12, 1e-6 * float(np.abs(y).max())))
    level = np.arcsinh(y / soft)
    sums, linear = (np.concatenate(([0.0], np.cumsum(v))) for v in (level, y))
    return Scaled(y, noise, floor[:n], level, sums, linear)


def _troughs(sums: Floats, period: int) -> Floats:
    """Return the mean between each two multiples of the period, 0 included.

    Over the inner half: where the peaks of half the period would be. The last peak has a trough
    behind it.
    """
    n = sums.size - 1
    # the last peak needs a trough behind it
    n_peaks = min(_MOST_PEAKS, (n - (period + 1) // 2) // period)
    edge = max(1, period // 4)
    k = np.arange(n_peaks + 1)
    first = k * period + edge
    last = np.minimum((k + 1) * period - edge, n)
    first = np.minimum(first, last)
    width = last - first + 1
    return np.asarray((sums[last] - sums[first - 1]) / width)


def heights(curve: Scaled, period: int) -> Floats:
    """Return how far each peak k * period stands above the mean of the troughs beside it.

    On the scale of ``level``, shape (peaks,).
    """
    trough = _troughs(curve.sums, period)
    at = np.arange(1, trough.size) * period - 1
    return np.asarray(curve.level[at] - 0.5 * (trough[:-1] + trough[1:]))


def _deviations(curve: Scaled, period: int, height: Floats) -> Floats:
    """Return the peaks' heights above the higher trough in deviations of the noise."""
    # without noise any height is certain
    if curve.sigma is None:
        return height / max(_strided_scatter(curve.level, period), 1e-300)
    low = _troughs(curve.linear_sums, period)
    at = np.arange(1, low.size) * period - 1
    above = curve.y[at] - np.maximum(low[:-1], low[1:])
    return np.asarray(above / np.maximum(curve.sigma[at], 1e-300))


def stands_out(curve: Scaled, period: int, height: Floats) -> bool:
    """Return whether peaks are more than lags that happen to be high, a period apart.

    They stand out of what else differs between lags a period apart; or, where other periods make
    those differ too, so many lags in a row could hardly be as high by chance.
    """
    rough = _strided_scatter(curve.level, period)
    if float(height.sum()) > _ROUGH * rough * float(np.sqrt(height.size)):
        return True
    trough = _troughs(curve.sums, period)[: height.size + 1]
    lag = np.arange(1, min((height.size + 1) * period, curve.y.size + 1))
    other = lag % period != 0
    base = np.interp(lag[other], (np.arange(trough.size) + 0.5) * period, trough)
    as_high = int((curve.level[lag[other] - 1] - base >= height.min()).sum())
    share = (1 + as_high) / (1 + base.size)
    return float(share**height.size) * curve.y.size < _BY_CHANCE


def _strided_scatter(level: Floats, period: int) -> float:
    """Return the scatter of the curve about a line through lags a period apart.

    Neighbours would do for a smooth curve, but a short period makes them differ.
    """
    part = level[: (_MOST_PEAKS + 2) * period]
    second = np.abs(part[: -2 * period] - 2.0 * part[period:-period] + part[2 * period :])
    return float(np.median(second)) * MAD / float(np.sqrt(6.0)) if second.size else 0.0


@dataclass(frozen=True)
class _Candidate:
    """A period whose peaks repeat, and how far each stands above its troughs."""

    period: int
    height: Floats

    @property
    def score(self) -> float:
        # half the true period has tall peaks at its even multiples only
        weaker = min(float(self.height[::2].mean()), float(self.height[1::2].mean()))
        return weaker * float(np.sqrt(self.height.size))

    def is_fraction_of(self, other: _Candidate) -> bool:
        """Return whether the other's peaks are much taller than those that only this one has."""
        ratio, rest = divmod(other.period, self.period)
        if ratio < 2 or rest:
            return False
        k = np.arange(1, self.height.size + 1)
        own = max(float(self.height[0]), float(self.height[k % ratio != 0].mean()))
        return float(other.height.mean()) > _TOWERS * own


def peaks_period(curve: Scaled) -> int | None:
    """Look for a period whose first peaks can be told from the noise one by one.

    For every candidate p the curve must stand higher at multiples of p than between them, peak
    after peak. A multiple of the true period has another peak in its troughs, a divisor has
    troughs at its peaks: both fail.
    """
    n = curve.y.size
    found: list[_Candidate] = []
    for period in range(2, 2 * n // 5 + 1):
        height = heights(curve, period)
        if height.size < 2 or height[0] < _FIRST_CONTRAST or height[1] < _LEAST_CONTRAST:
            continue
        # the first peaks must all be there; later ones may be hidden in noise
        deviations = _deviations(curve, period, height)
        at = np.arange(1, height.size + 1) * period - 1
        up = (height > _LEAST_CONTRAST) & (deviations > _EACH) & (curve.y[at] > curve.floor[at])
        up &= on_top(curve, period, height.size)
        run = int(up.cumprod().sum())
        # two peaks are enough if they are tall, else there must be three
        if run < (2 if height[0] > np.log(2.0) else 3):
            continue
        if deviations[:run].sum() < _TOGETHER * np.sqrt(run):
            continue
        if not stands_out(curve, period, height[:run]):
            continue
        found.append(_Candidate(period, height[:run]))
    found = [f for f in found if not any(f.is_fraction_of(g) for g in found)]
    if not found:
        return None
    best = max(f.score for f in found)
    shortest = next(f.period for f in found if f.score >= _NEARLY * best)
    # the neighbours of the true period pass too, with lower scores
    near = [f for f in found if shortest <= f.period <= 1.2 * shortest]
    return max(near, key=lambda f: f.score).period


def on_top(curve: Scaled, period: int, n_peaks: int) -> npt.NDArray[np.bool_]:
    """Return whether the maximum near each multiple of the period is at it, or next to it.

    Above the line through the troughs on either side: a decay shifts broad peaks. A period that is
    no whole number, or noise on a broad peak, may miss by a little.
    """
    reach, slack = max(1, period // 4), 1 + period // 8
    trough = _troughs(curve.sums, period)
    line = np.arange(2 * reach + 1) / period
    out = np.empty(n_peaks, dtype=np.bool_)
    for k in range(1, n_peaks + 1):
        low = k * period - 1 - reach
        near = curve.level[low : k * period + reach]
        near = near - (trough[k] - trough[k - 1]) * line[: near.size]
        out[k - 1] = abs(int(near.argmax()) - reach) <= slack
    return out
