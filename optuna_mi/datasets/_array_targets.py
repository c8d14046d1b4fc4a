"""What a user hands over as labels or targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set, Sized
from typing import Any

import numpy as np
import pandas as pd

from optuna_mi._checks import as_array, instance
from optuna_mi._tensors import readable
from optuna_mi.decay.measure.reading._panel import as_pandas


def read_targets(y: Any) -> Any:
    """Return labels or targets that numpy and pandas can read, a single column as one.

    Raises:
        TypeError: They have no order, or are complex.
        ValueError: Some are masked.
    """
    y = as_pandas(readable(y))
    if hasattr(y, "numpy") and hasattr(y, "detach"):
        y = y.numpy()  # a tensor, whose entries would be tensors again
    if isinstance(y, Mapping | Set):
        raise TypeError(
            f"y must be an array or a list in the order of the sequences, got {type(y).__name__}: "
            "such as [labels[name] for name in names]"
        )
    instance("y", y, Sized, "an array or a list, one target per sequence")
    if isinstance(y, np.ma.MaskedArray):
        as_array("y", y)  # refuses masked values
    if getattr(getattr(y, "dtype", None), "kind", "") == "c":
        raise TypeError("y must hold classes or real numbers, got complex ones")
    if isinstance(y, Sequence) and not isinstance(y, str | bytes):
        # a Dataset of torch gives a tensor for each
        return [v.item() if np.ndim(v) == 0 and hasattr(v, "item") else readable(v) for v in y]
    if isinstance(y, pd.DataFrame) and y.shape[1] == 1:
        return y.iloc[:, 0]
    return y[:, 0] if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1 else y
