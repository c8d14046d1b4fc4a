"""Quantities cut into levels, which are counted as symbols."""

from __future__ import annotations

import numpy as np

from optuna_mi.context._data import Data


def in_levels(data: Data, n_levels: int) -> Data:
    """Return quantities as levels: integers cut at equal widths, reals at quantiles."""
    if data.is_real:
        if data.values.shape[1] > 1:
            raise ValueError(
                f"n_levels is for one feature, got {data.values.shape[1]}; pass one of them"
            )
        column = data.values[:, 0]
        edges = np.unique(np.quantile(column, np.arange(1, n_levels) / n_levels))
        codes = np.searchsorted(edges, column, side="right")
    else:
        low, high = int(data.values.min()), int(data.values.max())
        width = high - low + 1
        codes = (data.values.astype(np.int64) - low) * min(n_levels, width) // width
    kinds, codes = np.unique(codes, return_inverse=True)
    if kinds.size < 2:
        raise ValueError(f"n_levels={n_levels} leaves one level only; take more levels")
    return Data(
        codes.astype(np.uint8 if kinds.size <= 256 else np.uint32),
        data.offsets,
        int(kinds.size),
        data.is_panel,
        data.names,
        (*data.notes, f"values cut into {kinds.size} levels"),
    )
