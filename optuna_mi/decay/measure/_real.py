"""Real-valued series: what is done before they become symbols."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.measure._lagged_sums import lagged_sums

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

QUANTITIES = (
    "whole numbers with many values, near each other at small distances, taken for real: "
    "values='symbols' counts each value as a symbol, values='bins' says that they are real"
)

# whole numbers with more different values than a byte has may be quantities, or with more than so
# many where there are hardly any equal ones to count
_MANY_VALUES, _SEVERAL_VALUES, _FEW_EQUAL = 256, 20, 5
# they are where the rank of a value says what it will be at one of so many distances
_NEAR_LAGS, _NEAR_VALUES, _NEAR = 50, 100_000, 0.5
# pairs below which a correlation reaches that by chance
_FEWEST_PAIRS = 100
# values that the sign of a correlation is measured on
_CORRELATED = 1_000_000
# points of a series that the unit-root test looks at, and the differences it corrects for
_TESTED, _LAGGED = 200_000, 4
_TESTED_FROM = 50
# a positive series that spans such a factor is tested in logarithms
_RATIO = 4.0
# blocks whose means are tested, so many at least where they are whole cycles, and cycles that
# show a cycle
_BLOCKS, _ENOUGH_BLOCKS, _FEWEST_CYCLES = 400, 100, 10
# a line of a spectrum is so much higher than the median of so many frequencies about it
_LINE, _BESIDE = 25.0, 100
# MacKinnon's asymptotic points of the augmented Dickey-Fuller test with a constant, and with a
# trend; and of the former where the best slow sine was taken out first, simulated. For short series
# the 5, 5 and 7 % points, as stricter ones take much memory and slow cycles for walks; from so many
# steps and blocks on the 1, 1 and 3 % points.
_POINTS, _POINTS_LONG = (-2.86, -3.41, -4.0), (-3.43, -3.96, -4.7)
_LONG, _MANY_BLOCKS = 1_000, 300


def check_finite(values: npt.NDArray[np.floating]) -> Floats:
    """Return values as float64.

    Raises:
        ValueError: If one is NaN or infinite.
    """
    real = np.asarray(values, dtype=np.float64)
    bad = int(real.size - np.count_nonzero(np.isfinite(real)))
    if bad:
        at = int(np.flatnonzero(~np.isfinite(real.ravel()))[0])
        raise ValueError(
            f"{bad} of {real.size} values are NaN or infinite, the first at place {at}; fill or "
            "drop them (pandas: interpolate, dropna)"
        )
    return real


def are_quantities(
    values: npt.NDArray[Any], offsets: Ints, on_the_clock: tuple[Floats, Ints] | None = None
) -> bool:
    """Return whether whole numbers measure something rather than name it.

    Sales and loads do: their values are many, and near each other at some small distance. The
    numbers of words are as many, but a large one is followed by any other. Unsigned integers are
    taken for the names they are in characters and codes.

    Args:
        values: All sequences behind one another; shape (N,).
        offsets: Their first indices and N.
        on_the_clock: The same with NaN for missing steps, and its offsets, where there are any.
    """
    if values.dtype.kind != "i" or values.dtype.itemsize == 1:
        return False
    n_values = int(np.unique(values[:_NEAR_VALUES]).size)
    few_equal = min(values.size, _NEAR_VALUES) < _FEW_EQUAL * n_values
    if n_values <= (_SEVERAL_VALUES if few_equal else _MANY_VALUES):
        return False
    if on_the_clock is not None:
        values, offsets = on_the_clock
    ends = np.minimum(offsets, _NEAR_VALUES)
    lags = np.arange(1, _NEAR_LAGS + 1)
    n_pairs = np.maximum(np.diff(ends)[:, None] - lags, 0).sum(axis=0)
    near = rank_correlation(values[:_NEAR_VALUES], ends, lags)
    return float(np.max(near, initial=0.0, where=n_pairs >= _FEWEST_PAIRS)) > _NEAR


def prepare(
    values: Floats, offsets: Ints, *, difference: int, detrend: bool
) -> tuple[Floats, Ints]:
    """Difference every sequence, or take a straight line from it.

    Args:
        values: All sequences behind one another; shape (N,) or (N, features). NaN is a step
            without a value, and stays one.
        offsets: Their first indices and N.
        difference: How often to difference; sequences get shorter by as much.
        detrend: Whether to subtract each sequence's least-squares line.

    Returns:
        The same for the changed sequences.

    Raises:
        ValueError: If no sequence is long enough.
    """
    if difference == 0 and not detrend:
        return values, offsets
    parts = [values[a:b] for a, b in pairwise(offsets)]
    if detrend:
        parts = [_without_line(p) for p in parts]
    parts = [np.diff(p, n=difference, axis=0) for p in parts] if difference else parts
    if not any(len(p) > 1 for p in parts):
        raise ValueError(
            f"difference={difference} needs a sequence of {difference + 2} steps, and none has"
        )
    lengths = [len(p) for p in parts]
    return np.concatenate(parts), np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)


def _without_line(part: Floats) -> Floats:
    there = np.isfinite(part).reshape(len(part), -1).all(axis=1)
    if there.sum() < 3:
        return np.asarray(part - part[there].mean(axis=0)) if there.any() else part
    t = np.linspace(-1.0, 1.0, len(part))
    columns = np.stack([np.ones_like(t), t], axis=1)
    fit = np.linalg.lstsq(columns[there], part[there], rcond=None)[0]
    return np.asarray(part - columns @ fit)


def quantile_bins(values: Floats, n_bins: int) -> Ints:
    """Return which of n_bins equally filled bins each value lies in; shape of values.

    Values that are few enough already keep a bin each. Equal values share a bin.
    """
    levels = np.unique(values[: 4 * n_bins]) if values.size else values
    if levels.size <= n_bins:
        levels = np.unique(values)
        if levels.size <= n_bins:
            return np.searchsorted(levels, values).astype(np.int64)
    edges = np.unique(np.quantile(values, np.arange(1, n_bins) / n_bins))
    bins: Ints = np.searchsorted(edges, values, side="right").astype(np.int64)
    return bins


def bin_sequences(values: Floats, offsets: Ints, n_bins: int, *, each: bool) -> Ints:
    """Cut real sequences into quantile bins: of all values, or of each sequence's own.

    Returns:
        Bins, shape of values; -1 where there is no value.
    """
    bins = np.full(values.shape, -1, dtype=np.int64)
    there = np.isfinite(values)
    for a, b in pairwise(offsets) if each else ((0, len(values)),):
        own = there[a:b]
        bins[a:b][own] = quantile_bins(values[a:b][own], n_bins)
    return bins


def rank_correlation(values: Floats | Ints, offsets: Ints, lags: Ints) -> Floats:
    """Return the correlation of the ranks of values at distances, pooled over sequences.

    Args:
        values: Shape (N,), NaN where there is none; the first million are enough for a sign.
        offsets: The sequences' first indices and N.
        lags: Distances; shape (L,).

    Returns:
        Shape (L,), 0 where there are no pairs.
    """
    ends = np.minimum(offsets, _CORRELATED)
    first = values[: ends[-1]]
    there = np.isfinite(first)
    rank = np.zeros(first.size)
    rank[there] = _ranks(first[there])
    rank[there] -= rank[there].mean()
    variance = float((rank[there] ** 2).mean())
    total, pairs = np.zeros(lags.size), np.zeros(lags.size)
    for a, b in pairwise(ends):
        inside = lags < b - a
        if not inside.any():
            continue
        total[inside] += lagged_sums(rank[a:b])[lags[inside]]
        if there[a:b].all():
            pairs[inside] += b - a - lags[inside]
        else:
            both = there[a:b].astype(np.float64)
            pairs[inside] += np.rint(lagged_sums(both)[lags[inside]])
    return total / np.maximum(pairs * variance, 1e-300)


def _ranks(values: Floats | Ints) -> Floats:
    """Return ranks from 1 on; equal values share the mean of theirs."""
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(times) - (times - 1) / 2.0)[place]
    return ranks


def nonstationary(values: Floats, offsets: Ints) -> tuple[int, int, int]:
    """Return how many sequences look like a random walk, like a trend, and how many were tested.

    Augmented Dickey-Fuller tests of sequences of 50 steps or more, a hundred of them at most: of
    their means over blocks, as noise and cycles, which a random walk may carry, hide it from steps.
    """
    walks = trends = tested = 0
    lengths = np.diff(offsets)
    for s in np.flatnonzero(lengths >= _TESTED_FROM)[:100]:
        part = values[offsets[s] : offsets[s] + min(int(lengths[s]), _TESTED)]
        part = part[np.isfinite(part)]
        if part.size < _TESTED_FROM or np.ptp(part) == 0:
            continue
        tested += 1
        if part.min() > 0 and part.max() > _RATIO * part.min():
            # prices wander by factors
            part = np.log(part)
        steps = part.size
        part = _block_means(part)
        sure = steps >= _LONG and part.size >= _MANY_BLOCKS
        constant, trend, slow = _POINTS_LONG if sure else _POINTS
        if _dickey_fuller(part, trend=False) <= constant:
            continue
        if _dickey_fuller(part, trend=True) <= trend:
            trends += 1
        elif _dickey_fuller(_without_slow_cycle(part), trend=False) > slow:
            walks += 1
    return walks, trends, tested


def _block_means(part: Floats) -> Floats:
    """Return means over four hundred blocks of steps, or of whole cycles.

    Where there are too few cycles for that the mean of every phase is subtracted first.
    """
    cycle, width = _cycle(part), max(1, part.size // _BLOCKS)
    if part.size // cycle >= _ENOUGH_BLOCKS:
        width = -(-width // cycle) * cycle
    else:
        phase = np.arange(part.size) % cycle
        part = part - (np.bincount(phase, part) / np.bincount(phase))[phase]
    n = part.size // width
    return np.asarray(part[part.size - n * width :].reshape(n, width).mean(axis=1))


def _without_slow_cycle(part: Floats) -> Floats:
    """Return what the best sine of half a cycle to ten cycles leaves: a year in some years."""
    turn = 2.0 * np.pi * np.arange(part.size) / part.size
    best = part
    for cycles in np.arange(5, 101) / 10.0:
        columns = np.stack(
            [np.ones(part.size), np.cos(cycles * turn), np.sin(cycles * turn)], axis=1
        )
        rest = part - columns @ np.linalg.lstsq(columns, part, rcond=None)[0]
        best = rest if rest @ rest < best @ best else best
    return best


def _cycle(part: Floats) -> int:
    """Return the longest period that is a line in the spectrum of the steps, or 1.

    Of those that the series holds ten times.
    """
    step = np.diff(part)
    power = np.abs(np.fft.rfft((step - step.mean()) * np.hanning(step.size))) ** 2
    edges = np.arange(0, power.size, _BESIDE)
    medians = [np.median(power[i : i + _BESIDE]) for i in edges]
    beside = np.interp(np.arange(power.size), edges + 0.5 * _BESIDE, medians)
    line = power > _LINE * np.maximum(beside, 1e-12 * power.max())
    line[: _FEWEST_CYCLES - 1] = False
    at = np.flatnonzero(line)
    if not at.size:
        return 1
    # a line is three frequencies wide
    first = at[0] + int(power[at[0] : at[0] + 3].argmax())
    return round(step.size / int(first))


def _dickey_fuller(part: Floats, *, trend: bool) -> float:
    """Return the t statistic of the level in a regression of the next step on it."""
    step = np.diff(part)
    target = step[_LAGGED:]
    n = target.size
    columns = [part[_LAGGED:-1], np.ones(n)]
    columns += [step[_LAGGED - i : -i] for i in range(1, _LAGGED + 1)]
    if trend:
        columns.append(np.linspace(-1.0, 1.0, n))
    design = np.stack(columns, axis=1)
    fit, _, rank, _ = np.linalg.lstsq(design, target, rcond=None)
    if rank < design.shape[1]:
        # perfectly predictable steps: a straight line is a trend, a cycle returns to its mean
        return -np.inf if trend or np.ptp(step) > 0 else 0.0
    residual = target - design @ fit
    variance = float(residual @ residual) / max(1, n - int(rank))
    inverse: Floats = np.linalg.inv(design.T @ design)
    spread = float(np.sqrt(variance * float(inverse[0, 0])))
    return float(fit[0]) / spread if spread > 0 else float(-np.inf)
