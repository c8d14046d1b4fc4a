"""What sequences tell by their composition (what they consist of), in any order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from optuna_mi._numba import njit
from optuna_mi.decay._decay_curve import OTHER_COMPOSITION
from optuna_mi.decay.measure._settings import Settings
from optuna_mi.decay.measure.counting._counts import Codes
from optuna_mi.decay.measure.counting._engine import PooledEngine
from optuna_mi.decay.measure.counting._few_lags import anchor_lags
from optuna_mi.decay.measure.noise._random_pairs import random_pairs
from optuna_mi.decay.measure.reading._sequences import Sequences

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# It changes slowly with the lag, so it is measured at 16 lags for a baseline and at 4 for a remark.
# A choice.
_ANCHORS, _FEW_ANCHORS = 16, 4
# A remark rests on so many symbols at most. A choice of time.
_ENOUGH = 1 << 22
# A remark is made if composition is half or more of what is left far away: then it is most of what
# the curve shows there.
_NOTABLE = 0.5
# errors that it must exceed: the usual three
_ERRORS = 3.0


@dataclass(frozen=True)
class Composition:
    """MI that is left when symbols change places within their sequences only, in nats.

    Attributes:
        mean: What it is more than with all symbols in random order, shape (L,).
        error: Its standard error, shape (L,).
    """

    mean: Floats
    error: Floats


def composition(
    sequences: Sequences, lags: Ints, settings: Settings, n_anchors: int = _ANCHORS
) -> Composition:
    """Measure the MI that sequences of different composition have whatever their order."""
    rng = np.random.default_rng(settings.seed)
    anchors = anchor_lags(lags, n_anchors)
    found = []
    for _ in range(max(1, settings.n_surrogates)):
        data = shuffled_within(sequences, rng)
        engine = PooledEngine(data, settings.estimator)
        mi = np.array([e.mi for e in engine.run(anchors, n_threads=settings.n_threads)])
        null = random_pairs(data, anchors, settings.estimator)
        found.append((mi - null.mean, null.deviation))
    values, deviation = np.array(found).transpose(1, 0, 2)
    error = deviation[0]
    if len(values) > 1:
        # the spread about the mean of a lag, which falls with the pairs as that of all orders does
        free = values.size - anchors.size
        apart = (values - values.mean(axis=0)) / np.maximum(deviation, 1e-300)
        error = deviation[0] * float(np.sqrt((apart**2).sum() / free))
    at = np.log(lags)
    return Composition(
        np.interp(at, np.log(anchors), values.mean(axis=0)),
        np.interp(at, np.log(anchors), error / np.sqrt(len(values))),
    )


def composition_note(
    sequences: Sequences, lags: Ints, corrected: Floats, settings: Settings
) -> tuple[str, ...]:
    """Return a remark if composition is most of what is left at long distances."""
    part = sequences.head(_ENOUGH)
    many = np.flatnonzero(2 * part.n_pairs(lags) >= part.n_pairs(lags[:1]))
    far = lags[: many[-1] + 1] if many.size else lags[:1]
    found = composition(part, far, replace(settings, n_surrogates=1), _FEW_ANCHORS)
    level = float(found.mean.mean())
    late = float(np.median(corrected[: far.size][-max(1, far.size // 3) :]))
    if level <= _ERRORS * float(found.error[0]) or level < _NOTABLE * late:
        return ()
    # short sequences of slowly changing symbols differ too, but that does not show far away
    if late < _NOTABLE * level:
        return ()
    return (plateau_note(level, late, conditional=settings.conditional),)


def plateau_note(level: float, late: float, *, conditional: bool = False) -> str:
    """Return the remark; MI in nats of sequences shuffled within, and of the far curve."""
    # a shuffle within mixes positions, so they cannot be kept apart
    also = ", positions='pooled'" if conditional else ""
    return (
        f"{OTHER_COMPOSITION}: with each in random order, MI is still {level:.2g} "
        f"nats at every distance, against {late:.2g} measured far away; if only order counts, take "
        f"baseline='within'{also}"
    )


@njit(cache=True, nogil=True)
def _shuffle_within(codes: Codes, offsets: Ints, gap: int, rng: np.random.Generator) -> None:
    for s in range(offsets.size - 1):
        start = offsets[s]
        for i in range(offsets[s + 1] - 1, start, -1):
            j = rng.integers(start, i + 1)
            # gaps keep their places
            if codes[i] != gap and codes[j] != gap:
                codes[i], codes[j] = codes[j], codes[i]


def shuffled_within(sequences: Sequences, rng: np.random.Generator) -> Sequences:
    """Return the same symbols in random order within every sequence."""
    codes = sequences.codes.copy()
    _shuffle_within(codes, sequences.offsets, sequences.gap, rng)
    return sequences.with_codes(codes)
