"""Entropies from counts."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, xlogy

from optuna_mi._checks import as_array, one_of

Estimator = Literal["plugin", "miller-madow", "grassberger"]
ESTIMATORS: tuple[str, ...] = get_args(Estimator)


def check_estimator(estimator: str) -> None:
    """Raise if the estimator is unknown.

    Raises:
        ValueError: If it is.
    """
    one_of("estimator", estimator, ESTIMATORS)


def bias_per_symbol(estimator: Estimator) -> float:
    """Return what Miller and Madow subtract from n ln n per symbol seen; 0 for other estimators.

    The plug-in entropy of K symbols is too low by (K - 1) / 2N, half of 1 / N for each but one.
    """
    return 0.5 if estimator == "miller-madow" else 0.0


def large_count_terms(estimator: Estimator) -> tuple[float, float]:
    """Return (c, e) of the term g(n) = n ln n + c + e / n of a large count (`count_terms`).

    Of n psi(n) these are the first terms of psi's asymptotic series.
    """
    return (-0.5, -1.0 / 12.0) if estimator == "grassberger" else (-bias_per_symbol(estimator), 0.0)


def count_terms(
    counts: npt.NDArray[np.integer | np.floating], estimator: Estimator
) -> npt.NDArray[np.float64]:
    r"""Return g(n) of every count n, with which H = ln N - (1/N) sum_i g(n_i).

    plug-in: n ln n; Miller-Madow: n ln n - 1/2 for n > 0; Grassberger: n psi(n), 0 for n = 0.

    Args:
        counts: Counts, any shape, none negative; means of counts will do.
        estimator: Which entropy.

    Returns:
        Terms, float64, the shape of counts.
    """
    n = np.asarray(counts, dtype=np.float64)
    if estimator == "grassberger":
        return np.where(n > 0, n * digamma(np.maximum(n, 1.0)), 0.0)
    terms: npt.NDArray[np.float64] = xlogy(n, n) - bias_per_symbol(estimator) * (n > 0)
    return terms


def entropy_of_terms(
    total: float, terms: npt.ArrayLike, estimator: Estimator
) -> npt.NDArray[np.float64]:
    """Return the entropies in nats that the sums of `count_terms` stand for.

    Args:
        total: Number of samples N.
        terms: Sum of the terms of one distribution's counts, or of several ones', any shape.
        estimator: Which entropy.
    """
    # one symbol has no bias: Miller and Madow take half for each but one
    return np.asarray(np.log(total) - (np.asarray(terms) + bias_per_symbol(estimator)) / total)


def entropy_from_counts(
    counts: npt.NDArray[np.integer], *, estimator: Estimator = "grassberger"
) -> float:
    r"""Return the entropy in nats of the distribution that gave these counts.

    .. math:: H = \ln N - \frac1N \sum_i n_i \psi(n_i)

    is Grassberger's digamma form; ``"plugin"`` has ln n_i in place of psi(n_i), ``"miller-madow"``
    adds (K - 1) / 2N to the latter, K being the number of symbols seen.

    Args:
        counts: How often each symbol was seen, any shape; zeros are allowed.
        estimator: ``"plugin"``, ``"miller-madow"`` or ``"grassberger"``.

    Raises:
        TypeError: If counts are no integers.
        ValueError: If the estimator is unknown, a count is negative or masked, or all are zero.

    Note:
        Source: P. Grassberger, Entropy Estimates from Insufficient Samplings, 2003, as used by
        [MK20], ref. 12; G. Miller, Note on the bias of information estimates, 1955.

    Example:
        >>> round(entropy_from_counts(np.array([5, 5]), estimator="plugin"), 6)
        0.693147
    """
    check_estimator(estimator)
    n = as_array("counts", counts)
    if n.size == 0:
        raise ValueError("counts is empty: give at least one positive count")
    if n.dtype.kind not in "iu":
        raise TypeError(f"counts must be integers, got dtype {n.dtype}")
    if n.min() < 0 or not n.any():
        raise ValueError("counts must not be negative, and at least one must be positive")
    total = float(n.sum(dtype=np.float64))
    # in sparse data few different counts occur, each often: one term per different count is cheap
    value, times = np.unique(n[n > 0], return_counts=True)
    return float(entropy_of_terms(total, count_terms(value, estimator) @ times, estimator))
