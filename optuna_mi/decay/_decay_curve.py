"""The decay curve as an object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import NoneType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import as_array, instance, reals, sentences, shown, whole
from optuna_mi.decay._record import Record, plain

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_FLOATS = (
    "mi",
    "baseline",
    "std_error",
    "floor",
    "floor_shared",
    "floor_skewness",
    "entropy_x",
    "entropy_y",
    "entropy_xy",
    "correlation",
)
_NOT_NEGATIVE = ("std_error", "floor", "n_pairs")
_NAMES = ("estimator", "boundary", "positions", "baseline_method", "method")
# how the note of such a measurement begins
OTHER_COMPOSITION = "the sequences differ in composition"
_COUNTS = ("memory", "sequence_length", "n_sequences", "n_symbols", "n_total")


@dataclass(frozen=True, eq=False, repr=False)
class DecayCurve(Record):
    """Mutual information between two symbols of a sequence against their distance.

    Only ``lags`` and ``mi`` are required, so a published curve can be wrapped and analysed. All
    information is in nats; all arrays have the shape (L,) of ``lags``.

    Attributes:
        lags: Distances, increasing, at least 1; int64.
        mi: Raw estimates; float64.
        baseline: What the same estimator gives on data whose order is destroyed.
        std_error: Standard error of ``mi - baseline``.
        n_pairs: Pairs that each estimate rests on.
        floor: Values of ``mi_corrected`` below it cannot be told from noise. A scalar is spread
            over the lags.
        floor_shared: Part of the floor that all lags have in common (bias that a sequence's memory
            adds to the baseline's, and the baseline's own error): averaging over lags does not
            lower it.
        floor_skewness: Skewness of a lag's noise: how much further than the floor it goes.
        memory: Width in steps of the blocks that keep most of a sequence's memory; the noise of
            lags that are closer than that is alike.
        entropy_x: Entropy of the earlier symbol of a pair.
        entropy_y: Entropy of the later symbol.
        entropy_xy: Joint entropy.
        correlation: Rank correlation of values, real or signed integers, at that distance; its
            sign tells half a cycle from a whole one, which MI cannot. ``None`` for symbols.
        sequence_length: Length of the longest sequence.
        n_sequences: Number of sequences.
        n_symbols: Number of different symbols.
        n_total: Symbols in all sequences together.
        estimator: Name of the entropy estimator.
        boundary: ``"within"`` or ``"concatenate"``.
        positions: ``"pooled"`` or ``"conditional"``.
        baseline_method: ``"shuffle"``, ``"within"``, ``"across"`` or ``None``.
        seed: Seed of the surrogates.
        method: How pairs were counted, in words.
        notes: Remarks a reader should see (dropped sequences, suspected trends, early stop).

    Raises:
        TypeError: If a column holds no real numbers, or lags or a count no integers.
        ValueError: If shapes do not match, lags are not increasing and at least 1, or a column
            holds NaN, infinity or masked values.

    Example:
        >>> curve = DecayCurve([1, 2, 4], [0.5, 0.2, 0.1])
        >>> len(curve), float(curve.mi_corrected[1])
        (3, 0.2)
    """

    lags: Ints
    mi: Floats
    baseline: Floats | None = None
    std_error: Floats | None = None
    n_pairs: Ints | None = None
    floor: Floats | None = None
    floor_shared: Floats | None = None
    floor_skewness: Floats | None = None
    memory: int | None = None
    entropy_x: Floats | None = None
    entropy_y: Floats | None = None
    entropy_xy: Floats | None = None
    correlation: Floats | None = None
    sequence_length: int | None = None
    n_sequences: int | None = None
    n_symbols: int | None = None
    n_total: int | None = None
    estimator: str | None = None
    boundary: str | None = None
    positions: str | None = None
    baseline_method: str | None = None
    seed: int | None = None
    method: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lags = as_array("lags", self.lags)
        if lags.ndim != 1 or lags.size == 0:
            raise ValueError(f"lags must be a non-empty 1-D array, got shape {lags.shape}")
        if lags.dtype.kind not in "iu":
            raise TypeError(f"lags must be integers, got dtype {lags.dtype}")
        if lags[0] < 1 or (np.diff(lags) <= 0).any():
            raise ValueError("lags must be increasing and at least 1")
        object.__setattr__(self, "lags", _frozen(lags.astype(np.int64)))
        for name in ("mi", *(n for n in (*_FLOATS, "n_pairs") if getattr(self, n) is not None)):
            column = _column(name, getattr(self, name), lags.size)
            if name == "n_pairs":
                if (column % 1).any():
                    raise ValueError(f"n_pairs must hold whole numbers, got {shown(self.n_pairs)}")
                column = column.astype(np.int64)
            object.__setattr__(self, name, _frozen(column))
        for name in _COUNTS:
            if getattr(self, name) is not None:
                object.__setattr__(self, name, whole(name, getattr(self, name), 1))
        if self.seed is not None:
            object.__setattr__(self, "seed", whole("seed", self.seed))
        for name in _NAMES:
            instance(name, getattr(self, name), (str, NoneType), "a str, or None")
        object.__setattr__(self, "notes", sentences("notes", self.notes))

    @property
    def mi_corrected(self) -> Floats:
        """``mi - baseline``, or ``mi`` where there is no baseline; float64, shape (L,)."""
        return self.mi if self.baseline is None else self.mi - self.baseline

    def __len__(self) -> int:
        return int(self.lags.size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DecayCurve):
            return NotImplemented
        return self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    def to_columns(self) -> dict[str, npt.NDArray[Any]]:
        """Return the columns of `to_frame` by name, without loading pandas."""
        columns: dict[str, npt.NDArray[Any]] = {"lag": self.lags, "mi": self.mi}
        columns["mi_corrected"] = self.mi_corrected
        for name in ("baseline", "std_error", "floor", "n_pairs", *_FLOATS[6:]):
            value = getattr(self, name)
            if value is not None:
                columns[name] = value
        return columns

    def to_frame(self) -> pd.DataFrame:
        """Return one row per lag; columns without values are left out."""
        import pandas as pd

        return pd.DataFrame(self.to_columns())

    def to_json(self) -> str:
        """Return the curve as JSON; floats keep all their bits."""
        record = {f.name: plain(getattr(self, f.name)) for f in fields(self)}
        return json.dumps({"kind": "DecayCurve", "version": 1} | record)

    @classmethod
    def _from_record(cls, record: Mapping[str, Any]) -> Self:
        names = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in record.items() if k in names})

    @property
    def gaps(self) -> str:
        """Which distances were left out, as words; empty if none was."""
        steps = np.diff(self.lags)
        if (steps == 1).all():
            return ""
        first = int(self.lags[int((steps != 1).argmax())])
        there, measured = int(self.lags[-1]) - first, int((self.lags > first).sum())
        return f"beyond lag {first:,} only {measured:,} of {there:,} were measured"

    @property
    def differs_in_composition(self) -> bool:
        """Whether a note says that far MI is mostly what sequences hold, in whatever order."""
        return any(note.startswith(OTHER_COMPOSITION) for note in self.notes)

    def _rows(self) -> list[tuple[str, str]]:
        value = self.mi_corrected
        left_out = f"; {self.gaps}" if self.gaps else ""
        rows = [
            ("lags", f"{len(self):,} from {self.lags[0]:,} to {self.lags[-1]:,}{left_out}"),
            (
                "MI",
                f"mutual information: {value[0]:.3g} nats at {self.lags[0]:,}, "
                f"{value[-1]:.3g} at {self.lags[-1]:,}",
            ),
        ]
        if self.n_total is not None:
            n = self.n_sequences or 1
            what = "1 sequence" if n == 1 else f"{n:,} sequences"
            symbols = "" if self.n_symbols is None else f" of {self.n_symbols:,} kinds"
            rows.append(("data", f"{self.n_total:,} symbols{symbols} in {what}"))
        how = [s for s in (self.estimator, self.boundary, self.positions) if s]
        if how:
            rows.append(("estimate", ", ".join(how)))
        if self.method:
            rows.append(("counting", self.method))
        if self.baseline is not None:
            low, high = float(self.baseline.min()), float(self.baseline.max())
            rows.append(("baseline", f"{self.baseline_method}: {low:.3g} to {high:.3g} nats"))
        if self.floor is not None:
            above = int((value > self.floor).sum())
            median = float(np.median(self.floor))
            rows.append(
                (
                    "noise",
                    f"below a floor of {median:.2g} nats, MI cannot be told from chance; "
                    f"{above:,} of {len(self):,} lags stand above it",
                )
            )
        rows.extend(("note", note) for note in self.notes)
        return rows


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.setflags(write=False)
    return array


def _column(name: str, value: npt.ArrayLike, size: int) -> npt.NDArray[Any]:
    array = reals(name, value, least=0 if name in _NOT_NEGATIVE else None)
    if array.ndim == 0:
        array = np.full(size, array[()])
    if array.shape != (size,):
        raise ValueError(f"{name} must have the shape of lags, ({size},), got {array.shape}")
    return array
