"""What tables carry besides data: records within records, empty columns, a row of units."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from optuna_mi.datasets._numbers import as_numbers
from optuna_mi.datasets._times import is_time

_DEEPEST = 8
# as programs write "no value" where a number is wanted
_CODES = (-1e30, -99999, -9999, -999.9, -999, -99.9, -99, 99, 999, 999.9, 9999, 99999, 1e20, 1e30)


def tidy(name: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str], tuple[str, ...]]:
    """Return a table of plain columns; what is said of columns left out; and notes.

    Args:
        name: The file's name, for messages.
        frame: The table; its columns are str.

    Raises:
        ValueError: Records are nested without end.
    """
    frame = _flat(name, frame)
    if isinstance(frame.index, pd.DatetimeIndex | pd.PeriodIndex | pd.MultiIndex):
        frame = frame.reset_index().rename(columns=str)
    empty = [c for c in frame.columns if frame[c].isna().all() and len(frame)]
    if len(empty) < frame.shape[1]:
        unnamed = [c for c in empty if not c.strip() or c.startswith("Unnamed: ")]
        left_out = [f"column {c} is empty" for c in empty if c not in unnamed]
        others = [c for c in frame.columns if c not in empty]
        # of two columns one may be the values, and these be missing
        if len([c for c in others if not is_time(frame[c])]) == 0:
            left_out, empty = [], unnamed
        frame = frame.drop(columns=empty)
    else:
        left_out = []
    decimals = [c for c in frame.columns if isinstance(_first(frame[c]), Decimal)]
    frame = frame.assign(**{c: frame[c].astype(np.float64) for c in decimals})
    frame, notes = _without_units(frame)
    texts = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c].dtype)]
    return frame.assign(**{c: as_numbers(frame[c]) for c in texts}), left_out, notes


def _flat(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return records within a column as columns, named as in ``outer.inner``."""
    for _ in range(_DEEPEST):
        nested = [c for c in frame.columns if _is_record(frame[c])]
        if not nested:
            return frame
        for column in nested:
            records = [v if isinstance(v, dict) else {} for v in frame[column]]
            inner = pd.DataFrame.from_records(records, index=frame.index).add_prefix(f"{column}.")
            frame = pd.concat([frame.drop(columns=column), inner], axis=1)
    raise ValueError(f"{name} nests records more than {_DEEPEST} deep: write plain columns")


def _is_record(values: pd.Series[Any]) -> bool:
    return isinstance(_first(values), dict)


def _first(values: pd.Series[Any]) -> Any:
    """Return the first Python object of a column that is not missing, if any."""
    present = values.dropna() if values.dtype == object else values[:0]
    return present.iloc[0] if len(present) else None


def _without_units(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the table without a first row that is text where all others are numbers."""
    if len(frame) < 3:
        return frame, ()
    texts = [c for c in frame.columns if frame[c].dtype == object or frame[c].dtype == "str"]
    rest = {c: pd.to_numeric(frame[c].iloc[1:], errors="coerce") for c in texts}
    first = {c: pd.to_numeric(frame[c].iloc[:1], errors="coerce").isna().all() for c in texts}
    units = [c for c in texts if first[c] and isinstance(frame[c].iloc[0], str)]
    units = [
        c for c in units if rest[c].notna().any() and (rest[c].notna() | frame[c][1:].isna()).all()
    ]
    if not units:
        return frame, ()
    shown = ", ".join(str(frame[c].iloc[0]) for c in units)
    frame = frame.iloc[1:].reset_index(drop=True)
    frame = frame.assign(**{c: rest[c].reset_index(drop=True) for c in units})
    return frame, (f"the first row under the header ({shown}) looks like units: left out",)


def coded_as_missing(column: str, values: pd.Series[Any]) -> tuple[str, ...]:
    """Say where a number far from all others, such as -999, may stand for a missing value."""
    if not pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        return ()
    numbers = values.dropna().to_numpy(dtype=np.float64)
    for code in _CODES:
        found = numbers == code
        if not 1 < found.sum() < 0.5 * len(numbers):
            continue
        rest = numbers[~found]
        if np.abs(rest - code).min() > 2 * np.ptp(rest):
            return (
                f"column {column} is {code:g} in {int(found.sum()):,} rows, far from all others: "
                "if that stands for a missing value, remove it, or it is measured as data",
            )
    return ()
