"""Long curves in waves of lags: what can be stopped early, or taken up again."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._logging import get_logger
from optuna_mi.decay._conditional_curve import conditional_curve
from optuna_mi.decay._files import plain, write_text
from optuna_mi.decay._pooled_curve import pooled_curve
from optuna_mi.decay._sequences import Sequences
from optuna_mi.decay._settings import Settings

_logger = get_logger(__name__)

Ints = npt.NDArray[np.int64]
_WAVES = 20


def columns_of(
    sequences: Sequences, lags: Ints, settings: Settings, memory: int | None = None
) -> dict[str, Any]:
    """Return the columns of a DecayCurve of symbols; see `pooled_curve` for memory."""
    if settings.conditional:
        return conditional_curve(sequences, lags, settings)
    return pooled_curve(sequences, lags, settings, memory)


def columns_in_waves(
    sequences: Sequences,
    lags: Ints,
    settings: Settings,
    *,
    early_stop: bool,
    checkpoint: str | os.PathLike[str] | None,
) -> tuple[Ints, dict[str, Any], tuple[str, ...]]:
    """Measure the lags in up to twenty waves.

    Args:
        sequences: The data.
        lags: All distances wanted.
        settings: How.
        early_stop: Stop when the corrected curve has been below the floor for a decade of lags.
        checkpoint: File that keeps finished waves; they are read from it when it is there.

    Returns:
        The lags that were measured, their columns, and notes.

    Raises:
        ValueError: If the checkpoint was made for other data or settings.
    """
    stamp = _stamp(sequences, lags, settings)
    done = _read(checkpoint, stamp)
    waves = np.array_split(lags, min(_WAVES, max(1, lags.size // 8)))
    columns: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    n = 0
    for i, wave in enumerate(waves):
        if i < len(done):
            part = done[i]
        else:
            # the memory of a sequence shows at its first lags only
            part = plain(columns_of(sequences, wave, settings, columns.get("memory")))
            done.append(part)
            if checkpoint is not None:
                record = {"kind": "DecayCheckpoint", "stamp": stamp, "waves": done}
                write_text(checkpoint, json.dumps(record))
        columns = _join(columns, part)
        n += wave.size
        if early_stop and _silent(lags[:n], columns):
            notes = (
                f"stopped early at lag {lags[n - 1]:,}: the corrected curve had been below the "
                "floor for a decade of lags",
            )
            break
    return lags[:n], columns, notes


def _join(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    if not first:
        return dict(second)
    return {
        name: first[name] + value if isinstance(value, list) else first[name]
        for name, value in second.items()
    }


def _silent(lags: Ints, columns: dict[str, Any]) -> bool:
    if "floor" not in columns:
        return False
    corrected = np.array(columns["mi"]) - np.array(columns["baseline"])
    # single excursions are noise: two lags in a row count
    above = corrected > np.array(columns["floor"])
    above[1:] &= above[:-1] | (corrected[1:] > 2.0 * np.array(columns["floor"])[1:])
    last = lags[np.flatnonzero(above)[-1]] if above.any() else 1
    return bool(lags[-1] >= 10 * last)


def _stamp(sequences: Sequences, lags: Ints, settings: Settings) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in (sequences.codes, sequences.offsets, lags):
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    how = (settings.estimator, settings.conditional, settings.baseline)
    digest.update(repr((*how, settings.n_surrogates, settings.seed)).encode())
    return digest.hexdigest()


def _read(checkpoint: str | os.PathLike[str] | None, stamp: str) -> list[dict[str, Any]]:
    if checkpoint is None or not Path(checkpoint).exists():
        return []
    try:
        record = json.loads(Path(checkpoint).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{checkpoint} is no checkpoint of a decay curve: {error}") from error
    if not isinstance(record, dict) or record.get("kind") != "DecayCheckpoint":
        raise ValueError(f"{checkpoint} is no checkpoint of a decay curve")
    if record["stamp"] != stamp:
        raise ValueError(
            f"{checkpoint} was made for other data, lags or settings; delete it, or name another "
            "file"
        )
    waves: list[dict[str, Any]] = record["waves"]
    _logger.info(f"taking up {len(waves)} finished waves from {checkpoint}")
    return waves
