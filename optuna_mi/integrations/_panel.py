"""The part of a user's panel that a design may look at."""

from __future__ import annotations

import numpy as np
import pandas as pd

from optuna_mi._checks import instance
from optuna_mi.decay.measure.reading._panel import as_pandas, read_panel


def training_part(
    panel: pd.DataFrame, *, holdout: int, id_col: str, time_col: str, target_col: str
) -> pd.DataFrame:
    """Return the panel without the last steps of every series and without constant series.

    Returns:
        Columns ``unique_id``, ``ds`` (text is parsed) and ``y`` (float64), in the order of series
        and time.

    Raises:
        TypeError: If the panel is no DataFrame or the target is not numeric.
        ValueError: If columns, values, series or times are missing, a series has a time twice, a
            time cannot be read, or nothing is left.
    """
    panel = as_pandas(panel)
    if not isinstance(panel, pd.DataFrame):
        raise TypeError(
            f"the panel must be a pandas DataFrame, got {type(panel).__name__}; convert it with "
            "its to_pandas()"
        )
    for name, column in (("id_col", id_col), ("time_col", time_col), ("target_col", target_col)):
        instance(name, column, str, "the name of a column (str)")
    missing = [c for c in (id_col, time_col, target_col) if c not in panel.columns]
    if missing:
        raise ValueError(
            f"the panel lacks the columns {missing}; it has {list(panel.columns)}. Name yours with "
            "id_col=, time_col= and target_col="
        )
    if panel.empty:
        raise ValueError("the panel is empty: give rows")
    dtype = panel[target_col].dtype
    if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_complex_dtype(dtype):
        raise TypeError(f"{target_col!r} must be numeric, got dtype {dtype}")
    holes = int(panel[target_col].isna().sum())
    if holes:
        raise ValueError(
            f"{holes} of {len(panel)} values of {target_col!r} are missing; fill them first, as "
            "for training: panel.groupby(id)[target].ffill()"
        )
    if not np.isfinite(panel[target_col].to_numpy(dtype=np.float64)).all():
        raise ValueError(f"{target_col!r} holds infinite values; drop or replace them first")
    named = panel[[id_col, time_col, target_col]].set_axis(["unique_id", "ds", "y"], axis=1)
    ordered = read_panel(named).rows.astype({"y": np.float64})
    groups = ordered.groupby("unique_id", sort=False, observed=True)
    kept = ordered[groups.cumcount(ascending=False) >= holdout]
    if kept.empty:
        raise ValueError(
            f"no series is longer than the {holdout} steps held out: lower holdout, which is h "
            "where it is not given"
        )
    values = kept.groupby("unique_id", sort=False, observed=True)["y"]
    # A constant says nothing about time, but raises the MI of the others at every distance.
    varying = kept[values.transform("max") > values.transform("min")]
    if varying.empty:
        raise ValueError("all series are constant: there is nothing to forecast, leave them out")
    return varying
