"""What the data of a curve are, symbols or real values, and their way to codes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._logging import get_logger
from optuna_mi._warn import warn
from optuna_mi.decay.measure._settings import Values
from optuna_mi.decay.measure.reading._panel import Panel, as_pandas, is_panel, read_panel
from optuna_mi.decay.measure.reading._read import flatten, flatten_vectors, panel_values
from optuna_mi.decay.measure.reading._real import (
    QUANTITIES,
    are_quantities,
    bin_sequences,
    check_finite,
    prepare,
)
from optuna_mi.decay.measure.reading._sequences import (
    Sequences,
    encode,
    encode_panel,
    encode_with_gaps,
)
from optuna_mi.decay.measure.reading._stationarity import nonstationary

_logger = get_logger(__name__)


@dataclass(frozen=True)
class Series:
    """What was read.

    Attributes:
        values: All sequences behind one another: integers, or real values of shape (N,) or
            (N, features), NaN at steps without one.
        offsets: Their first indices and N, int64, shape (n + 1,).
        panel: The panel that they come from, or ``None``.
        notes: What a reader of the curve should know.
    """

    values: npt.NDArray[Any]
    offsets: npt.NDArray[np.int64]
    panel: Panel | None
    notes: tuple[str, ...] = ()

    @property
    def is_real(self) -> bool:
        """Whether the values measure something."""
        return self.values.dtype.kind == "f"

    @property
    def has_order(self) -> bool:
        """Whether larger and smaller may mean something: not of characters and names."""
        return self.values.dtype.kind in "fi"


def read_series(
    x: Any, values: Values, *, freq: str | int | None, difference: int, detrend: bool
) -> Series:
    """Read what a user has; real values are differenced, or freed of a line, as asked.

    Raises:
        TypeError: If reals are to be symbols.
        ValueError: If there are no symbols, or a setting does not fit what they are.
    """
    found = _read(x, freq, vectors=values == "ksg")
    raw, panel = found.values, found.panel
    if raw.size == 0:
        raise ValueError("there are no symbols: the input is empty, give at least two")
    if found.is_real and values == "symbols":
        raise TypeError(
            f"symbols must be integers, got dtype {raw.dtype}; round them yourself, or cut real "
            "values into bins with values='bins'"
        )
    if panel is not None and panel.note:
        found = replace(found, notes=(panel.note,))
        warn(panel.note)
    if found.is_real or values in ("bins", "ksg"):
        return _prepared(found, difference, detrend)
    clock = None
    if panel is not None and panel.n_missing and raw.dtype.kind in "iu":
        clock = panel.on_the_clock(raw.astype(np.float64), np.nan)
    if values == "auto" and are_quantities(raw, found.offsets, clock):
        _logger.info(QUANTITIES)
        found = replace(found, notes=(*found.notes, QUANTITIES))
        return _prepared(found, difference, detrend)
    if difference or detrend:
        raise ValueError("difference and detrend are for real values; pass them as floats")
    return found


def _read(x: Any, freq: str | int | None, *, vectors: bool) -> Series:
    x = as_pandas(x)
    if is_panel(x):
        panel = read_panel(x, freq)
        return Series(panel_values(panel), panel.offsets, panel)
    if freq is not None:
        raise ValueError(
            f"freq={freq!r} names the step of a panel's times: pass a DataFrame with the columns "
            "unique_id, ds and y"
        )
    return Series(*(flatten_vectors(x) if vectors else flatten(x)), None)


def _prepared(found: Series, difference: int, detrend: bool) -> Series:
    """Return real values at the steps of their clock, differenced; warn of walks and trends."""
    series, offsets = check_finite(found.values), found.offsets
    if found.panel is not None and found.panel.n_missing:
        series, offsets = found.panel.on_the_clock(series, np.nan)
    series, offsets = prepare(series, offsets, difference=difference, detrend=detrend)
    prepared = replace(found, values=series, offsets=offsets)
    if series.ndim > 1:
        return prepared
    walks, trends, tested = nonstationary(series, offsets)
    if 2 * (walks + trends) <= tested:
        return prepared
    what, remedy = (
        ("a random walk", "difference=1") if walks >= trends else ("a trend", "detrend=True")
    )
    note = (
        f"{walks + trends} of {tested} series tested look like {what}: its MI at any distance says "
        f"nothing about dependence; use {remedy}"
    )
    warn(note)
    return replace(prepared, notes=(*found.notes, note))


def to_symbols(found: Series, n_bins: int) -> tuple[Sequences, Series]:
    """Turn what was read into codes; real values become the numbers of their quantile bins.

    Returns:
        The codes, and the series with bins in place of real values, NaN where there is none.
    """
    panel = found.panel
    if not found.is_real:
        if panel is None:
            return encode(found.values, found.offsets), found
        return encode_panel(found.values, panel), found
    bins = bin_sequences(found.values, found.offsets, n_bins, each=panel is not None)
    note = f"real values cut into {int(bins.max()) + 1} quantile bins"
    binned = replace(found, values=np.where(bins < 0, np.nan, bins), notes=(*found.notes, note))
    if panel is None:
        return encode(bins, found.offsets), binned
    return replace(encode_with_gaps(bins, found.offsets), is_panel=True), binned
