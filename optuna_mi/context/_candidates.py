"""Which lags are worth trying: the near ones, and where the decay curve has peaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi.context._data import Data
from optuna_mi.context._places import FEWEST_PLACES
from optuna_mi.decay import analyze_decay, decay_curve
from optuna_mi.decay.measure.reading._real import rank_correlation
from optuna_mi.decay.measure.reading._sequences import ALIGNED_FROM

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# All of the 32 nearest lags are tried, as many as `context_curve` takes, the 24 highest peaks and
# one lag beside each. Every candidate costs a pass over the data. Choices.
_NEAR, _PEAKS, _BESIDE = 32, 24, 1
# The decay curve that peaks are read off takes so many symbols, and lags up to 8,192. Choices of
# time.
_MEASURED, _FARTHEST = 1_000_000, 8192


def symbol_candidates(data: Data, room: int, horizon: int, n_threads: int) -> tuple[Ints, int]:
    """Return near lags, the peaks and the crossing of the decay curve, multiples of its periods.

    The second value is the number of lags that they were picked from.
    """
    curve = decay_curve(
        _some_sequences(data),
        max_lag=min(room, _FARTHEST, _third(data)),
        lags="all",
        n_surrogates=1,
        n_threads=n_threads,
    )
    analysis = analyze_decay(curve)
    wanted = set(range(horizon, horizon + _NEAR))
    value = curve.mi_corrected
    floor = np.zeros_like(value) if curve.floor is None else curve.floor
    wanted |= _around(_peaks(curve.lags, value, floor))
    periods = [cycle.period for cycle in analysis.periods]
    wanted |= _around([p * i for p in periods for i in range(1, 5)])
    wanted |= _around([delay.distance for delay in analysis.delays][:_PEAKS])
    if analysis.crossing is not None:
        far = np.geomspace(_NEAR, max(_NEAR, analysis.crossing), 8)
        wanted |= {round(float(d)) for d in far}
    return _inside(wanted, horizon, room), len(curve)


def real_candidates(data: Data, nearest: int, room: int, horizon: int) -> tuple[Ints, int]:
    """Return all lags up to ``nearest`` and the peaks of the correlation beyond.

    The second value is the number of lags that they were picked from.
    """
    wanted = set(range(horizon, horizon + nearest))
    far = np.arange(nearest, min(room, _FARTHEST, _third(data)) + 1, dtype=np.int64)
    if far.size > 2:
        value = np.zeros(far.size)
        for feature in data.values.T:
            value = np.maximum(value, rank_correlation(feature, data.offsets, far) ** 2)
        noise = 12.0 / len(data.values)
        wanted |= _around(_peaks(far, value, np.full(far.size, noise)))
    lags = _inside(wanted, horizon, room)
    # every place needs all lags: the farthest ones must leave half of what the near ones leave
    left = np.array([np.maximum(data.lengths - d, 0).sum() for d in lags])
    near = left[np.searchsorted(lags, horizon + nearest - 1, side="right") - 1]
    enough = left >= max(FEWEST_PLACES, near // 2)
    return lags[: max(1, int(np.count_nonzero(enough)))], nearest + far.size


def _some_sequences(data: Data) -> Any:
    """Return sequences spread over the data, as `decay_curve` takes them, aligned ones aligned."""
    lengths = data.lengths
    n = lengths.size
    if n == 1:
        return data.values[:_MEASURED]
    kept = max(1, int(n * min(1.0, _MEASURED / lengths.sum())))
    chosen = np.unique(np.linspace(0, n - 1, kept).astype(np.int64))
    parts = [data.values[data.offsets[i] : data.offsets[i + 1]] for i in chosen if lengths[i]]
    return np.stack(parts) if len({p.size for p in parts}) == 1 else parts


def _third(data: Data) -> int:
    # the last lags of a sequence rest on few pairs; those of aligned ones on as many as there are
    longest = int(data.lengths.max())
    return max(1, longest - 1 if data.lengths.size >= ALIGNED_FROM else longest // 3)


def _peaks(lags: Ints, value: Floats, floor: Floats) -> list[int]:
    """Return the lags that stand out most over their neighbours."""
    if value.size < 3:
        return [int(d) for d in lags]
    around = np.stack([np.roll(value, s) for s in (-3, -2, 2, 3)])
    excess = value - np.median(around, axis=0)
    inner = np.zeros(value.size, dtype=bool)
    inner[1:-1] = (value[1:-1] >= value[:-2]) & (value[1:-1] >= value[2:])
    found = np.flatnonzero(inner & (value > floor))
    return [int(lags[i]) for i in found[np.argsort(-excess[found])][:_PEAKS]]


def _around(lags: list[int]) -> set[int]:
    return {d + s for d in lags for s in range(-_BESIDE, _BESIDE + 1)}


def _inside(wanted: set[int], horizon: int, room: int) -> Ints:
    return np.array(sorted(d for d in wanted if horizon <= d <= room), dtype=np.int64)
