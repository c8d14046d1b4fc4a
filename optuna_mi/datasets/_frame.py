"""A data set of a long table: a row per step of a series."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from optuna_mi._checks import check_keywords, instance, listed, one_of
from optuna_mi._logging import get_logger
from optuna_mi.datasets._arrays import from_arrays
from optuna_mi.datasets._base import Dataset
from optuna_mi.datasets._known_steps import filled
from optuna_mi.datasets._numbers import as_numbers
from optuna_mi.decay.measure.reading._panel import Panel, as_pandas, read_panel

_logger = get_logger(__name__)

# texts that are numbers may be symbols if they are so few
_MOST_SYMBOLS = 20


def from_frame(
    frame: Any,
    *,
    id_col: str | None = "unique_id",
    time_col: str = "ds",
    target_col: str = "y",
    features: Sequence[str] = (),
    label_col: str | None = None,
    freq: str | int | None = None,
    fill: Literal["previous"] | None = None,
    **options: Any,
) -> Dataset:
    """Make a data set of a panel: a long table with a row for every step of every series.

    Without labels the task is the next value, or symbol, of ``target_col``, read together with the
    features; with labels it is the label, or the number, of each series. Rows come in any order.

    Args:
        frame: A pandas DataFrame, or one with a ``to_pandas`` such as polars'.
        id_col: Column of the series' names; None for one series.
        time_col: Column of times: dates, periods, numbers or text.
        target_col: Column of the values.
        features: Numeric columns that are read beside it.
        label_col: Column of labels or of numbers, one and the same in all rows of a series.
        freq: The step between times, as for :func:`~optuna_mi.decay_curve`.
        fill: What stands for steps without a row or a value, which are refused by default:
            "previous", the last row before. The network reads it; in a forecast such steps are
            neither predicted, nor scored, nor measured in the decay curve.
        **options: Keywords of :func:`from_arrays`: ``horizon``, ``window``, ``metric``, …

    Raises:
        TypeError: It is no table, or a feature is not numeric.
        ValueError: A column is missing, or steps of a series are; a series has two labels; and as
            :func:`from_arrays`.

    Example:
        >>> frame = pd.DataFrame({"ds": pd.date_range("2000", periods=200, freq="MS")})
        >>> frame["y"] = np.sin(np.arange(200) / 2)
        >>> dataset = from_frame(frame, id_col=None, horizon=2)
        >>> dataset.metric, dataset.train.targets.shape[2]
        ('MASE', 2)
    """
    frame = as_pandas(frame)
    if not isinstance(frame, pd.DataFrame):
        lazy = hasattr(frame, "collect")
        remedy = "frame.collect() makes one" if lazy else "arrays are for from_arrays"
        raise TypeError(
            f"the frame must be a pandas or polars DataFrame, got {type(frame).__name__}; {remedy}"
        )
    check_keywords("options", options, from_arrays)
    one_of("fill", fill, ("previous", None))
    features = listed("features", features, "names of columns")
    for name, column in (("time_col", time_col), ("target_col", target_col)):
        instance(name, column, Hashable, "the name of a column")
        if column is None:
            raise TypeError(f"{name} must be the name of a column, got None")
    if id_col is not None:
        instance("id_col", id_col, Hashable, "the name of a column, or None for one series")
    named = [c for c in (id_col, time_col, target_col, *features, label_col) if c is not None]
    missing = [c for c in named if c not in frame.columns]
    if missing and set(missing) <= set(frame.index.names):
        frame, missing = frame.reset_index(level=missing), []
    if missing:
        raise ValueError(
            f"the frame lacks the columns {missing}; it has {list(frame.columns)}. Name yours with "
            "id_col= (None for one series), time_col= and target_col="
        )
    _check_no_text(frame[target_col])
    if "target" in options:
        raise ValueError("target= counts columns of arrays: here target_col= names it")
    if "known" in options:
        raise ValueError("known= is for arrays: here a missing row or value is found, see fill=")
    for column in features:
        if not pd.api.types.is_numeric_dtype(frame[column].dtype):
            raise TypeError(
                f"the feature {column!r} must be numeric, got dtype {frame[column].dtype}: "
                "pandas.get_dummies makes columns of 0 and 1"
            )
    panel = read_panel(
        pd.DataFrame(
            {
                "unique_id": "series" if id_col is None else frame[id_col],
                "ds": frame[time_col],
                "y": frame[target_col],
                **{f"x{i}": frame[column] for i, column in enumerate(features)},
                **({} if label_col is None else {"label": frame[label_col]}),
            }
        ),
        freq,
    )
    if panel.n_missing and fill is not None:
        panel, options["known"] = _filled(panel)
        if label_col is not None:
            del options["known"]
    _check_gaps(panel)
    columns = ["y", *(f"x{i}" for i in range(len(features)))]
    parts = _parts(panel, columns)
    if label_col is not None:
        return from_arrays(parts, _labels(panel, label_col), **options)
    return from_arrays(parts, **(options | {"target": 0} if features else options))


def _check_no_text(values: pd.Series[Any]) -> None:
    """Refuse numbers written as text, which would be taken for symbols."""
    present = values.dropna()
    if pd.api.types.is_numeric_dtype(values.dtype) or present.nunique() <= _MOST_SYMBOLS:
        return
    if pd.api.types.is_numeric_dtype(as_numbers(present).dtype):
        raise TypeError(
            f"the column {values.name!r} holds numbers as text (such as {present.iloc[0]!r}): "
            "convert it, as with frame[column].str.replace(',', '.').astype(float); or read the "
            "file with pandas.read_csv(..., decimal=',')"
        )


def _filled(panel: Panel) -> tuple[Panel, list[Any]]:
    if not pd.api.types.is_numeric_dtype(panel.rows["y"].dtype):
        raise ValueError(
            "fill='previous' is for numbers, and the target column holds symbols: give a missing "
            "one a name of its own, as with frame[column].fillna('missing')"
        )
    whole, there = filled(panel)
    _logger.warning(
        f"{panel.n_missing:,} of {len(there):,} steps have no value: the network reads the last "
        "one before, and is neither trained nor scored there"
    )
    return whole, np.split(there, whole.offsets[1:-1])


def _check_gaps(panel: Panel) -> None:
    if panel.n_missing:
        raise ValueError(
            f"{panel.n_missing:,} steps of {panel.n_with_gaps:,} of {panel.offsets.size - 1:,} "
            "series have no value, and a network would take the rows beside them for neighbours: "
            "say fill='previous' (--fill previous), by which it reads the last value there and is "
            "not scored; or fill them yourself with nothing from later rows, as with "
            "frame.set_index(time).groupby(id)[value].resample('D').mean().ffill(); or say freq= "
            "if the step is another"
        )


def _parts(panel: Panel, columns: list[str]) -> list[Any]:
    rows = panel.rows[columns]
    tokens = not pd.api.types.is_numeric_dtype(rows["y"].dtype)
    if tokens and len(columns) > 1:
        raise ValueError(
            "features go with numeric values, and the target column holds symbols: leave the "
            "features out, or number the symbols"
        )
    values = rows["y"].to_numpy() if len(columns) == 1 else rows.to_numpy(dtype=np.float64)
    return np.split(values, panel.offsets[1:-1])


def _labels(panel: Panel, label_col: str) -> list[Any]:
    groups = panel.rows.groupby("unique_id", sort=True, observed=True)["label"]
    several = groups.nunique(dropna=False)
    if (several > 1).any():
        name = several.index[several > 1][0]
        raise ValueError(
            f"the series {name} has {several[name]} different labels in {label_col!r}: give one "
            "label per series, or predict the column as target_col="
        )
    return list(groups.first())
