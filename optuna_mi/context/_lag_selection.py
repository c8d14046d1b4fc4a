"""The chosen lags as an object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from optuna_mi.decay._record import Record, plain

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

_FLOATS = ("gain", "gain_error", "alone")


@dataclass(frozen=True, eq=False, repr=False)
class LagSelection(Record):
    """Lags chosen one by one, each the one that adds most to those before.

    Measured on held-out data; information is in nats.

    Attributes:
        lags: The chosen lags in the order of choice: distances to the value that is predicted.
        gain: What each adds, shape (lags,).
        gain_error: Its standard error over held-out blocks.
        candidates: All lags that were tried, increasing, int64, shape (C,).
        alone: What each candidate tells alone, shape (C,).
        stopped: Why no more were chosen, as a sentence.
        horizon: How many steps ahead of the last known one the value is.
        n_train: Steps that a prediction learns from.
        n_scored: Steps that are predicted and scored.
        predictor: ``"back-off"`` for symbols, ``"linear"`` for real values.
        notes: Remarks a reader should see.
    """

    lags: tuple[int, ...]
    gain: Floats
    gain_error: Floats
    candidates: npt.NDArray[np.int64]
    alone: Floats
    stopped: str
    horizon: int
    n_train: int
    n_scored: int
    predictor: Literal["back-off", "linear"] = "back-off"
    notes: tuple[str, ...] = ()

    @property
    def information(self) -> float:
        """What the chosen lags tell together, in nats."""
        return float(self.gain.sum())

    def __len__(self) -> int:
        return len(self.lags)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LagSelection):
            return NotImplemented
        return self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    def to_frame(self) -> pd.DataFrame:
        """Return one row per chosen lag, in the order of choice."""
        import pandas as pd

        columns = {"lag": np.array(self.lags, dtype=np.int64), "gain": self.gain}
        return pd.DataFrame(columns | {"gain_error": self.gain_error})

    def to_json(self) -> str:
        """Return the selection as JSON; floats keep all their bits."""
        record = {f.name: plain(getattr(self, f.name)) for f in fields(self)}
        return json.dumps({"kind": "LagSelection", "version": 1} | record)

    @classmethod
    def _from_record(cls, record: Mapping[str, Any]) -> Self:
        names = {f.name for f in fields(cls)}
        values = {k: v for k, v in record.items() if k in names}
        for name in _FLOATS:
            values[name] = np.array(values[name], dtype=np.float64)
        values["candidates"] = np.array(values["candidates"], dtype=np.int64)
        values["lags"] = tuple(values["lags"])
        values["notes"] = tuple(values["notes"])
        return cls(**values)

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            (f"lag {lag:,}", f"adds {gain:.3g} ± {error:.1g} nats")
            for lag, gain, error in zip(self.lags, self.gain, self.gain_error, strict=True)
        ]
        rows += [
            ("stopped", self.stopped),
            ("data", f"{self.n_train:,} steps to learn from, {self.n_scored:,} scored"),
            (
                "candidates",
                f"{self.candidates.size:,} lags from {self.candidates[0]:,} to "
                f"{self.candidates[-1]:,}; {self.predictor} predictor",
            ),
        ]
        rows.extend(("note", note) for note in self.notes)
        return rows
