"""Which column of a table is measured."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd

from optuna_mi.datasets._reading import FileContents, Reading, count_of

# parts of a date in columns of their own
_CALENDAR = {"year", "month", "day", "hour", "minute", "second", "weekday", "dayofweek", "quarter"}
_TIMES = _CALENDAR | {"time", "timestamp", "date", "datetime", "ds", "index", "t", "step", ""}
# a text in most rows that is another in most of them is a document, not a symbol
_LONG = 20
_FEW_SHOWN = 8


def from_columns(name: str, frame: pd.DataFrame, reading: Reading) -> FileContents:
    """Return the series of a table whose columns are series.

    Args:
        name: The file's name, for messages.
        frame: The table.
        reading: What the user said of it.

    Raises:
        ValueError: The column is not there, holds what cannot be measured, or must be chosen.
    """
    frame = frame.rename(columns=str)
    time = find_column(name, frame, reading.time_column)
    group = find_column(name, frame, reading.id_column)
    label = find_column(name, frame, reading.label_column)
    column = find_column(name, frame, reading.column)
    if {"unique_id", "ds", "y"} <= set(frame.columns) and column in (None, "y"):
        time, group, column = time or "ds", group or "unique_id", "y"
    names = list(map(str, frame.columns))
    given = {c for c in (time, group, label) if c is not None}
    if column in given:
        raise ValueError(f"column {column} of {name} cannot be measured and be time, id or label")
    times = [time] if time else [c for c in names if c != column and _is_time(frame[c])]
    rest = [c for c in names if c not in given and c not in times]
    left_out = [f"column {c} {_looks_like(frame[c])}" for c in times if c != time]
    if column is None:
        column, more = _only_column(name, frame, rest)
        left_out += more
    order = time or _order(frame, times)
    if order is not None and order != column:
        frame = _sorted(name, frame, order, group)
    frame = frame.assign(**{column: _without_thousands(frame[column])})
    what = f"{count_of(len(frame), 'row')}; column {column}"
    aside = ", ".join(left_out)
    if group is not None:
        panel = pd.DataFrame({"unique_id": frame[group], "y": frame[column]})
        nameless = int(panel["unique_id"].isna().sum())
        if nameless:
            raise ValueError(
                f"column {group} of {name} names no series in {nameless} rows: fill or drop them"
            )
        panel["ds"] = panel.groupby("unique_id", observed=True).cumcount()
        if order is not None and not frame.duplicated([group, order]).any():
            panel["ds"] = frame[order]
        if label is not None:
            panel["label"] = frame[label]
        n = int(panel["unique_id"].nunique())
        return FileContents(
            panel, f"{what} as {count_of(n, 'series', 'series')}, one a {group}", aside=aside
        )
    values = frame[column].reset_index(drop=True)
    if order is not None and pd.api.types.is_numeric_dtype(values.dtype):
        panel = pd.DataFrame({"unique_id": column, "ds": frame[order], "y": frame[column]})
        from optuna_mi.decay.measure._panel import read_panel  # errors above need no numba

        if read_panel(panel).n_missing:  # pairs are then taken by time
            return FileContents(panel, f"{what} as one series", aside=aside)
    if _are_lists(values):
        sequences = [np.asarray(v) for v in values]
        return FileContents(
            sequences, f"{what} as {count_of(len(sequences), 'sequence')}", aside=aside
        )
    if _are_documents(values):
        return _documents(values, what, reading, aside)
    return FileContents(values, f"{what} as one series", aside=aside)


def find_column(name: str, frame: pd.DataFrame, wanted: str | None) -> str | None:
    """Return the column of that name or number.

    Raises:
        ValueError: There is none.
    """
    if wanted is None or wanted in frame:
        return wanted
    if wanted.isdigit() and int(wanted) < frame.shape[1]:
        return str(frame.columns[int(wanted)])
    raise ValueError(f"{name} has no column {wanted!r}; it has {_shown(list(frame.columns))}")


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - _FEW_SHOWN:,} more" if len(names) > _FEW_SHOWN else ""
    return ", ".join(names[:_FEW_SHOWN]) + more


def _only_column(name: str, frame: pd.DataFrame, rest: list[str]) -> tuple[str, list[str]]:
    """Return the one column that can be meant, and what is said of the others."""
    numeric = [c for c in rest if pd.api.types.is_numeric_dtype(frame[c])]
    texts = [c for c in rest if c not in numeric]
    if len(numeric) == 1:
        return numeric[0], [
            f"column {c} is text of {frame[c].nunique():,} values; --id-column {c} makes a series "
            "of each"
            for c in texts
        ]
    if not numeric and len(texts) == 1:
        return texts[0], []
    if not rest:
        raise ValueError(
            f"every column of {name} looks like time ({_shown(list(frame.columns))}): choose one "
            "by --column NAME"
        )
    raise ValueError(
        f"{name} has {len(frame):,} rows and several columns ({_shown(numeric or texts)}): choose "
        "one by --column NAME, and a column that names the series by --id-column NAME; if each row "
        "is a sequence, say --rows"
    )


def _is_time(values: pd.Series[Any]) -> bool:
    """Return whether a column says when, by its type, its name, or its even steps."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return True
    named = re.sub(r"[\W_]|unnamed.*", "", str(values.name).lower()) in _TIMES
    if pd.api.types.is_bool_dtype(values.dtype) or len(values) < 3:
        return False
    if pd.api.types.is_numeric_dtype(values.dtype):
        steps = np.diff(values.to_numpy(dtype=np.float64))
        even = bool(steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=0))
        if str(values.name).lower() in _CALENDAR:
            return True
        return even or (named and bool((steps >= 0).all()))
    return _parsed(values.head(50)) is not None


