"""Where a smoothed curve falls below a threshold for good."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.analysis._bins import Bins
from optuna_mi.decay.analysis._limit import least_mi

Floats = npt.NDArray[np.float64]

# The first bin has no neighbour that could confirm it, and noise puts one in 741 above its floor.
# At this many times the floor that is rarer, and weak dependence of neighbours still counts.
_FIRST = 1.25
# One bin alone counts from this many times its floor on; and once the curve was below it for three
# bins, this many times the floor is where it comes back: bins of a sequence with memory err
# together. Choices.
_ALONE, _BACK = 2.0, 1.5


def last_above(bins: Bins, threshold: float) -> int:
    """Return the last bin above the threshold and its own floor, or -1.

    One bin alone counts only when it is twice as high: among many bins of noise one is always
    a little above.
    """
    return _last(bins.value[None, :], least_mi(bins.floor, threshold))[0]


def _last(values: Floats, limit: Floats) -> list[int]:
    low = values <= limit
    gone = np.zeros(values.shape, dtype=np.bool_)
    gone[:, 3:] = np.logical_or.accumulate(low[:, :-3] & low[:, 1:-2] & low[:, 2:-1], axis=1)
    limit = np.where(gone, _BACK, 1.0) * limit
    above = values > limit
    # the first bin has none before it, and one in 741 of noise is above the floor
    first = values[:, :1] > _FIRST * limit[:, :1]
    before = np.concatenate((first, above[:, :-1]), axis=1)
    sure = (above & before) | (values > _ALONE * limit)
    return [int(np.flatnonzero(row)[-1]) if row.any() else -1 for row in sure]


def crossing(bins: Bins, threshold: float) -> float | None:
    """Return the distance from which the curve stays below, or ``None`` if it ends above it.

    Interpolated between the bins on either side, in log-log.
    """
    limit = least_mi(bins.floor, threshold)
    return _locate(bins.lag, bins.value, limit, _last(bins.value[None, :], limit)[0])


def _locate(lag: Floats, value: Floats, limit: Floats, last: int) -> float | None:
    if last < 0:
        return float(lag[0])
    # If the floor rises above what the curve was before, a low value proves nothing. A floor
    # that only rises slowly with the lag is no such case.
    sees = np.flatnonzero(limit[last + 1 :] <= max(value[last], 1.25 * limit[last]))
    if not sees.size:
        return None
    after = last + 1 + int(sees[0])
    # a value at or below zero has no logarithm; the curve is then far below
    high = np.log(max(value[last], limit[last]))
    low = np.log(max(value[after], 0.1 * limit[last]))
    goal = np.log(limit[last])
    share = 1.0 if low >= high else float(np.clip((high - goal) / (high - low), 0.0, 1.0))
    return float(lag[last] * (lag[after] / lag[last]) ** share)


def crossing_interval(
    bins: Bins, fitted: Floats, threshold: float, rng: np.random.Generator, n: int = 400
) -> tuple[float, float]:
    """Return the 95 % interval of the crossing under the bins' errors.

    Beyond the crossing the errors are added to the law: the values there are noise already, and
    would hold it twice. The part of the error that neighbouring lags share moves the whole curve
    at once. An end beyond the last lag is put at the last lag.

    Args:
        bins: The averaged curve.
        fitted: The law at the bins.
        threshold: In nats.
        rng: Source of the errors.
        n: Number of replicates.
    """
    limit = least_mi(bins.floor, threshold)
    last = _last(bins.value[None, :], limit)[0]
    center = bins.value.copy()
    center[last + 1 :] = np.minimum(fitted, bins.value)[last + 1 :]
    own = rng.normal(size=(n, bins.lag.size)) * bins.own
    shared = rng.normal(size=(n, 1)) * np.minimum(bins.shared, np.abs(center))
    values = center + own + shared
    found = [
        _locate(bins.lag, row, limit, last)
        for row, last in zip(values, _last(values, limit), strict=True)
    ]
    ends = np.array([bins.lag[-1] if d is None else d for d in found])
    low, high = np.percentile(ends, [2.5, 97.5])
    return float(low), float(high)
