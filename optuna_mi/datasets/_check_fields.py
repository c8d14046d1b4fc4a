"""Checks of what a data set is made of, so that no trial starts on what cannot be trained."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

import numpy as np

from optuna_mi._checks import as_array, instance, listed, shown, whole


def check_array(name: str, value: Any, dtype: type[np.generic], shapes: str, *ndims: int) -> None:
    """Refuse what is no array of the dtype with so many axes, empty, or not finite.

    Args:
        name: The field's name.
        value: The field.
        dtype: The one that torch trains with.
        shapes: The shapes in words.
        *ndims: Numbers of axes that are possible.

    Raises:
        TypeError: If it is no numpy array, or one of another dtype.
        ValueError: If it has another shape, is empty, or holds masked values, NaN or infinity.
    """
    remedy = f"numpy.asarray(..., dtype=numpy.{dtype.__name__}) makes one"
    instance(name, value, np.ndarray, f"a numpy array {shapes}", remedy)
    as_array(name, value)  # refuses masked values
    if value.dtype != dtype:
        raise TypeError(
            f"{name} must be an array of {dtype.__name__}, got {value.dtype}; use "
            f"{name}.astype(numpy.{dtype.__name__})"
        )
    if value.ndim not in ndims or value.size == 0:
        raise ValueError(f"{name} must have the shape {shapes}, not empty, got {value.shape}")
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        raise ValueError(f"{name} must hold finite numbers, and holds NaN or infinity")


def check_codes(name: str, codes: Any, n: int) -> None:
    """Refuse codes outside 0..n-1, which numpy and torch would take from the end, or die of.

    Raises:
        ValueError: If there are any.
    """
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= n:
        raise ValueError(
            f"{name} must lie in 0..{n - 1}, got {low} to {high}; number them with "
            "numpy.unique(..., return_inverse=True)"
        )


def check_inputs(inputs: Any, n: int, lengths: Any) -> None:
    """Refuse inputs that are no sequences, or not one for each target, and lengths beyond them.

    Raises:
        TypeError: If an array has another dtype.
        ValueError: If shapes do not match.
    """
    shapes = "(sequences, steps, features), or of symbols (sequences, steps)"
    is_symbols = isinstance(inputs, np.ndarray) and inputs.ndim == 2 and inputs.dtype.kind == "i"
    check_array("inputs", inputs, np.int64 if is_symbols else np.float32, shapes, 3 - is_symbols)
    if len(inputs) != n:
        raise ValueError(f"inputs has {len(inputs)} sequences but targets {n}: give one for each")
    if lengths is None:
        return
    check_array("lengths", lengths, np.int64, "(sequences,)", 1)
    if lengths.shape != (n,) or lengths.min() < 1 or lengths.max() > inputs.shape[1]:
        raise ValueError(
            f"lengths must hold {n} numbers from 1 to the {inputs.shape[1]} steps of inputs, got "
            f"{shown(lengths)}"
        )


def check_splits(
    splits: dict[str, Any], kind: type[Any], sequences: Any, n_symbols: int | None
) -> None:
    """Refuse splits of another class, or that do not go together, and no sequences.

    Raises:
        TypeError: If a split has another class.
        ValueError: If features or symbols differ, or there are no sequences.
    """
    for name, split in splits.items():
        instance(name, split, kind, f"a {kind.__name__}")
    features = splits["train"].inputs.shape[2:]
    for name, split in splits.items():
        if split.inputs.shape[2:] != features:
            raise ValueError(
                f"{name} must have inputs like train's, with features {features}, got "
                f"{split.inputs.shape[2:]}"
            )
        if not features:
            if n_symbols is None:
                raise ValueError("n_symbols must be given where the inputs are symbols")
            check_codes(f"{name}.inputs", split.inputs, whole("n_symbols", n_symbols, 1))
    check_sequences(sequences)


def check_sequences(sequences: Any) -> None:
    """Refuse what the decay curve could not be computed on.

    Raises:
        TypeError: If it is no array, list or frame.
        ValueError: If it is empty.
    """
    wanted = "an array or a list of arrays, the training split's own"
    instance("sequences", sequences, Sized, wanted)
    if len(sequences) == 0:
        raise ValueError("sequences is empty: give the training split's own")


def check_names(vocabulary: Any) -> tuple[str, ...]:
    """Return the names of symbols as a tuple.

    Raises:
        TypeError: If one is no str.
        ValueError: If there are fewer than two.
    """
    names = listed("vocabulary", vocabulary, "names (str), one per symbol")
    for i, name in enumerate(names):
        instance(f"vocabulary[{i}]", name, str, "a str")
    if len(names) < 2:
        raise ValueError(f"vocabulary must name at least two symbols, got {names!r}")
    return names
