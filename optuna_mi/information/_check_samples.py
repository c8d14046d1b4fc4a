"""Checks at the door of the estimators."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import as_array, no_padding, one_of, whole

METRICS = ("chebyshev", "euclidean")


def as_samples(values: Any, name: str) -> npt.NDArray[np.float64]:
    """Return finite real samples as a C-contiguous float64 array of shape (N, D).

    Args:
        values: Array-like of shape (N,) or (N, ...); trailing axes are flattened.
        name: What to call it in messages.

    Raises:
        TypeError: If the values are not real numbers.
        ValueError: If the array is empty, without features, or holds NaN, infinity or masked
            values.
    """
    array = as_array(name, values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.ndim == 0 or array.shape[0] == 0:
        raise ValueError(f"{name} must have shape (N,) or (N, ...), got shape {array.shape}")
    samples = np.ascontiguousarray(array.reshape(array.shape[0], -1), dtype=np.float64)
    if samples.shape[1] == 0:
        raise ValueError(f"{name} has no features: shape {array.shape}")
    # numba's fastmath kernels would turn NaN into a plausible number
    finite = np.isfinite(samples)
    if not finite.all():
        bad = int(samples.shape[0] - finite.all(axis=1).sum())
        raise ValueError(
            f"{name} holds NaN or infinity in {bad} of {samples.shape[0]} samples; "
            "remove them (diverged training makes such activations)"
        )
    return samples


def as_labels(labels: Any, n: int) -> npt.NDArray[Any]:
    """Return class labels as an array of shape (n,).

    Args:
        labels: Integers, booleans or strings, shape (n,).
        n: The number of samples they must match.

    Raises:
        TypeError: If the labels are floats or other objects.
        ValueError: If the shape is wrong, or labels are missing or padding.
    """
    array = as_array("labels", labels)
    if array.dtype.kind == "O" and array.size:
        array = _texts(array)
    if array.dtype.kind == "f":
        raise TypeError(
            f"labels must be classes (integers, booleans or strings), got dtype {array.dtype}; "
            "convert them with labels.astype(int), or use mutual_info_ksg for a real-valued outcome"
        )
    if array.dtype.kind not in "biuUS":
        raise TypeError(
            f"labels must be integers, booleans or strings, got dtype {array.dtype}; "
            "encode them as integers (e.g. numpy.unique(..., return_inverse=True))"
        )
    if array.ndim != 1:
        raise ValueError(
            f"labels must be 1-D, got shape {array.shape}; use argmax(axis=1) on one-hot labels"
        )
    if array.shape[0] != n:
        raise ValueError(f"x has {n} samples but labels has {array.shape[0]}: they must be pairs")
    no_padding("labels", array)
    return array


def _texts(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an object array of str, such as a pandas column of text, as one of numpy's str."""
    import pandas as pd

    missing = int(np.count_nonzero(pd.isna(labels)))
    if missing:
        raise ValueError(
            f"{missing} of {labels.size} labels are missing; leave those samples out, in x too"
        )
    return labels.astype(str) if all(isinstance(label, str) for label in labels.flat) else labels


def check_neighbours(k: int, n: int) -> int:
    """Return ``k`` as int.

    Raises:
        TypeError: If ``k`` is no integer.
        ValueError: If ``k`` < 1 or there are not more than ``k`` samples.
    """
    k = whole("k", k, 1)
    if n <= k:
        raise ValueError(f"k = {k} neighbours need more than {k} samples, got {n} in x")
    return k


def check_metric(metric: str) -> Literal[True] | None:
    """Return the metric as the kernels want it: True for Euclidean, None for Chebyshev.

    Raises:
        ValueError: If the metric is unknown.
    """
    one_of("metric", metric, METRICS)
    return True if metric == "euclidean" else None
