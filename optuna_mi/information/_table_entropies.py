"""Entropies of tables of counts, and the spread of their blocks, in one pass.

Written out because there is a table at every lag: numpy's dozen passes over a table of 46 x 46
characters and its 32 blocks took three times as long as counting the pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import digamma

from optuna_mi._numba import njit
from optuna_mi.information._entropy import Estimator, bias_per_symbol

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.uint32] | npt.NDArray[np.int32] | Ints

# processors turn signed integers into floats faster, and so few fit
_SIGNED = 1 << 31
# n psi(n) of small n; of larger ones psi's asymptotic series is exact to the last digit
_FEW = 24
_SMALL: Floats = np.concatenate(([0.0], np.arange(1, _FEW) * digamma(np.arange(1.0, _FEW))))


@njit(cache=True, nogil=True, inline="always")
def _term(n: float, log_n: float, bias: float, small: Floats) -> float:
    """Return g(n) of a positive count (`count_terms`): n psi(n) if there are small ones of it."""
    if small.size == 0:
        return n * log_n - bias
    if n < small.size:
        return float(small[int(n)])
    square = 1.0 / (n * n)
    series = 1.0 / 12 - square * (1.0 / 120 - square * (1.0 / 252 - square / 240))
    return n * log_n - 0.5 - series / n


@njit(cache=True, nogil=True)
def _entropy(counts: Ints, total: float, bias: float, small: Floats, logs: Floats) -> float:
    """Return the entropy of counts, and write their logarithms, those of zeros as zero."""
    terms = bias
    for i in range(counts.size):
        logs[i] = 0.0
        if counts[i] > 0:
            logs[i] = np.log(counts[i])
            terms += _term(float(counts[i]), logs[i], bias, small)
    return float(np.log(total) - terms / total)


@njit(cache=True, nogil=True)
def _add(counts: Counts, joint: Ints) -> int:
    """Add a block's counts to those of all blocks, and return their sum."""
    total = 0
    for c in range(joint.size):
        joint[c] += counts[c]
        total += counts[c]
    return total


@njit(cache=True, nogil=True, fastmath={"nsz", "reassoc", "contract"})
def _weighted(counts: Counts, weights: Floats) -> float:
    total = 0.0
    for c in range(counts.size):
        total += counts[c] * weights[c]
    return total


@njit(cache=True, nogil=True)
def table_entropies(
    blocks: Counts, k: int, bias: float, small: Floats
) -> tuple[float, float, float, Floats, Floats]:
    """Return H(X), H(Y), H(X, Y) of a table, and its blocks' sums and sizes.

    Args:
        blocks: The counts of every block, shape (B, k * k).
        k: Number of symbols.
        bias: `bias_per_symbol` of the estimator.
        small: n psi(n) of the first n for Grassberger's estimator, empty for the others.

    Returns:
        The entropies in nats; the sums of ln p(x, y) / p(x) p(y) over each block, and the numbers
        of pairs in them, both of shape (B,).
    """
    n_blocks = blocks.shape[0]
    joint = np.zeros(k * k, dtype=np.int64)
    sums, sizes = np.empty(n_blocks), np.empty(n_blocks)
    for b in range(n_blocks):
        sizes[b] = _add(blocks[b].copy(), joint)  # one without gaps, which vector units can read
    table = joint.reshape(k, k)
    n_x = table.sum(axis=1)
    n_y = table.sum(axis=0)
    total = float(n_x.sum())
    log_x, log_y = np.empty(k), np.empty(k)
    h_x = _entropy(n_x, total, bias, small, log_x)
    h_y = _entropy(n_y, total, bias, small, log_y)
    log_total = np.log(total)
    pointwise = np.zeros(k * k)
    terms = bias
    for a in range(k):
        row_terms = 0.0
        for b in range(k):
            n = table[a, b]
            if n > 0:
                log_n = np.log(n)
                pointwise[a * k + b] = log_n + log_total - log_x[a] - log_y[b]
                row_terms += _term(float(n), log_n, bias, small)
        terms += row_terms
    h_xy = log_total - terms / total
    for b in range(n_blocks):
        sums[b] = _weighted(blocks[b].copy(), pointwise)
    return h_x, h_y, h_xy, sums, sizes


def entropies(blocks: npt.NDArray[np.uint32] | Ints, k: int, estimator: Estimator) -> Any:
    """Do what `table_entropies` does, the estimator given by its name."""
    small = _SMALL if estimator == "grassberger" else _SMALL[:0]
    few = blocks.dtype == np.uint32 and blocks.max(initial=0) < _SIGNED
    return table_entropies(
        blocks.view(np.int32) if few else blocks, k, bias_per_symbol(estimator), small
    )
