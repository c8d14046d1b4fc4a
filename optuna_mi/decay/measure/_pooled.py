"""Curves over all pairs at a distance, wherever they stand."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.measure._count_kernels import Codes, count_four, count_pairs
from optuna_mi.decay.measure._sequences import Sequences
from optuna_mi.decay.measure._table_kernels import entropies
from optuna_mi.information._entropy import Estimator

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# tables of four lags in one pass pay while they stay in the second-level cache together
_FUSE_CELLS = 1 << 19


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
    blocks: npt.NDArray[np.uint32], k: int, estimator: Estimator, *, has_gaps: bool = False
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
    if lags.size == 4 and 4 * k * k <= _FUSE_CELLS:
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
