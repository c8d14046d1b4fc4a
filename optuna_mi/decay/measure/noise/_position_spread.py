"""What the choice of position pairs adds to the standard error of aligned curves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.measure.reading._sequences import Codes, Sequences

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# The mean over 512 sequences at a pair of positions is known to 4 % of one sequence's spread.
_PROBES = 512
# Cells of a table that take as long as sorting one pair, measured.
_CELLS_A_PAIR = 4
# Fewer position pairs than this do not show their own spread: four blocks of four are left. A
# choice.
_ENOUGH_POSITIONS = 16


def position_errors(sequences: Sequences, lags: Ints) -> Floats:
    """Return the standard error over positions for a pooled curve, shape (L,)."""
    return errors_of_means(information_by_position(sequences, lags))


def information_by_position(sequences: Sequences, lags: Ints) -> list[Floats]:
    """Return the mean of ln p(x, y) / p(x) p(y) at every pair of positions, lag by lag.

    From a sample of the sequences, which are aligned.
    """
    steps = sequences.steps
    assert steps is not None
    rows = sequences.codes.reshape(-1, steps)
    rows = rows[:: max(1, rows.shape[0] // _PROBES)][:_PROBES]
    return [_pointwise(rows, int(lag), sequences.alphabet).mean(axis=0) for lag in lags]


def _pointwise(rows: Codes, lag: int, k: int) -> Floats:
    """Return ln p(x, y) / p(x) p(y) of every pair, shape (sequences, positions)."""
    x, y = rows[:, :-lag].astype(np.int64), rows[:, lag:]
    pair = x * k + y
    if k * k <= _CELLS_A_PAIR * pair.size:
        at, joint = pair, np.bincount(pair.ravel(), minlength=k * k)
        table = joint.reshape(k, k)
        expected = np.outer(table.sum(axis=1), table.sum(axis=0)).ravel() / pair.size
    else:
        # a table would be larger than the data
        kinds, index, joint = np.unique(pair.ravel(), return_inverse=True, return_counts=True)
        at = index.reshape(pair.shape)
        n_x, n_y = np.bincount(x.ravel(), minlength=k), np.bincount(y.ravel(), minlength=k)
        expected = n_x[kinds // k] * n_y[kinds % k] / pair.size
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(joint / expected)[at])


def errors_of_means(by_position: list[Floats]) -> Floats:
    """Return the standard error of the mean over positions at every lag.

    Neighbouring positions are alike, so the spread is taken between the means of blocks of them. A
    lag with few position pairs does not show its spread: there the spread of the other lags
    counts, and one position may deviate as much as the largest deviation seen anywhere.

    Args:
        by_position: One array of values per lag.
    """
    sizes = np.array([v.size for v in by_position])
    own = np.array([_long_run_deviation(v) for v in by_position])
    enough = sizes >= _ENOUGH_POSITIONS
    if enough.all():
        return np.asarray(own / np.sqrt(sizes))
    typical = float(np.sqrt((own[enough] ** 2).mean())) if enough.any() else float(own.max())
    center = np.median(np.concatenate(by_position))
    farthest = max(float(np.abs(v - center).max()) for v in by_position)
    few = np.hypot(typical / np.sqrt(sizes), farthest / sizes)
    errors: Floats = np.where(enough, own / np.sqrt(sizes), few)
    return errors


def _long_run_deviation(values: Floats) -> float:
    """Deviation s such that the mean's error is s / sqrt(n), correlations between included."""
    n = values.size
    if n < 2:
        return 0.0
    width = max(1, int(np.sqrt(n)))
    n_blocks = n // width
    if n_blocks < 2:
        return float(values.std(ddof=1))
    means = values[: n_blocks * width].reshape(n_blocks, width).mean(axis=1)
    return float(means.std(ddof=1) * np.sqrt(width))
