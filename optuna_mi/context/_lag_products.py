"""Sums of products of lagged values and targets, block by block."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, cholesky

from optuna_mi._numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Rows of lags that are multiplied at a time: 33 MB with 512 lags.
_ROWS = 8192
# Runs of this many steps on average are worth the sums by differences: each run costs two rows.
_WORTH = 8


def lag_products(
    values: Floats, at: Ints, cell: Ints, n_cells: int, lags: Ints, horizons: Ints
) -> tuple[Floats, list[Floats]]:
    """Return the sums of products of (1, lags, targets) in every cell, and rows that have them.

    Args:
        values: Real values, shape (N, features).
        at: Steps t, shape (P,).
        cell: The cell of each.
        n_cells: Number of cells.
        lags: Lags, 1 for t itself; shape (K,).
        horizons: Steps ahead of t; shape (H,).

    Returns:
        Sums, shape (cells, width, width), and for each cell as few rows as have the same sums.
    """
    order = np.argsort(cell, kind="stable")
    at = at[order]
    edges = np.searchsorted(cell[order], np.arange(n_cells + 1))
    shifts = np.concatenate([1 - lags, horizons])
    width = 1 + shifts.size * values.shape[1]
    consecutive = bool((lags == np.arange(1, lags.size + 1)).all())
    out = np.zeros((n_cells, width, width))
    roots = []
    for c, (low, high) in enumerate(pairwise(edges)):
        some = at[low:high]
        if some.size <= min(width, _ROWS):
            rows = _rows_of(values, some, shifts)
            out[c] = rows.T @ rows
            roots.append(rows)
            continue
        runs = np.flatnonzero(np.diff(some) != 1)
        if consecutive and _WORTH * (runs.size + 1) < some.size:
            out[c] = _by_differences(values, some, runs, lags.size, horizons)
        else:
            for start in range(0, some.size, _ROWS):
                rows = _rows_of(values, some[start : start + _ROWS], shifts)
                out[c] += rows.T @ rows
        roots.append(square_root(out[c]))
    return out, roots


def _rows_of(values: Floats, at: Ints, shifts: Ints) -> Floats:
    rows = np.ones((at.size, 1 + shifts.size * values.shape[1]))
    rows[:, 1:] = values[at[:, None] + shifts].reshape(rows[:, 1:].shape)
    return rows


def _by_differences(values: Floats, at: Ints, ends: Ints, n_lags: int, horizons: Ints) -> Floats:
    """Return the sums of products for lags 1 … K.

    Over a run of steps, the sum of x[t - i - 1] x[t - j - 1] is that of x[t - i] x[t - j] plus the
    product before the run's first step less that at its last one. So only the products with
    (1, lag 1, targets) are summed over all steps.

    Args:
        values: Real values, shape (N, features).
        at: Steps t, increasing, shape (P,).
        ends: Indices of the last steps of all runs of consecutive steps but the last.
        n_lags: Number of lags K.
        horizons: Steps ahead of t; shape (H,).
    """
    f = values.shape[1]
    past = 1 + n_lags * f
    width = past + horizons.size * f
    others = np.concatenate([[0], np.arange(past, width)])
    every = np.concatenate([np.arange(1 + f), np.arange(past, width)])
    ahead = _rows_of(values, at, np.concatenate([[0], horizons]))
    out = np.zeros((width, width))
    rest = np.delete(ahead, np.arange(1, 1 + f), axis=1)
    out[np.ix_(others, others)] = rest.T @ rest
    with_lags = np.zeros((every.size, n_lags * f))
    _add_lagged(ahead, values.ravel(), at, f, with_lags)
    # the newest step stands last there
    with_lags = with_lags.reshape(every.size, n_lags, f)[:, ::-1].reshape(every.size, -1)
    out[every, 1:past] = with_lags
    out[1:past, every] = with_lags.T
    begins, lasts = at[np.concatenate([[0], ends + 1])], at[np.concatenate([ends, [at.size - 1]])]
    nearer = -np.arange(n_lags - 1)
    before, last = (_rows_of(values, steps, nearer)[:, 1:] for steps in (begins - 1, lasts))
    _shift(out, before.T @ before - last.T @ last, f)
    return out


@njit(cache=True, nogil=True)
def _add_lagged(rows, values, at, f, out):  # type: ignore[no-untyped-def]
    """Add each row's products with the last K steps, oldest first."""
    width = out.shape[1]
    for n in range(at.size):
        end = (at[n] + 1) * f
        last = values[end - width : end]
        for m in range(rows.shape[1]):
            r, products = rows[n, m], out[m]
            for i in range(width):
                products[i] += r * last[i]


@njit(cache=True, nogil=True)
def _shift(out, change, f):  # type: ignore[no-untyped-def]
    """Fill in the products of lag i + 1 and j + 1 from those of i and j."""
    size = change.shape[0]
    for i in range(1, 1 + size):
        for j in range(i, 1 + size):
            value = out[i, j] + change[i - 1, j - 1]
            out[i + f, j + f] = value
            out[j + f, i + f] = value


def square_root(sums: Floats) -> Floats:
    """Return rows that have these sums of products, shape (width, width)."""
    jittered = sums.copy()
    diagonal = np.arange(len(sums))
    jitter = 1e-13 * float(np.trace(sums))
    while True:
        jittered[diagonal, diagonal] += jitter
        try:
            return np.asarray(cholesky(jittered, check_finite=False))
        except LinAlgError:  # in a noiseless cycle columns repeat each other
            jitter *= 10
