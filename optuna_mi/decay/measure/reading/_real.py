"""Real-valued series: what is done before they become symbols."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.measure.reading._lagged_sums import lagged_sums

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

QUANTITIES = (
    "whole numbers with many values, near each other at small distances, taken for real: "
    "values='symbols' counts each value as a symbol, values='bins' says that they are real"
)

# Whole numbers with more different values than a byte has may be quantities; or with more than 20
# if each is seen less than five times, since hardly any equal ones are left to count. Choices.
_MANY_VALUES, _SEVERAL_VALUES, _FEW_EQUAL = 256, 20, 5
# They are quantities if the ranks of values correlate by more than a half at one of 50 distances.
# Loads and sales do; the numbers of words do not. Choices; 100,000 values take milliseconds.
_NEAR_LAGS, _NEAR_VALUES, _NEAR = 50, 100_000, 0.5
# With so many pairs a correlation of a half is five standard deviations (1 / sqrt(100) each); with
# fewer, one of 50 correlations may reach it by chance.
_FEWEST_PAIRS = 100
# A correlation of a million values is known to 0.001; its sign is all that is wanted.
_CORRELATED = 1_000_000


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
            "drop them (pandas: ffill, dropna)"
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
