"""Counts of pairs at ALL lags by Fourier transforms: many lags of small alphabets.

The count of the pair (a, b) at lag d is the cross-correlation of two indicator sequences. Blocks of
starts, each with the longest lag's worth of later symbols behind it, are transformed; their cross
spectra add up, and one inverse transform a pair of symbols gives every lag. In float64 the results
are whole numbers to about 1e-7 at 1e9 pairs, so rounding makes them exact.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft

from optuna_mi.decay.measure._count_kernels import Codes
from optuna_mi.decay.measure._pooled import LagEstimate, block_edges, estimate_dense
from optuna_mi.decay.measure._sequences import Sequences
from optuna_mi.information._entropy import Estimator

Ints = npt.NDArray[np.int64]

# nanoseconds, measured: a transform and a product of spectra, for each point
_TRANSFORM, _PRODUCT = 5.0, 2.5
_LONGEST = 1 << 17
_MOST_SYMBOLS = 16
_BLOCKS = 16


def transform_length(max_lag: int) -> int:
    """Return the length of the transforms: a quarter is spent on the overlap."""
    return int(next_fast_len(max(4 * max_lag, 1 << 12), real=True))


def fft_cost(sequences: Sequences, max_lag: int) -> float:
    """Return nanoseconds that the counts of all lags up to max_lag would take, or infinity."""
    k, length = sequences.alphabet, transform_length(max_lag)
    if sequences.n_sequences > 1 or sequences.has_gaps or k > _MOST_SYMBOLS or length > _LONGEST:
        return float("inf")
    per_point = 2 * k * _TRANSFORM + k * k * _PRODUCT / 2
    return sequences.n_total * per_point * length / (length - max_lag)


def fft_segment(
    x: Codes, y: Codes, start: int, stop: int, lags: Ints, k: int
) -> npt.NDArray[np.uint32]:
    """Count the pairs (x[i], y[i + lag]) with start <= i < stop, shape (L, k * k)."""
    max_lag = int(lags[-1])
    length = transform_length(max_lag)
    step = length - max_lag
    symbols = np.arange(k, dtype=x.dtype)[:, None]
    spectrum = np.zeros((k, k, length // 2 + 1), dtype=np.complex128)
    for first in range(start, stop, step):
        last = min(first + step, stop)
        earlier = rfft((x[first:last] == symbols).astype(np.float64), length)
        later = rfft((y[first : last + max_lag] == symbols).astype(np.float64), length)
        np.conj(earlier, out=earlier)
        for a in range(k):
            spectrum[a] += earlier[a] * later
    counts = np.empty((lags.size, k * k), dtype=np.uint32)
    for a in range(k):
        exact = irfft(spectrum[a], length)[:, lags]
        counts[:, a * k : (a + 1) * k] = np.rint(exact).T
    return counts


def fft_edges(sequences: Sequences) -> Ints:
    """Return the edges of the segments whose spread gives the standard error."""
    return block_edges(sequences.n_total, _BLOCKS)


def fft_estimates(
    segments: list[npt.NDArray[np.uint32]], k: int, estimator: Estimator
) -> list[LagEstimate]:
    """Turn the segments' counts into estimates, lag by lag."""
    blocks = np.stack(segments)
    return [estimate_dense(blocks[:, j], k, estimator) for j in range(blocks.shape[1])]
