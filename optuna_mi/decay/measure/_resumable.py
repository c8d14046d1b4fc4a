"""Long curves in waves of lags: what can be stopped early, or taken up again."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.measure._conditional_curve import ConditionalCurve
from optuna_mi.decay.measure._lag_checkpoint import Checkpoint
from optuna_mi.decay.measure._pooled_curve import PooledCurve
from optuna_mi.decay.measure._sequences import Sequences
from optuna_mi.decay.measure._settings import Settings

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_WAVES = 20
# lags that share a pass over the data
_FUSED = 4


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
    # single excursions are noise: two lags in a row count
    above = corrected > floor
    above[1:] &= above[:-1] | (corrected[1:] > 2.0 * floor[1:])
    # of what lies before the first lag nothing is known
    last = lags[np.flatnonzero(above)[-1]] if above.any() else lags[0]
    return bool(lags[-1] >= 10 * last)
