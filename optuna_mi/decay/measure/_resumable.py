"""Long curves in waves of lags: what can be stopped early, or resumed from a file."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._logging import get_logger
from optuna_mi.decay._record import write_text
from optuna_mi.decay.measure._conditional_curve import ConditionalCurve
from optuna_mi.decay.measure._pooled_curve import PooledCurve
from optuna_mi.decay.measure._settings import Settings
from optuna_mi.decay.measure.reading._sequences import Sequences

_logger = get_logger(__name__)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Waves of a long run: at most a twentieth of the work is lost with an interruption. A choice.
_WAVES = 20
# lags that share a pass over the data, in all ways of counting
_FUSED = 4
# what a record means; records of another version are not read
_VERSION = 3


def columns_of(sequences: Sequences, lags: Ints, settings: Settings) -> dict[str, Any]:
    """Return the columns of a DecayCurve of symbols."""
    curve = _curve(sequences, lags, settings)
    return curve.finish(lags, curve.measure(lags))


def columns_in_waves(
    sequences: Sequences,
    lags: Ints,
    settings: Settings,
    *,
    early_stop: bool,
    checkpoint: str | os.PathLike[str] | None,
) -> tuple[Ints, dict[str, Any], tuple[str, ...]]:
    """Measure the lags in up to twenty waves, and their noise when all are there.

    So the curve is that of `columns_of`, as far as it goes. Where all lags together take less time
    than the waves they are one wave; if it may stop early, once the first waves have taken as long.

    Args:
        sequences: The data.
        lags: All distances wanted.
        settings: How.
        early_stop: Stop when the corrected curve has been below the floor for a decade of lags.
        checkpoint: File that keeps finished waves; they are read from it when it is there.

    Returns:
        The lags that were measured, their columns, and notes. Of a curve that was stopped, what
        rests on some lags of the whole range (interpolated errors, floors by position) still does.

    Raises:
        FileNotFoundError: If the folder of the checkpoint does not exist.
        ValueError: If the checkpoint is none, or was made for other data or settings.
    """
    done = Checkpoint(checkpoint, sequences, lags, settings)
    curve = _curve(sequences, lags, settings)
    at_once = curve.break_even < lags.size
    for stop in _wave_ends(lags.size):
        if stop > len(done.records):
            by_itself = not at_once or (early_stop and stop <= curve.break_even)
            until = stop if by_itself else lags.size
            done.add(curve.measure(lags[len(done.records) : until]))
        if not early_stop or stop == lags.size:
            continue
        near, records = lags[:stop], done.records[:stop]
        if _silent(near, *curve.corrected_and_floor(near, records)):
            note = (
                f"stopped early at lag {near[-1]:,}: the corrected curve had been below the floor "
                "for a decade of lags"
            )
            return near, curve.finish(near, records), (note,)
    return lags, curve.finish(lags, done.records), ()


def _curve(sequences: Sequences, lags: Ints, settings: Settings) -> PooledCurve | ConditionalCurve:
    kind = ConditionalCurve if settings.conditional else PooledCurve
    return kind(sequences, lags, settings)


def _wave_ends(n_lags: int) -> list[int]:
    ends = np.linspace(0, n_lags, min(_WAVES, max(1, n_lags // 8)) + 1)[1:]
    whole = np.ceil(ends / _FUSED).astype(np.int64) * _FUSED
    return [int(end) for end in np.unique(np.minimum(whole, n_lags))]


def _silent(lags: Ints, corrected: Floats, floor: Floats) -> bool:
    # a single lag above the floor may be noise: only two in a row count
    above = corrected > floor
    above[1:] &= above[:-1] | (corrected[1:] > 2.0 * floor[1:])
    # nothing is known about distances before the first lag
    last = lags[np.flatnonzero(above)[-1]] if above.any() else lags[0]
    return bool(lags[-1] >= 10 * last)


class Checkpoint:
    """Records of a curve's first lags, kept in a file if one is named.

    Args:
        path: The file; if it is there, its records are used.
        sequences: The data.
        lags: All distances of the curve.
        settings: How it is estimated.

    Attributes:
        records: One per lag.

    Raises:
        FileNotFoundError: If the file's folder does not exist.
        ValueError: If the file is no checkpoint, or one of other data, lags or settings.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        sequences: Sequences,
        lags: npt.NDArray[np.int64],
        settings: Settings,
    ) -> None:
        self.records: list[dict[str, Any]] = []
        self._path = None if path is None else Path(path)
        self._written: list[str] = []
        if self._path is None:
            return
        if not self._path.parent.is_dir():
            # said before the work, not after it
            raise FileNotFoundError(f"cannot write {path}: there is no folder {self._path.parent}")
        self._stamp = _stamp(sequences, lags, settings)
        if self._path.exists():
            self._keep(_read(self._path, self._stamp))
            _logger.info(f"taking up {len(self.records)} finished lags from {path}")

    def add(self, records: list[dict[str, Any]]) -> None:
        """Keep the records of the next lags."""
        self._keep(records)
        if self._path is not None:
            head = json.dumps({"kind": "DecayCheckpoint", "stamp": self._stamp})[:-1]
            write_text(self._path, f'{head}, "lags": [{", ".join(self._written)}]}}')

    def _keep(self, records: list[dict[str, Any]]) -> None:
        self.records += records
        if self._path is not None:
            # as text: earlier lags are not encoded again with every wave
            self._written += [json.dumps(r, default=np.ndarray.tolist) for r in records]


def _stamp(sequences: Sequences, lags: npt.NDArray[np.int64], settings: Settings) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in (sequences.codes, sequences.offsets, lags):
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    how = (_VERSION, settings.estimator, settings.conditional, settings.baseline)
    digest.update(repr((*how, settings.n_surrogates, settings.seed)).encode())
    return digest.hexdigest()


def _read(path: Path, stamp: str) -> list[dict[str, Any]]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no checkpoint of a decay curve: {error}") from error
    if not isinstance(record, dict) or record.get("kind") != "DecayCheckpoint":
        raise ValueError(f"{path} is no checkpoint of a decay curve")
    if record.get("stamp") != stamp or not isinstance(record.get("lags"), list):
        raise ValueError(
            f"{path} was made for other data, lags or settings, or by another version; delete it, "
            "or name another file"
        )
    records: list[dict[str, Any]] = record["lags"]
    return records
