"""Data whose order is destroyed, and what the estimators make of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.measure._count_kernels import Codes
from optuna_mi.decay.measure._sequences import Sequences

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# numbers of pairs whose ratio is below this share one model
_LIKE_PAIRS = 4.0
_LEAST_BLOCK, _ENDLESS_BLOCK, _WIDEST_BLOCK = 16, 64, 4096


def shuffled(sequences: Sequences, rng: np.random.Generator) -> Sequences:
    """Return the same symbols in random order over all sequences."""
    codes = sequences.codes.copy()
    rng.shuffle(codes)
    return sequences.with_codes(codes)


def block_shuffled(sequences: Sequences, width: int, rng: np.random.Generator) -> Codes:
    """Return the codes in blocks of the given width, in random order.

    Beside the data themselves they are an independent sequence with the same memory.
    """
    codes = sequences.codes
    n_blocks = codes.size // width
    windows = np.lib.stride_tricks.sliding_window_view(codes, width)
    # every block starts at random, so that none keeps step with a period or a line length
    starts = rng.permutation(n_blocks) * width + rng.integers(0, width, n_blocks)
    body = windows[starts % windows.shape[0]]
    return np.concatenate((body.ravel(), codes[n_blocks * width :]))


def memory_width(lags: Ints, corrected: Floats, noise: float = 0.0) -> int:
    """Return the width of blocks that keep most of a sequence's memory.

    Eight times the first distance d at which the curve, its peaks up to 2 d included, has fallen
    by nineteen twentieths of its way: blocks lose about a correlation length at either end. The
    way ends at the level of the tail, which in a sequence that keeps its symbol for long is the
    bias that the blocks are to show. A sequence that never forgets (a period) has no such d; then
    the width is moderate, as wide blocks would keep the period itself.

    Args:
        lags: Distances.
        corrected: MI less its baseline.
        noise: Values of this size are none.
    """
    top = float(corrected.max())
    tail = max(0.0, float(np.median(corrected[lags >= lags[-1] / 3.0 * 2.0])))
    if 2.0 * tail > top:
        return _ENDLESS_BLOCK
    limit = tail + max(0.05 * (top - tail), noise)
    # a curve may rise first, to the first of its peaks
    first = int(np.flatnonzero(corrected >= 0.9 * top)[0])
    for i in first + np.unique(np.geomspace(1, lags.size - first, 60).astype(np.int64)) - 1:
        far = np.searchsorted(lags, 2 * lags[i], side="right")
        # the tail itself must be seen
        if far < lags.size and corrected[i:far].max() <= limit:
            return int(np.clip(8 * lags[i], _LEAST_BLOCK, _WIDEST_BLOCK))
    return _ENDLESS_BLOCK


def rotated(sequences: Sequences, rng: np.random.Generator) -> Codes:
    """Return the codes of aligned sequences so that each meets another one, drawn at random.

    Sequences are chained in one random cycle and each meets the next: none meets itself, and data
    sorted by class do not meet their own kind.
    """
    steps = sequences.steps
    assert steps is not None
    rows = sequences.codes.reshape(-1, steps)
    cycle = rng.permutation(rows.shape[0])
    partner = np.empty_like(cycle)
    partner[cycle] = np.roll(cycle, 1)
    return rows[partner].reshape(-1)


def anchor_lags(lags: Ints, n: int) -> Ints:
    """Return at most n of the lags, spread evenly over their logarithms, both ends included."""
    if lags.size <= n:
        return lags
    targets = np.geomspace(lags[0], lags[-1], n)
    nearest = np.searchsorted(lags, targets).clip(0, lags.size - 1)
    # small lags are less dense than the targets there: fill up from the whole range
    fill = np.linspace(0, lags.size - 1, n).astype(np.int64)
    chosen = np.unique(nearest)
    for i in fill:
        if chosen.size >= n:
            break
        chosen = np.union1d(chosen, [i])
    anchors: Ints = lags[chosen]
    return anchors


@dataclass(frozen=True)
class NullModel:
    """Mean and standard deviation of an estimate on order-free data, at every lag."""

    mean: Floats
    deviation: Floats
    n_replicates: int


def half_lag(sequences: Sequences, lags: Ints) -> int | None:
    """Return a lag at which about half as many pairs are left as at the lags, if there is one."""
    goal = 0.5 * float(np.median(sequences.n_pairs(lags)))
    grid = np.unique(np.geomspace(1, sequences.longest - 1, 200).astype(np.int64))
    pairs = sequences.n_pairs(grid)
    best = int(np.argmin(np.abs(pairs - goal)))
    return int(grid[best]) if 0.6 * goal < pairs[best] < 1.4 * goal else None


def bias_exponent(values: Floats, anchor_pairs: Ints, half: Floats, half_pairs: int) -> float:
    """Return g such that the bias of order-free data falls like pairs**-g.

    1 where pairs are many; less where most pairs were seen once or never.

    Args:
        values: Estimates at the anchors, any shape.
        anchor_pairs: Their pairs.
        half: Estimates with about half as many pairs.
        half_pairs: Their pairs.
    """
    mean, few = float(values.mean()), float(half.mean())
    # a bias that drowns in the spread has no exponent to measure
    if mean < 5.0 * float(values.std()) or few <= mean:
        return 1.0
    ratio = float(np.exp(np.log(anchor_pairs).mean())) / half_pairs
    return float(np.clip(np.log(few / mean) / np.log(ratio), 0.0, 1.0))


def null_model(
    values: Floats, anchor_pairs: Ints, n_pairs: Ints, exponent: float = 1.0
) -> NullModel:
    """Carry surrogates' estimates at some lags over to all lags.

    Order-free data know no distance: only the number of pairs changes with it, and the estimate's
    bias and spread with that. While it changes little, all surrogates at all lags are replicates
    of one another.

    Args:
        values: Estimates, shape (surrogates, anchors).
        anchor_pairs: Number of pairs at the anchors.
        n_pairs: Number of pairs at all lags.
        exponent: The bias falls like pairs**-exponent.
    """
    most = float(n_pairs.max())
    u, u_anchor = most / n_pairs, most / anchor_pairs
    if most / float(n_pairs.min()) <= _LIKE_PAIRS:
        shape = u_anchor**exponent
        size = float((values / shape).mean())
        mean, fitted = size * u**exponent, size * shape
        parameters = 1
    else:
        fitted = values.mean(axis=0)
        order = np.argsort(anchor_pairs)
        mean = np.interp(np.log(n_pairs), np.log(anchor_pairs[order]), fitted[order])
        parameters = anchor_pairs.size
    residual = (values - fitted) / u_anchor
    free = residual.size - parameters
    if free < 1:
        # one surrogate at one anchor has no spread to measure
        return NullModel(mean, np.abs(mean), 1)
    deviation = float(np.sqrt((residual**2).sum() / free))
    return NullModel(mean, deviation * u, max(1, values.size // parameters))
