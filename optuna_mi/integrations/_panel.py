"""From a panel of real-valued series to sequences of symbols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

Transform = Literal["detrend", "difference", "none"]

_FEWEST_BINS, _MOST_BINS = 4, 16
# A joint table of k * k cells holds about so many pairs a cell.
_PAIRS_PER_CELL = 10


def series_of(
    panel: pd.DataFrame, *, id_col: str, time_col: str, target_col: str
) -> list[npt.NDArray[np.float64]]:
    """Return the series of a long panel, each in the order of time, float64.

    Raises:
        TypeError: If the panel is no pandas DataFrame or the target is not numeric.
        ValueError: If columns or values are missing, or a series has a time twice.
    """
    if not isinstance(panel, pd.DataFrame):
        raise TypeError(
            f"the panel must be a pandas DataFrame, got {type(panel).__name__}; convert it with "
            "its to_pandas()"
        )
    missing = [c for c in (id_col, time_col, target_col) if c not in panel.columns]
    if missing:
        raise ValueError(
            f"the panel lacks the columns {missing}; it has {list(panel.columns)}. Name yours with "
            "id_col=, time_col= and target_col="
        )
    if not pd.api.types.is_numeric_dtype(panel[target_col].dtype):
        raise TypeError(f"{target_col!r} must be numeric, got dtype {panel[target_col].dtype}")
    holes = int(panel[target_col].isna().sum())
    if holes:
        raise ValueError(
            f"{holes} of {len(panel)} values of {target_col!r} are missing; fill them first, as "
            "for training: panel.groupby(id)[target].transform(lambda y: y.interpolate())"
        )
    twice = int(panel.duplicated([id_col, time_col]).sum())
    if twice:
        raise ValueError(f"{twice} rows repeat a pair of {id_col!r} and {time_col!r}; drop them")
    if panel.empty:
        raise ValueError("the panel is empty")
    ordered = panel.sort_values([id_col, time_col])
    groups = ordered.groupby(id_col, sort=False, observed=True)[target_col]
    return [np.asarray(y, dtype=np.float64) for _, y in groups]


def _detrend(y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    t = np.linspace(-1.0, 1.0, y.size)
    slope = float(t @ y) / float(t @ t)
    out: npt.NDArray[np.float64] = y - y.mean() - slope * t
    return out


_TRANSFORMS: dict[str, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]] = {
    "detrend": _detrend,
    "difference": np.diff,
    "none": np.asarray,
}


def _varies(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> bool:
    # A straight line leaves rounding errors behind, which are no series.
    return bool(np.ptp(x) > 1e-9 * np.abs(y).max())


def to_symbols(
    series: list[npt.NDArray[np.float64]], *, transform: Transform, n_bins: int | None
) -> list[npt.NDArray[np.int64]]:
    """Cut every series into quantile bins of its own, after taking out the trend.

    Forecasting networks see windows that are scaled one by one, so neither a series' level nor its
    unit is kept here either.

    Args:
        series: Real values.
        transform: A trend makes all distances look dependent. ``"detrend"`` takes out a straight
            line; ``"difference"`` keeps the changes from step to step only, for series that
            wander, but drowns a slow season in noise; ``"none"`` keeps the values.
        n_bins: Bins of a series; by default so many that each cell of the joint table gets ten
            pairs of all series together, within 4 … 16.

    Returns:
        Symbols 0 … n_bins - 1; constant series are left out.

    Raises:
        ValueError: If a setting is unknown, or nothing is left.
    """
    if transform not in get_args(Transform):
        raise ValueError(f"transform must be one of {get_args(Transform)}, got {transform!r}")
    if n_bins is not None and not 2 <= n_bins <= 64:
        raise ValueError(f"n_bins must be in 2..64, got {n_bins}")
    kept = [x for y in series if y.size > 2 for x in [_TRANSFORMS[transform](y)] if _varies(x, y)]
    if not kept:
        raise ValueError(
            f"all {len(series)} series are constant after transform={transform!r}: there is "
            "nothing to forecast"
        )
    if n_bins is None:
        wanted = int(np.sqrt(sum(y.size for y in kept) / _PAIRS_PER_CELL))
        n_bins = min(max(wanted, _FEWEST_BINS), _MOST_BINS)
    shares = np.linspace(0.0, 1.0, n_bins + 1)[1:-1]
    # Equal values share a bin, so series with many zeros simply use fewer of them.
    return [np.searchsorted(np.quantile(y, shares), y, side="right") for y in kept]
