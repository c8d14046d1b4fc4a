"""A panel of series: rows in the order of time, and the steps at which rows are missing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from optuna_mi._pandas import is_column, is_frame

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]

COLUMNS = ("unique_id", "ds", "y")


@dataclasses.dataclass(frozen=True, eq=False)
class Panel:
    """Series one behind the other.

    Attributes:
        rows: The rows that have a value, in the order of series and time; ``ds`` is parsed.
        offsets: First row of each series and their number, int64 (n + 1,).
        steps: Step of each row on its series' own clock, which starts at 0, int64 (rows,).
        n_missing: Steps without a row, in all series.
        n_with_gaps: Series that have such steps.
        n_irregular: Series without a regular step: their rows are taken for steps.
    """

    rows: pd.DataFrame
    offsets: Ints
    steps: Ints
    n_missing: int
    n_with_gaps: int
    n_irregular: int

    @property
    def note(self) -> str:
        """What a reader of the result should know; empty where there is nothing."""
        n = self.offsets.size - 1
        parts = []
        if self.n_missing:
            parts.append(
                f"{self.n_missing:,} steps of {self.n_with_gaps:,} of {n:,} series have no value: "
                "pairs are taken by time, and those that would need such a step are left out"
            )
        if self.n_irregular:
            parts.append(f"{self.irregular_note} (freq= names a step)")
        return "; ".join(parts)

    @property
    def irregular_note(self) -> str:
        """What to say of series without a regular step."""
        return (
            f"{self.n_irregular:,} of {self.offsets.size - 1:,} series have no regular step, and "
            "their rows are taken for neighbours"
        )

    def on_the_clock(
        self, values: npt.NDArray[Any], missing: float
    ) -> tuple[npt.NDArray[Any], Ints]:
        """Return the rows' values at their steps, ``missing`` where there is none, and offsets."""
        ends = self.steps[self.offsets[1:] - 1] + 1
        offsets = np.concatenate(([0], np.cumsum(ends))).astype(np.int64)
        out = np.full(int(offsets[-1]), missing, dtype=values.dtype)
        out[self.steps + np.repeat(offsets[:-1], np.diff(self.offsets))] = values
        return out, offsets


def as_pandas(x: Any) -> Any:
    """Return a polars frame or series, or another library's, as pandas'; others as they are.

    Raises:
        ImportError: The library's ``to_pandas`` needs another one.
    """
    if is_frame(x) or is_column(x) or not hasattr(x, "to_pandas"):
        return x
    try:
        return x.to_pandas()
    except ImportError as error:
        raise ImportError(
            f"a {type(x).__module__.split('.')[0]} {type(x).__name__} becomes a pandas one by its "
            f"to_pandas(), which says: {error}"
        ) from error


def is_panel(x: Any) -> bool:
    """Return whether it is a panel: a frame with the columns unique_id, ds and y."""
    return is_frame(x) and set(COLUMNS) <= set(x.columns)


def read_panel(frame: pd.DataFrame, freq: str | int | None = None) -> Panel:
    """Read a panel.

    Rows whose ``y`` is missing, or whose ``available_mask`` is 0, are steps without a value.

    Args:
        frame: The columns unique_id, ds and y, in any order of rows.
        freq: pandas' name of the step ("D", "MS", …), or of numbers the step itself; by default
            each series' own: the step that all its times are multiples of.

    Raises:
        ValueError: A series or a time is missing, a time repeats or cannot be read, or no value is
            there.
    """
    import pandas as pd

    from optuna_mi.decay.measure.reading._panel_times import parse_times, places

    _check(frame)
    there = frame["y"].notna().to_numpy()
    if "available_mask" in frame.columns:
        there = there & (frame["available_mask"].to_numpy() != 0)
    if not there.any():
        raise ValueError(
            f"all {len(frame)} values of y are missing: fill them, or name another column y"
        )
    numbers = pd.factorize(frame["unique_id"], sort=True)[0]
    times = parse_times(frame["ds"], numbers)
    rows = frame.assign(ds=times, _series=numbers)[there]
    rows = rows.sort_values(["_series", "ds"], kind="stable")
    series = rows.pop("_series").to_numpy().astype(np.int64)
    twice = int(rows.duplicated(["unique_id", "ds"]).sum())
    if twice:
        raise ValueError(f"{twice} rows repeat a pair of unique_id and ds; drop them")
    steps, irregular = places(rows["ds"], series, freq)
    starts = np.flatnonzero(np.concatenate(([True], series[1:] != series[:-1])))
    offsets = np.append(starts, len(series)).astype(np.int64)
    missing = steps[offsets[1:] - 1] + 1 - np.diff(offsets)
    return Panel(
        rows=rows,
        offsets=offsets,
        steps=steps,
        n_missing=int(missing.sum()),
        n_with_gaps=int((missing > 0).sum()),
        n_irregular=len(irregular),
    )


def _check(x: pd.DataFrame) -> None:
    """Refuse rows without a series or a time, which would vanish, and times that repeat."""
    if x.empty:
        raise ValueError("there are no symbols: the panel is empty, give rows")
    for column in ("unique_id", "ds"):
        missing = int(x[column].isna().sum())
        if missing:
            raise ValueError(
                f"{missing} of {len(x)} rows have no {column}: drop them "
                f"(frame.dropna(subset=['{column}'])), or fill them"
            )
