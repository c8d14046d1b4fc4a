"""Pooled pairs of small alphabets: one table of alphabet**2 counts per lag.

A pass over the data fills the tables of up to four lags. Where many lags of few symbols are wanted,
Fourier transforms give the tables of ALL lags: the count of the pair (a, b) at lag d is the
cross-correlation of two indicator sequences. Blocks of starts, each with the longest lag's worth of
later symbols behind it, are transformed; their cross spectra add up, and one inverse transform per
pair of symbols gives every lag. In float64 the results are whole numbers to about 1e-7 at 1e9
pairs, so rounding makes them exact.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft

from optuna_mi.decay.measure.counting._counts import Codes, count_four, count_pairs
from optuna_mi.decay.measure.reading._sequences import Sequences
from optuna_mi.information._entropy import Estimator
from optuna_mi.information._table_entropies import entropies

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Four tables in one pass pay while they lie in the second-level cache together: 2 MB of counts.
FUSE_CELLS = 1 << 19
# Nanoseconds per point of a transform, and of a product of spectra, measured on one core.
_TRANSFORM, _PRODUCT = 5.0, 2.5
# Longer transforms, or more symbols, take too much memory: 17 symbols have 289 spectra of 1 MB.
_LONGEST = 1 << 17
_MOST_SYMBOLS = 16
# Segments whose spread gives the standard error: 16 know it to a fifth. A choice.
_BLOCKS = 16


@dataclass(frozen=True)
class LagEstimate:
    """Entropies at one lag in nats, and what their error needs.

    Attributes:
        h_x: Entropy of the earlier symbol.
        h_y: Entropy of the later symbol.
        h_xy: Joint entropy.
        std_error: First-order standard error of the MI.
        plugin: Plug-in MI, the mean of ln p(x, y) / p(x) p(y).
    """

    h_x: float
    h_y: float
    h_xy: float
    std_error: float
    plugin: float

    @property
    def mi(self) -> float:
        """H(X) + H(Y) - H(X, Y)."""
        return self.h_x + self.h_y - self.h_xy


def block_edges(n_total: int, n_blocks: int) -> Ints:
    """Return the edges of equal blocks of a long sequence, int64, shape (n_blocks + 1,)."""
    return np.linspace(0, n_total, n_blocks + 1).astype(np.int64)


def estimate_dense(
    blocks: npt.NDArray[np.uint32] | Ints, k: int, estimator: Estimator, *, has_gaps: bool = False
) -> LagEstimate:
    """Turn block histograms, shape (B, k*k), into an estimate.

    The standard error is the spread over blocks of the sums of ln p(x, y) / p(x) p(y). The last
    symbol is none where there are gaps.
    """
    if has_gaps:
        symbols = blocks.reshape(-1, k, k)[:, :-1, :-1]
        k -= 1
        blocks = symbols.reshape(-1, k * k)
    h_x, h_y, h_xy, sums, sizes = entropies(blocks, k, estimator)
    return LagEstimate(
        h_x=h_x,
        h_y=h_y,
        h_xy=h_xy,
        std_error=block_error(sums, sizes),
        plugin=float(sums.sum() / sizes.sum()),
    )


def block_error(sums: Floats, sizes: Floats) -> float:
    """Return the standard error of sum(sums) / sum(sizes) from the spread over blocks."""
    kept = sizes > 0
    n = int(kept.sum())
    if n < 2:
        return 0.0
    total = sizes.sum()
    spread = sums[kept] - sizes[kept] * (sums.sum() / total)
    return float(np.sqrt((spread**2).sum() * n / (n - 1)) / total)


def n_blocks_for(sequences: Sequences) -> int:
    """Return how many blocks the standard error can afford: 8 to 32."""
    cells = sequences.alphabet**2
    return int(np.clip(max(400_000, sequences.n_total // 4) // cells, 8, 32))


def dense_lags(
    sequences: Sequences,
    lags: Ints,
    estimator: Estimator,
    later: Codes | None = None,
    edges: Ints | None = None,
) -> list[LagEstimate]:
    """Estimate MI at one to four increasing lags with tables of alphabet**2 counts.

    Args:
        sequences: The data.
        lags: One to four distances.
        estimator: Which entropy.
        later: Codes from which the later symbol of a pair is taken; the same ones by default.
        edges: Edges of the blocks whose spread gives the standard error; by default as many as
            `n_blocks_for` says.
    """
    k, gaps = sequences.alphabet, sequences.has_gaps
    x, offsets = sequences.codes, sequences.offsets
    y = x if later is None else later
    if edges is None:
        edges = block_edges(sequences.n_total, n_blocks_for(sequences))
    spans = list(itertools.pairwise(edges))
    if lags.size == 4 and 4 * k * k <= FUSE_CELLS:
        fused = np.zeros((len(spans), 4, k * k), dtype=np.uint32)
        for (start, stop), table in zip(spans, fused, strict=True):
            count_four(x, y, offsets, start, stop, lags, k, table)
        return [estimate_dense(fused[:, j], k, estimator, has_gaps=gaps) for j in range(4)]
    out = []
    for lag in lags:
        blocks = np.zeros((len(spans), k * k), dtype=np.uint32)
        for (start, stop), table in zip(spans, blocks, strict=True):
            count_pairs(x, y, offsets, start, stop, lag, k, table)
        out.append(estimate_dense(blocks, k, estimator, has_gaps=gaps))
    return out


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