def _looks_like(values: pd.Series[Any]) -> str:
    """Return what a column that orders the rows was taken for."""
    counts = pd.api.types.is_numeric_dtype(values.dtype) and bool((values.diff()[1:] == 1).all())
    named = str(values.name).lower() in _TIMES
    return "numbers the rows" if counts and not named else "looks like time"


def looks_like_time(field: str) -> bool:
    """Return whether a text is a date or a time."""
    return _parsed(pd.Series([field])) is not None


def _parsed(values: pd.Series[Any]) -> pd.Series[Any] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the format was guessed value by value
        try:
            return pd.to_datetime(values)
        except (ValueError, TypeError, OverflowError):
            pass
        try:  # 31/01/2020 is no month 31
            return pd.to_datetime(values, dayfirst=True)
        except (ValueError, TypeError, OverflowError):
            return None


def _order(frame: pd.DataFrame, times: list[str]) -> str | None:
    """Return the column that orders rows by itself: no part of a date."""
    whole = [c for c in times if str(c).lower() not in _CALENDAR]
    return whole[0] if whole else None


def _sorted(name: str, frame: pd.DataFrame, time: str, group: str | None) -> pd.DataFrame:
    values: Any = frame[time]
    if not pd.api.types.is_numeric_dtype(values.dtype):
        values = _parsed(values)
        if values is None:
            raise ValueError(
                f"column {time} of {name} cannot be read as time throughout (such as "
                f"{frame[time].iloc[0]!r}): write dates as 2020-01-31"
            )
    if values.isna().any():
        raise ValueError(
            f"column {time} of {name} is missing in {int(values.isna().sum())} rows: fill or drop "
            "them"
        )
    frame = frame.assign(**{time: values})
    if group is None and values.duplicated().any():
        raise ValueError(
            f"{name} has several rows for one {time} (such as {values[values.duplicated()].iloc[0]}"
            "): are these several series? Tell them apart by --id-column NAME"
        )
    keys = [time] if group is None else [group, time]
    return frame.sort_values(keys, kind="stable")


def _without_thousands(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return figures such as 12,345.6 or 12.345,6 as numbers."""
    if pd.api.types.is_numeric_dtype(values.dtype) or values.isna().any():
        return values
    texts = values.astype(str).str.strip()
    for thousands, decimal in (",.", ".,"):
        t, d = re.escape(thousands), re.escape(decimal)
        if texts.str.fullmatch(rf"[-+]?(\d{{1,3}}({t}\d{{3}})+|\d+)({d}\d+)?").all():
            plain = texts.str.replace(thousands, "").str.replace(decimal, ".")
            return pd.to_numeric(plain)
    return values


def _are_lists(values: pd.Series[Any]) -> bool:
    return values.dtype == object and all(isinstance(v, list | np.ndarray) for v in values)


def _are_documents(values: pd.Series[Any]) -> bool:
    if pd.api.types.is_numeric_dtype(values.dtype) or values.isna().any():
        return False
    texts = values.astype(str)
    return bool(2 * texts.nunique() > len(texts) and texts.str.len().mean() >= _LONG)


def _documents(values: pd.Series[Any], what: str, reading: Reading, aside: str) -> FileContents:
    unit = reading.unit or "char"
    texts = [v.replace("\r\n", "\n") for v in values.astype(str)]
    read: dict[str, Any] = {
        "char": lambda t: t,
        "word": lambda t: np.array(t.split(), dtype=object),
        "byte": lambda t: t.encode(),
    }
    if unit not in read:
        raise ValueError(f"unit={unit!r} is unknown; choose one of {', '.join(read)}")
    name = {"char": "character"}.get(unit, unit)
    return FileContents(
        [read[unit](t) for t in texts],
        f"{what} as {count_of(len(texts), 'text')}, read by {name}",
        unit=name,
        aside=aside,
    )
