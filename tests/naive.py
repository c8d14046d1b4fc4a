"""The definitions behind the compiled estimators and counts, as plainly as they can be written.

Kernels are tested against these: they are slow, take all pairs, and use nothing of the package.
(The recurrent layers' equations are ``optuna_mi/nn/_naive.py``, beside their kernels.)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import digamma

Floats = npt.NDArray[np.float64]


def entropy(counts: Iterable[int], estimator: str = "grassberger") -> float:
    """Entropy in nats of what was counted; zeros are no symbols."""
    counts = [int(c) for c in counts if c > 0]
    n = sum(counts)
    if estimator == "grassberger":
        return math.log(n) - sum(c * float(digamma(c)) for c in counts) / n
    plugin = -sum(c / n * math.log(c / n) for c in counts)
    return plugin + (len(counts) - 1) / (2 * n) if estimator == "miller-madow" else plugin


def mutual_info(x: Iterable[Any], y: Iterable[Any], estimator: str = "grassberger") -> float:
    """H(X) + H(Y) - H(X, Y) of pairs of symbols, in nats."""
    x, y = np.asarray(x).tolist(), np.asarray(y).tolist()
    h_x, h_y, h_xy = (
        entropy(Counter(v).values(), estimator) for v in (x, y, zip(x, y, strict=True))
    )
    return h_x + h_y - h_xy


def pairs_at_lag(sequences: Iterable[Sequence[Any]], lag: int) -> tuple[list[Any], list[Any]]:
    """Former and latter halves of all pairs ``lag`` steps apart; none leaves its sequence."""
    x, y = [], []
    for sequence in map(np.asarray, sequences):
        for i in range(len(sequence) - lag):
            x.append(sequence[i].item())
            y.append(sequence[i + lag].item())
    return x, y


def mutual_info_at_lag(
    sequences: Iterable[Sequence[Any]], lag: int, estimator: str = "grassberger"
) -> float:
    """Mutual information of the symbols ``lag`` steps apart."""
    return mutual_info(*pairs_at_lag(sequences, lag), estimator)


def pair_counts(x: Any, y: Any, start: int, stop: int, lag: int, n_symbols: int) -> Any:
    """Table of the pairs (x[i], y[i + lag]), start <= i < stop, within the sequence."""
    counts = np.zeros((n_symbols, n_symbols), dtype=np.int64)
    for i in range(start, min(stop, len(x) - lag)):
        counts[x[i], y[i + lag]] += 1
    return counts


def pointwise_mutual_info(joint: npt.NDArray[np.int64]) -> Floats:
    """ln p(x, y) / p(x) p(y) for each cell of a table; zero where nothing was counted."""
    p = joint / joint.sum()
    values = np.zeros(p.shape)
    for a, b in zip(*np.nonzero(p), strict=True):
        values[a, b] = math.log(p[a, b] / (p[a].sum() * p[:, b].sum()))
    return values


def distances(x: Floats, metric: str) -> Floats:
    """All distances between the rows of ``x``, ``(N, N)``."""
    gap = np.abs(x[:, None] - x[None])
    return gap.max(axis=2) if metric == "chebyshev" else np.sqrt((gap**2).sum(axis=2))


def mutual_info_ksg(x: Floats, y: Floats, k: int, variant: int, metric: str) -> float:
    """Kraskov, Stoegbauer and Grassberger (2004), eq. 8 (variant 1) and eq. 9 (variant 2)."""
    n = len(x)
    dx, dy = distances(x, metric), distances(y, metric)
    terms = []
    for i in range(n):
        others = np.arange(n) != i
        a, b = dx[i][others], dy[i][others]
        joint = np.maximum(a, b)
        radius = np.sort(joint)[k - 1]
        if variant == 1:
            nx, ny = (a < radius).sum(), (b < radius).sum()
            terms.append(digamma(k) + digamma(n) - digamma(nx + 1) - digamma(ny + 1))
        else:
            inside = joint <= radius
            nx, ny = (a <= a[inside].max()).sum(), (b <= b[inside].max()).sum()
            terms.append(digamma(k) - 1 / k + digamma(n) - digamma(nx) - digamma(ny))
    return float(np.mean(terms))


def mutual_info_ksg_npeet(x: Floats, y: Floats, k: int) -> float:
    """Variant 1 in NPEET's way: within radius - 1e-15, closed, the sample itself counted."""
    dx, dy = distances(x, "chebyshev"), distances(y, "chebyshev")
    radius = np.sort(np.maximum(dx, dy), axis=1)[:, k] - 1e-15  # column 0 is the sample itself
    nx, ny = (dx <= radius[:, None]).sum(axis=1), (dy <= radius[:, None]).sum(axis=1)
    terms = digamma(k) + digamma(len(x)) - digamma(nx) - digamma(ny)
    return float(np.mean(terms))


def mutual_info_mixed(x: Floats, y: npt.NDArray[Any], k: int, metric: str) -> float:
    """Closed balls to the k-th neighbour of the same class; no class may have a single member."""
    d = distances(x.reshape(len(x), -1), metric)
    terms = []
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        same = others & (y == y[i])
        radius = np.sort(d[i][same])[min(k, same.sum()) - 1]
        k_i, m_i = (d[i][same] <= radius).sum(), (d[i][others] <= radius).sum()
        terms.append(digamma(len(x)) + digamma(k_i) - digamma(same.sum() + 1) - digamma(m_i))
    return float(np.mean(terms))
