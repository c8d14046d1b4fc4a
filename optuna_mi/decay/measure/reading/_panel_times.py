"""Times of a panel as whole steps of its series' own clock."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from optuna_mi._checks import real

Ints = npt.NDArray[np.int64]

_DAY = 24 * 3600 * 10**9  # in nanoseconds
# A step that all times are multiples of is a coincidence of irregular times if fewer than this
# share of neighbours are one step apart. A choice.
_REGULAR = 0.1
# Nor is a clock of use that has a value at fewer than one in 20 steps, or more steps than memory
# holds. Choices.
_MOST_EMPTY, _MOST_STEPS = 20, 10**9
_SLASHED = r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ T](.*))?$"
_REMEDY = "convert the column with pandas.to_datetime(frame['ds'], format=...)"
# Names of Optuna's and neuralforecast's users for the periods that pandas names otherwise.
_ANCHORS = {"MS": "M", "ME": "M", "QS": "Q", "QE": "Q", "YS": "Y", "YE": "Y", "AS": "Y", "A": "Y"}


def parse_times(column: pd.Series[Any], series: npt.NDArray[Any]) -> pd.Series[Any]:
    """Return times that sort as time does: numbers, periods, or datetimes.

    Text that could be read with the day or with the month first is read in the way that gives the
    series a regular step.

    Args:
        column: The times as the user has them.
        series: The series of each row.

    Raises:
        ValueError: One cannot be read, or text can be read in two ways.
    """
    if not (pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)):
        return column
    if all(isinstance(time, pd.Period) for time in column):
        return pd.Series(pd.PeriodIndex(column), index=column.index)
    text = column.astype(str).str.strip()
    numbers = pd.to_numeric(text, errors="coerce")
    if numbers.notna().all() and not text.str.fullmatch(r"\d{6}|\d{8}").all():
        return numbers
    parts = text.str.extract(_SLASHED)
    if parts[0].notna().all():
        return _day_or_month_first(column, parts, series)
    times = _read(column, "ISO8601")
    times = times if times.notna().all() else _read(column, "mixed")
    if times.isna().any():
        raise ValueError(
            f"the column ds holds {column[times.isna()].iloc[0]!r}, which is no time: {_REMEDY}"
        )
    return times


def _read(column: pd.Series[Any], how: str) -> pd.Series[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the error that pandas raises for mixed time zones
        try:
            return pd.to_datetime(column, errors="coerce", format=how)
        except ValueError:
            return pd.to_datetime(column, errors="coerce", format=how, utc=True)


def _day_or_month_first(
    column: pd.Series[Any], parts: pd.DataFrame, series: npt.NDArray[Any]
) -> pd.Series[Any]:
    """Read 1/2/2020 as what gives the series the steps with the fewest gaps."""
    largest = parts[[0, 1]].astype(int).max()
    read = []
    for day, month in ((0, 1), (1, 0)):
        if largest[month] <= 12:
            iso = parts[2] + "-" + parts[month].str.zfill(2) + "-" + parts[day].str.zfill(2)
            clock = [f" {rest}" if isinstance(rest, str) else "" for rest in parts[3]]
            times = _read(iso + clock, "ISO8601")
            read += [times] if times.notna().all() else []
    if not read:
        raise ValueError(f"the column ds holds {column.iloc[0]!r}, which is no time: {_REMEDY}")
    filled = [_filled(times, series) for times in read]
    if len(read) == 2 and max(filled) < 2 * min(filled):
        raise ValueError(
            f"the column ds holds {column.iloc[0]!r}, which may have the day or the month first: "
            "convert it with pandas.to_datetime(frame['ds'], dayfirst=True), or False"
        )
    return read[int(np.argmax(filled))]


def _filled(times: pd.Series[Any], series: npt.NDArray[Any]) -> float:
    """Return the share of steps of the series' clocks that have a row."""
    order = np.lexsort((times.to_numpy(), series))
    steps, irregular = places(times.iloc[order], series[order], None)
    ends = np.flatnonzero(np.append(series[order][1:] != series[order][:-1], [True]))
    spans = steps[ends] + 1
    spans[irregular] *= _MOST_EMPTY
    return len(times) / float(spans.sum())


def _nanoseconds(times: pd.Series[Any]) -> Ints:
    return times.to_numpy().astype("datetime64[ns]").astype(np.int64)


def _months(times: pd.Series[Any]) -> Ints:
    return times.to_numpy().astype("datetime64[M]").astype(np.int64)


