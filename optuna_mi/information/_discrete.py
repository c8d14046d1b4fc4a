"""Entropy and mutual information of integer samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import as_array
from optuna_mi.information._entropy import Estimator, check_estimator, entropy_from_counts
from optuna_mi.information._result import MutualInformation


def _as_codes(values: Any, name: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return codes 0..K-1 and the counts of the K symbols."""
    array = as_array(name, values)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a non-empty 1-D array, got shape {array.shape}")
    if array.dtype.kind not in "biu":
        raise TypeError(
            f"{name} must hold integers, got dtype {array.dtype}; cut real values into bins "
            "(numpy.digitize) or use mutual_info_ksg"
        )
    _, codes, counts = np.unique(array, return_inverse=True, return_counts=True)
    return codes.astype(np.int64), counts.astype(np.int64)


def entropy_discrete(x: npt.ArrayLike, *, estimator: Estimator = "grassberger") -> float:
    """Estimate the entropy of integer samples in nats.

    Args:
        x: Symbols (any integers or booleans), shape (N,).
        estimator: ``"plugin"``, ``"miller-madow"`` or ``"grassberger"``; see
            `entropy_from_counts`.

    Raises:
        TypeError: If x does not hold integers.
        ValueError: If x is empty or not 1-D, or the estimator is unknown.

    Example:
        >>> round(entropy_discrete([0, 1, 0, 1], estimator="plugin"), 6)
        0.693147
    """
    check_estimator(estimator)
    return entropy_from_counts(_as_codes(x, "x")[1], estimator=estimator)


def mutual_info_discrete(
    x: npt.ArrayLike, y: npt.ArrayLike, *, estimator: Estimator = "grassberger"
) -> MutualInformation:
    """Estimate I(X; Y) = H(X) + H(Y) - H(X, Y) of two paired integer samples in nats.

    Args:
        x: Symbols (any integers or booleans), shape (N,).
        y: Symbols, shape (N,).
        estimator: ``"plugin"``, ``"miller-madow"`` or ``"grassberger"``.

    Returns:
        The estimate. Its standard error is that of the mean of ln p(x, y) / p(x) p(y), which is
        too small where X and Y are independent: there the estimate's spread is of second order.

    Raises:
        TypeError: If x or y does not hold integers.
        ValueError: If one is empty or not 1-D, their lengths differ, or the estimator is unknown.

    Example:
        >>> float(mutual_info_discrete([0, 1, 0, 1], [1, 0, 1, 0], estimator="plugin")).__round__(6)
        0.693147
    """
    check_estimator(estimator)
    code_x, count_x = _as_codes(x, "x")
    code_y, count_y = _as_codes(y, "y")
    n = code_x.size
    if code_y.size != n:
        raise ValueError(f"x has {n} samples but y has {code_y.size}: they must be pairs")
    # codes are below N each, so the product fits int64 for any N below 3e9
    _, joint, count_xy = np.unique(
        code_x * count_y.size + code_y, return_inverse=True, return_counts=True
    )
    h_x, h_y, h_xy = (
        entropy_from_counts(c, estimator=estimator) for c in (count_x, count_y, count_xy)
    )
    pointwise = np.log(count_xy[joint] * (n / count_x[code_x] / count_y[code_y]))
    return MutualInformation(
        value=h_x + h_y - h_xy,
        standard_error=float(pointwise.std() / np.sqrt(n)),
        n=n,
        estimator=estimator,
        entropy_labels=entropy_from_counts(count_y, estimator="plugin"),
        upper_bound=min(entropy_from_counts(c, estimator="plugin") for c in (count_x, count_y)),
    )
