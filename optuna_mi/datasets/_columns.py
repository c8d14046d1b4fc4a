"""Which column of a table is measured."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from optuna_mi.datasets._reading import FileContents, Reading, count_of
from optuna_mi.datasets._tidy import coded_as_missing, tidy
from optuna_mi.datasets._times import (
    CALENDAR,
    TIME_OF_DAY,
    date_and_time,
    first_that_is_none,
    is_time,
    looks_like,
    parsed,
)

# a text in most rows that is another in most of them is a document, not a symbol
_LONG = 20
_FEW_SHOWN = 8
# what columns are called that tell series apart
_ID = r"(^|[\W_])(id|uid|user|session|customer|patient|subject|device|sensor|store|series|group)s?$"


def from_columns(name: str, frame: pd.DataFrame, reading: Reading) -> FileContents:
    """Return the series of a table whose columns are series.

    Args:
        name: The file's name, for messages.
        frame: The table.
        reading: What the user said of it.

    Raises:
        ValueError: The column is not there, holds what cannot be measured, or must be chosen.
    """
    frame, left_out, notes = tidy(name, frame.rename(columns=str))
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
    series = None if group is None else frame[group]
    times = [time] if time else [c for c in names if c != column and is_time(frame[c], series)]
    rest = [c for c in names if c not in given and c not in times]
    left_out += [f"column {c} {looks_like(frame[c])}" for c in times if c != time]
    if column is None:
        column, more = _only_column(name, frame, rest)
        left_out += more
    order = time or _order(frame, times)
    if time is None and (both := date_and_time(frame, times)):
        order, whole = both
        frame = frame.assign(**{order: whole})
    if order is not None and order != column:
        frame = _sorted(name, frame, order, group)
    notes += coded_as_missing(column, frame[column])
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
            panel,
            f"{what} as {count_of(n, 'series', 'series')}, one per {group}",
            aside=aside,
            notes=notes,
        )
    values = frame[column].reset_index(drop=True)
    if order is not None and pd.api.types.is_numeric_dtype(values.dtype):
        panel = pd.DataFrame({"unique_id": column, "ds": frame[order], "y": frame[column]})
        from optuna_mi.decay.measure.reading._panel import read_panel  # errors above need no numba

        if read_panel(panel).n_missing:  # pairs are then taken by time
            return FileContents(panel, f"{what} as one series", aside=aside, notes=notes)
    if _are_lists(values):
        sequences = [np.asarray(v) for v in values]
        if any(s.dtype.kind not in "biufU" or s.ndim != 1 for s in sequences):
            at = next(
                i for i, s in enumerate(sequences) if s.dtype.kind not in "biufU" or s.ndim > 1
            )
            if isinstance(next(iter(values.iloc[at]), None), dict):
                raise ValueError(
                    f"column {column} of {name} holds lists of records (such as "
                    f"{str(values.iloc[at])[:50]} in row {at + 1}): write what is to be read of "
                    "each list into a field of its own, as one text or one list"
                )
            raise ValueError(
                f"column {column} of {name} holds lists of other things than numbers or texts (such"
                f" as {str(values.iloc[at])[:50]} in row {at + 1}): make each one sequence, "
                "without lists in it and without gaps"
            )
        return FileContents(
            sequences, f"{what} as {count_of(len(sequences), 'sequence')}", aside=aside, notes=notes
        )
    if _are_documents(values):
        return _documents(values, what, reading, aside, notes)
    return FileContents(values, f"{what} as one series", aside=aside, notes=notes)


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
    lists = [c for c in rest if _are_lists(frame[c])]
    if len(lists) == 1:
        return lists[0], [f"column {c}" for c in rest if c != lists[0]]
    if frame.empty:
        raise ValueError(f"{name} has a header ({_shown(list(frame.columns))}) and no rows")
    numeric = [c for c in rest if pd.api.types.is_numeric_dtype(frame[c])]
    texts = [c for c in rest if c not in numeric]
    if len(numeric) == 1 and texts and _names_series(frame[numeric[0]]):
        raise ValueError(
            f"column {numeric[0]} of {name} looks like names of series, not like values of one: "
            f"measure another column series by series, --column {texts[0]} --id-column "
            f"{numeric[0]}; or say --column {numeric[0]} if it is meant"
        )
    if len(numeric) == 1:
        return numeric[0], [
            f"column {c} is text (--id-column {c}: one series per value)" for c in texts
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


def _names_series(values: pd.Series[Any]) -> bool:
    """Return whether whole numbers tell series apart: by their name, or as each is one block."""
    if not pd.api.types.is_integer_dtype(values.dtype):
        return False
    if re.search(_ID, str(values.name).lower()):
        return True
    n_blocks, n_kinds = int((values.diff() != 0).sum()), int(values.nunique())
    return 2 <= n_kinds == n_blocks <= len(values) // 3


def _order(frame: pd.DataFrame, times: list[str]) -> str | None:
    """Return the column that orders rows by itself: no part of a date.

    Whole dates are often called "day" or "month"; they are text or dates, a part is a number. A
    time of day is a part in any form.
    """
    parts = {c for c in times if c.lower() in CALENDAR and pd.api.types.is_numeric_dtype(frame[c])}
    whole = [c for c in times if c not in parts and c.lower() not in TIME_OF_DAY]
    return whole[0] if whole else None


def _sorted(name: str, frame: pd.DataFrame, time: str, group: str | None) -> pd.DataFrame:
    values: Any = frame[time]
    if not pd.api.types.is_numeric_dtype(values.dtype):
        values = parsed(values)
        if values is None:
            place, value = first_that_is_none(frame[time])
            raise ValueError(
                f"column {time} of {name} cannot be read as time throughout (such as {value!r} in "
                f"row {place + 1}): write dates as 2020-01-31, and take a row of totals out"
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
            f"){_series_told(frame, time)}"
        )
    keys = [time] if group is None else [group, time]
    return frame.sort_values(keys, kind="stable")


def _series_told(frame: pd.DataFrame, time: str) -> str:
    """Say what makes several rows of one time: rows that come twice, or a column of series."""
    rows = frame.astype(str)
    again = int(rows.duplicated().sum())
    if again:
        return f": {count_of(again, 'row')} of it repeat another in every column; drop them"
    names = [
        c
        for c in frame.columns
        if c != time
        and 1 < frame[c].nunique() <= len(frame) // 2
        and not pd.api.types.is_float_dtype(frame[c].dtype)
        and not rows.duplicated([c, time]).any()
    ]
    if names:
        others = f" ({', '.join(names[1:])} would do, too)" if names[1:] else ""
        return f": they are series, one for each {names[0]}. Say --id-column {names[0]}{others}"
    return ": are these several series? Tell them apart by --id-column NAME"


def _are_lists(values: pd.Series[Any]) -> bool:
    return values.dtype == object and all(isinstance(v, list | np.ndarray) for v in values)


def _are_documents(values: pd.Series[Any]) -> bool:
    if pd.api.types.is_numeric_dtype(values.dtype) or values.isna().any():
        return False
    texts = values.astype(str)
    return bool(2 * texts.nunique() > len(texts) and texts.str.len().mean() >= _LONG)


def _documents(
    values: pd.Series[Any], what: str, reading: Reading, aside: str, notes: tuple[str, ...]
) -> FileContents:
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
        notes=notes,
    )
