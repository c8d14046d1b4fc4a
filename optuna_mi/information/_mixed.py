"""Mutual information between real-valued samples and class labels."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import digamma

from optuna_mi._checks import whole
from optuna_mi._warn import warn
from optuna_mi.information._check_samples import (
    as_labels,
    as_samples,
    check_metric,
    check_neighbours,
)
from optuna_mi.information._entropy import entropy_from_counts
from optuna_mi.information._mixed_kernels import closed_ball_counts
from optuna_mi.information._result import MutualInformation
from optuna_mi.information._scale import within_range

Metric = Literal["chebyshev", "euclidean"]


def _merge_singletons(
    codes: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return codes in which no class has a single member (see `mutual_info_mixed`)."""
    single = counts == 1
    if not single.any():
        return codes
    if single.all():
        raise ValueError(
            f"every one of the {codes.size} labels is different: there are no classes to learn "
            "about. Use mutual_info_ksg for a real-valued outcome, or more samples"
        )
    target = np.arange(counts.size)
    if single.sum() > 1:
        target[single] = np.flatnonzero(single)[0]
    else:
        sizes = np.where(single, codes.size + 1, counts)
        target[single] = int(np.argmin(sizes))
    merged: npt.NDArray[np.int64] = np.unique(target[codes], return_inverse=True)[1]
    return merged


def mutual_info_mixed(
    x: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    k: int = 3,
    metric: Metric = "chebyshev",
    tile: int = 1,
) -> MutualInformation:
    r"""Estimate I(X; Y) of real-valued X and a discrete Y in nats: Ross's estimator, closed balls.

    With epsilon_i the distance from sample i to its k-th nearest neighbour of its own class, k_i
    the number of same-class neighbours and m_i the number of all neighbours within epsilon_i
    (ties included, i itself not),

    .. math:: I = \psi(N) + \langle \psi(k_i) - \psi(N_{y_i}) - \psi(m_i) \rangle .

    Without ties k_i = k and this is Ross's estimator. With ties (saturated softmax, raw pixels)
    strict inequalities give values above H(Y); the closed ball stays finite and deterministic.
    The value depends on x only through comparisons of distances, so scaling x changes nothing.
    Scaling one axis of a vector does: where axes have units of their own, divide each by its
    standard deviation first.

    Small classes: a class of 2 to k members uses all its other members as neighbours. A class of
    one has no neighbour; all such classes are merged into one class, "rare" (a lone one joins the
    smallest other class). Merging is a function of Y, so the estimate is then one of a lower bound
    of I(X; Y); ``upper_bound`` is the entropy of the merged labels, ``entropy_labels`` that of
    the labels as given.

    Memory is O(N D), time O(N^2 D), in one dimension O(N log N); no N x N array is made.

    Args:
        x: Real samples, shape (N,) or (N, ...); trailing axes are flattened.
        labels: Classes (integers, booleans or strings), shape (N,).
        k: Number of same-class neighbours, 1 <= k < N.
        metric: ``"chebyshev"`` or ``"euclidean"`` distance between samples.
        tile: Repeat the features so many times, as [V] suggests for convolutional networks. It
            changes nothing (the max-norm of a tiled vector is that of the vector) and costs
            nothing here; a value above 1 warns.

    Returns:
        The estimate; ``tie_fraction`` is the share of samples whose k-th neighbour was tied.

    Raises:
        TypeError: If x is not real, labels are floats, or k is no integer.
        ValueError: If shapes do not match, x holds NaN or infinity, N <= k, k < 1, the metric is
            unknown, or all labels differ.

    Note:
        Source: Ross, Mutual Information between Discrete and Continuous Data Sets, PLoS ONE 9(2),
        2014, eq. 2. Never bootstrap it: duplicated samples shrink epsilon to zero.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 500)
        >>> mi = mutual_info_mixed(y + 0.01 * rng.normal(size=500), y)
        >>> round(float(mi), 2), round(mi.upper_bound, 2)
        (0.69, 0.69)
    """
    samples = within_range(as_samples(x, "x"))
    n = samples.shape[0]
    classes = as_labels(labels, n)
    k = check_neighbours(k, n)
    euclidean = check_metric(metric)
    if whole("tile", tile, 1) > 1:
        warn(f"tile={tile} changes nothing: distances between tiled samples keep their order")
    codes, counts = _encode(classes)
    merged = _merge_singletons(codes, counts)
    sizes = np.bincount(merged)
    order = np.argsort(merged, kind="stable")
    starts = np.concatenate(([0], np.cumsum(sizes)))
    same, within = closed_ball_counts(samples[order], starts, k, euclidean)

    psi = digamma(np.arange(n + 1, dtype=np.float64))
    size_of = np.repeat(sizes, sizes)
    # in this order a single class gives exactly zero
    terms = (psi[n] - psi[size_of]) + (psi[same] - psi[within])
    return MutualInformation(
        value=float(terms.mean()),
        standard_error=float(terms.std(ddof=1) / np.sqrt(n)),
        n=n,
        k=k,
        estimator="mixed",
        entropy_labels=entropy_from_counts(counts, estimator="plugin"),
        upper_bound=entropy_from_counts(sizes, estimator="plugin"),
        tie_fraction=float(np.mean(same > np.minimum(k, size_of - 1))),
    )


def _encode(classes: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    codes, counts = np.unique(classes, return_inverse=True, return_counts=True)[1:]
    return codes.astype(np.int64), counts.astype(np.int64)