def _differences(values: Ints, series: npt.NDArray[Any]) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return each value less the one before, and which of these are within one series."""
    within: npt.NDArray[np.bool_] = series[1:] == series[:-1]
    return np.diff(values), within


def places(times: pd.Series[Any], series: Ints, freq: str | int | None) -> tuple[Ints, Ints]:
    """Return the step of every row on its series' own clock.

    Args:
        times: Parsed times, in the order of series and time.
        series: Number of each row's series, increasing.
        freq: pandas' name of the step, or of numbers the step itself; None finds it.

    Returns:
        Steps since the first row of each series, and the series without a regular step, whose
        steps are the rows.

    Raises:
        ValueError: ``freq`` is no name of a step, or does not fit the times.
    """
    ticks = _ticks(times, series, freq)
    starts = np.flatnonzero(np.concatenate(([True], series[1:] != series[:-1])))
    first = np.repeat(starts, np.diff(np.append(starts, len(series))))
    since = ticks - ticks[first]
    own = np.concatenate(([0], np.diff(ticks)))
    own[starts] = 0
    if freq is None:
        step = np.gcd.reduceat(own, starts)
    else:
        step = np.ones(len(starts), dtype=np.int64)
        if (own == 0).sum() > len(starts):
            raise ValueError(
                f"freq={freq!r}: several times of a series fall into one such step, give a "
                "shorter one"
            )
    step = np.maximum(step, 1)[np.searchsorted(starts, first)]
    rows = np.arange(len(series)) - first
    kept = np.add.reduceat((own == step).astype(np.int64), starts)
    lengths = np.diff(np.append(starts, len(series)))
    last = (since // step)[np.append(starts[1:], len(series)) - 1]
    irregular = np.zeros(len(starts), dtype=np.bool_)
    if freq is None:
        irregular = (last >= _MOST_EMPTY * lengths) | (kept < _REGULAR * (lengths - 1))
    elif int(last.sum()) > _MOST_STEPS:
        raise ValueError(
            f"freq={freq!r} gives the series {int(last.sum()):,} steps: give a longer one"
        )
    found = np.where(irregular[np.searchsorted(starts, first)], rows, since // step)
    return found.astype(np.int64), np.flatnonzero(irregular)


def _ticks(times: pd.Series[Any], series: Ints, freq: str | int | None) -> Ints:
    """Return times as whole numbers that grow by the same for every step."""
    if isinstance(times.dtype, pd.PeriodDtype):
        return np.array([period.ordinal for period in times], dtype=np.int64)
    if pd.api.types.is_numeric_dtype(times.dtype):
        return _numeric_ticks(times.to_numpy(), freq)
    if getattr(times.dtype, "tz", None) is not None:
        local = times.dt.tz_localize(None)
        # whole days are days of the wall clock, also where the clocks change
        whole = (local == local.dt.normalize()).all()
        times = local if whole else times.dt.tz_convert("UTC").dt.tz_localize(None)
    if freq is not None:
        try:
            periods = times.dt.to_period(_ANCHORS.get(str(freq), str(freq)))
        except ValueError as error:
            raise ValueError(
                f"freq={freq!r} is no step that pandas knows: 'h', 'D', 'W', 'MS', 'QS' and 'YS' "
                "are some"
            ) from error
        return np.array([period.ordinal for period in periods], dtype=np.int64)
    stamps = _nanoseconds(times)
    steps, own = _differences(stamps, series)
    months = _months(times)
    if (steps[own] >= 28 * _DAY).all() and (np.diff(months)[own] > 0).all():
        return months
    days = stamps // _DAY
    if (stamps % _DAY == 0).all() and np.ptp(days) > 14 and not ((days + 3) % 7 >= 5).any():
        # no weekend at all: trading days
        trading: Ints = np.asarray(5 * ((days + 3) // 7) + (days + 3) % 7, dtype=np.int64)
        return trading
    return stamps


def _numeric_ticks(values: npt.NDArray[Any], freq: str | int | None) -> Ints:
    step = 1.0
    if freq is not None:  # here the times are numbers
        step = real("freq", freq, above=0)
    scaled = (values - values.min()) / step
    whole = np.rint(scaled)
    if freq is not None and np.abs(scaled - whole).max() > 1e-6:
        raise ValueError(f"freq={freq!r}: the times are no multiples of it apart")
    if np.abs(scaled - whole).max() > 1e-6:
        # fractions: the smallest step, if all are multiples of it
        steps = np.diff(np.unique(values))
        scaled = (values - values.min()) / steps.min()
        whole = np.rint(scaled)
        if np.abs(scaled - whole).max() > 1e-3:
            whole = np.rint(1e4 * scaled)  # finer than any step: no series keeps one
    ticks: Ints = np.asarray(whole, dtype=np.int64)
    return ticks
