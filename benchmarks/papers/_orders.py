"""Is a claimed order seen? Paired differences over seeds, and what they allow to say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmarks._output import interval

MIN_SEEDS = 3


def paired(
    frame: pd.DataFrame, higher: Mapping[str, object], lower: Mapping[str, object]
) -> pd.Series:
    """Return value(higher) - value(lower) for every seed that has both, indexed by seed.

    Args:
        frame: A row a cell, with ``seed`` and ``value``.
        higher: Column to value: which cells the difference is taken of.
        lower: Which cells are subtracted.

    Example:
        >>> frame = pd.DataFrame({"model": [1, 1, 2], "seed": [0, 1, 1], "value": [3.0, 5.0, 2.0]})
        >>> paired(frame, {"model": 1}, {"model": 2}).to_dict()
        {1: 3.0}
    """
    sides = []
    for which in (higher, lower):
        rows = frame
        for column, value in which.items():
            rows = rows[rows[column] == value]
        sides.append(rows.set_index("seed")["value"])
    return (sides[0] - sides[1]).dropna()


def verdict(differences: pd.Series) -> str:
    """Say whether the differences are above 0, as claimed.

    Example:
        >>> verdict(pd.Series([1.0, 1.1, 0.9]))
        'holds'
        >>> verdict(pd.Series([1.0, -0.5, 0.9]))
        'means as claimed, not settled'
        >>> verdict(pd.Series([-1.0, 0.5, -0.9]))
        'means the other way, not settled'
        >>> verdict(pd.Series([-1.0, -1.1, -0.9]))
        'the opposite holds'
        >>> verdict(pd.Series([1.0]))
        'fewer than 3 seeds'
    """
    if len(differences) < MIN_SEEDS:
        return f"fewer than {MIN_SEEDS} seeds"
    mean, half = interval(differences)
    if mean > half:
        return "holds"
    if mean < -half:
        return "the opposite holds"
    return f"means {'as claimed' if mean > 0 else 'the other way'}, not settled"


def rank_correlations(table: pd.DataFrame, claimed: pd.Series) -> pd.Series:
    """Return Spearman's correlation of every row of ``table`` with ``claimed``.

    Args:
        table: A row a seed, a column a setting; rows with a gap are left out. A row of equal
            values has no order: its correlation is 0.
        claimed: The paper's figure by setting.

    Example:
        >>> table = pd.DataFrame({4: [1.0, 3.0], 5: [2.0, 2.0], 6: [3.0, 1.0]})
        >>> rank_correlations(table, pd.Series({4: 10.0, 5: 11.0, 6: 12.0})).tolist()
        [1.0, -1.0]
    """
    ranks = table.dropna().rank(axis=1)
    order = claimed[ranks.columns].rank()
    ranks, order = ranks.sub(ranks.mean(axis=1), axis=0), order - order.mean()
    norm = np.sqrt((ranks**2).sum(axis=1) * (order**2).sum())
    return (ranks @ order / norm.where(norm > 0, 1.0)).rename(None)
