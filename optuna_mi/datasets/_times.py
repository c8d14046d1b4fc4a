"""Columns that say when."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from optuna_mi.datasets._numbers import as_numbers

# parts of a date in columns of their own
CALENDAR = {"year", "month", "day", "hour", "minute", "second", "weekday", "dayofweek", "quarter"}
TIME_OF_DAY = {"hour", "minute", "second"}
TIMES = CALENDAR | {"time", "timestamp", "date", "datetime", "ds", "index", "t", "step", ""}
_GLANCE = 50
_CLOCK = r"\s*\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*"
_QUARTER, _WEEK = r"\d{4}[- ]?Q[1-4]", r"\d{4}-?W\d{2}"


def is_time(values: pd.Series[Any], series: pd.Series[Any] | None = None) -> bool:
    """Return whether a column says when, by its type, its name, or its even steps.

    Args:
        values: The column.
        series: The series of each row, where there are several.
    """
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return True
    named = re.sub(r"[\W_]|unnamed.*", "", str(values.name).lower()) in TIMES
    if pd.api.types.is_bool_dtype(values.dtype) or len(values) < 3:
        return False
    if pd.api.types.is_numeric_dtype(values.dtype):
        if str(values.name).lower() in CALENDAR:
            return True
        one = values if series is None else values[(series == series.iloc[0]).to_numpy()]
        steps = np.diff(one.to_numpy(dtype=np.float64))
        even = bool(len(steps) and steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=0))
        places = pd.DataFrame({"series": 0 if series is None else series, "time": values})
        # the rows of a table may have been shuffled
        once = pd.api.types.is_integer_dtype(values.dtype) and not places.duplicated().any()
        if series is not None:
            return once and (even or named)
        return even or (named and (once or bool((steps >= 0).all())))
    some = values.head(_GLANCE)
    return not pd.api.types.is_numeric_dtype(as_numbers(some).dtype) and parsed(some) is not None


def looks_like(values: pd.Series[Any]) -> str:
    """Return what a column that orders the rows was taken for."""
    counts = pd.api.types.is_numeric_dtype(values.dtype) and bool((values.diff()[1:] == 1).all())
    named = str(values.name).lower() in TIMES
    return "numbers the rows" if counts and not named else "looks like time"


def looks_like_time(field: str) -> bool:
    """Return whether a text is a date or a time."""
    return parsed(pd.Series([field])) is not None


def parsed(values: pd.Series[Any]) -> pd.Series[Any] | None:
    """Return texts as times, or None where one is none."""
    texts = values.astype(str).str.strip()
    ways: tuple[Callable[[], Any], ...] = (
        lambda: pd.to_datetime(values),
        lambda: pd.to_datetime(values, dayfirst=True),  # 31/01/2020 is no month 31
        lambda: pd.to_datetime(values, utc=True),  # summer time and winter time
    )
    if len(texts) and texts.str.fullmatch(_QUARTER).all():
        quarters = texts.str.replace(r"[- ]", "", regex=True)
        ways = (lambda: pd.PeriodIndex(quarters, freq="Q").to_timestamp(),)
    elif len(texts) and texts.str.fullmatch(_WEEK).all():
        mondays = texts.str.replace(r"-?W", "-W", regex=True) + "-1"
        ways = (lambda: pd.to_datetime(mondays, format="%G-W%V-%u"),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the format was guessed value by value
        for way in ways:
            try:
                return pd.Series(way(), index=values.index)
            except (ValueError, TypeError, OverflowError):
                continue
    return None


def date_and_time(frame: pd.DataFrame, columns: list[str]) -> tuple[str, pd.Series[Any]] | None:
    """Return the column of dates and the times of both, where another one has the time of day."""
    texts = [c for c in columns if not pd.api.types.is_numeric_dtype(frame[c].dtype)]
    texts = [c for c in texts if not pd.api.types.is_datetime64_any_dtype(frame[c].dtype)]
    hours = [c for c in texts if frame[c].astype(str).str.fullmatch(_CLOCK).all()]
    dates = [c for c in texts if c not in hours]
    if len(hours) != 1 or len(dates) != 1:
        return None
    whole = parsed(frame[dates[0]].astype(str) + " " + frame[hours[0]].astype(str))
    return None if whole is None else (dates[0], whole)


def first_that_is_none(values: pd.Series[Any]) -> tuple[int, Any]:
    """Return the place, from 0, and the text of the first value that is no time."""
    for place, value in enumerate(values):
        if parsed(pd.Series([value])) is None:
            return place, value
    return 0, values.iloc[0]
