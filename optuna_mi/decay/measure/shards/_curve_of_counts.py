"""The curve of what was counted in shards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay.measure._pooled_curve import shuffle_columns
from optuna_mi.decay.measure._settings import Settings, surrogate_count
from optuna_mi.decay.measure.counting._dense import LagEstimate
from optuna_mi.decay.measure.counting._engine import fill_errors
from optuna_mi.decay.measure.noise._composition import composition_note
from optuna_mi.decay.measure.reading._counted_sequences import CountedSequences
from optuna_mi.decay.measure.reading._sequences import ALIGNED_FROM, short_ones_note
from optuna_mi.decay.measure.shards._estimates_of_counts import blocks_at, estimate_at
from optuna_mi.decay.measure.shards._pair_tables import sum_of_blocks
from optuna_mi.information._entropy import Estimator

if TYPE_CHECKING:
    from optuna_mi.decay.measure.shards._decay_counts import DecayCounts

_POOLED = (
    "all sequences have one length, and their positions were pooled: if a position means the same "
    "in all of them, the MI holds what positions differ in; a sample in memory keeps them apart"
)

Ints = npt.NDArray[np.int64]

# first symbols of the corpus that are kept, for the noise that its memory makes
HEAD = 1 << 22


def curve_of_counts(
    passes: Iterable[DecayCounts],
    *,
    estimator: Estimator,
    baseline: Literal["shuffle"] | None,
    n_surrogates: int | None,
    seed: int,
    n_threads: int,
    pooling_is_asked: bool = False,
) -> DecayCurve:
    """Return the curve of all lags.

    Args:
        passes: Counts of all shards at some lags, and at larger ones, one after the other: only one
            of them is held.
        estimator: Which entropy.
        baseline: As of `decay_curve`, and so are the others.
        n_surrogates: See baseline.
        seed: See baseline.
        n_threads: See baseline.
        pooling_is_asked: Whether the user knows that positions are not kept apart.
    """
    margins: dict[int, tuple[Ints, Ints]] = {}
    raw: list[LagEstimate] = []
    for counts in passes:
        for lag in counts.plan.lags.tolist():
            estimate, margins[lag] = _measured(counts, lag, estimator)
            raw.append(estimate)
        rest = replace(counts, _tables={})
        del counts
    settings = Settings(
        estimator=estimator,
        conditional=False,
        baseline=baseline,
        n_surrogates=surrogate_count(n_surrogates, baseline),
        seed=seed,
        n_threads=n_threads,
        progress=False,
    )
    curve = _curve(rest, np.array(list(margins), dtype=np.int64), raw, margins, settings)
    aligned = rest._shortest == rest._longest and rest._n_sequences >= ALIGNED_FROM
    if pooling_is_asked or rest.plan.joined or not aligned:
        return curve
    return replace(curve, notes=(*curve.notes, _POOLED))


def _measured(
    counts: DecayCounts, lag: int, estimator: Estimator
) -> tuple[LagEstimate, tuple[Ints, Ints]]:
    plan = counts.plan
    blocks = blocks_at(plan, counts._tables, lag)
    joint = sum_of_blocks(blocks, plan.alphabet.size)
    n_x, n_y = (np.asarray(joint.sum(axis=axis)).ravel().astype(np.int64) for axis in (1, 0))
    if not n_x.any():
        raise ValueError(
            f"there are no pairs at lag {lag}: the longest sequence has length "
            f"{counts._longest:,}; give a max_lag below it"
        )
    return estimate_at(plan, lag, blocks, joint, (n_x, n_y), estimator), (n_x, n_y)


def _curve(
    counts: DecayCounts,
    lags: Ints,
    raw: list[LagEstimate],
    margins: dict[int, tuple[Ints, Ints]],
    settings: Settings,
) -> DecayCurve:
    plan = counts.plan
    raw = fill_errors(lags, raw)
    counted = _counted(counts, margins)
    columns: dict[str, Any] = {
        "mi": np.array([e.mi for e in raw]),
        "entropy_x": np.array([e.h_x for e in raw]),
        "entropy_y": np.array([e.h_y for e in raw]),
        "entropy_xy": np.array([e.h_xy for e in raw]),
        "n_pairs": counted.n_pairs(lags),
    }
    notes: tuple[str, ...] = ()
    if settings.baseline is None:
        columns["std_error"] = np.array([e.std_error for e in raw])
    else:
        columns |= shuffle_columns(counted, lags, settings, raw)
        if counted.n_sequences > 1:
            corrected = columns["mi"] - columns["baseline"]
            notes += composition_note(counted, lags, corrected, settings)
    if counts._n_short and not plan.joined:
        notes += (short_ones_note(counts._n_short, counted.n_sequences, plan.max_lag),)
    k = plan.alphabet.size
    kind = f"table of {k} x {k} counts" if plan.is_dense else f"pairs of {k} symbols that occur"
    return DecayCurve(
        lags=lags,
        **columns,
        sequence_length=counted.longest,
        n_sequences=counted.n_sequences,
        n_symbols=counted.n_symbols,
        n_total=counted.n_total,
        estimator=settings.estimator,
        boundary="concatenate" if plan.joined else "within",
        positions="pooled",
        baseline_method=settings.baseline,
        seed=settings.seed if settings.baseline else None,
        method=f"{kind}, added up over {len(counts.shards):,} shards",
        notes=notes,
    )


def _counted(counts: DecayCounts, margins: dict[int, tuple[Ints, Ints]]) -> CountedSequences:
    """Return what stands for the sequences that were counted."""
    codes = np.concatenate([part for _, part, _ in counts._head])[:HEAD]
    ends = [0]
    for _, part, own in counts._head:
        ends.extend((ends[-1] + own[1:]).tolist() if not counts.plan.joined else [])
        if counts.plan.joined:
            ends = [0, ends[-1] + part.size]
    size = counts.plan.alphabet.size
    n_symbols = int(np.count_nonzero(counts.occurrences))
    if n_symbols < 2:
        raise ValueError(
            f"all {int(counts.occurrences.sum()):,} symbols are the same: there is nothing to "
            "measure; at least two different ones are needed"
        )
    total = int(counts.occurrences.sum())
    return CountedSequences(
        codes=codes,
        offsets=np.unique(np.minimum(ends, codes.size)).astype(np.int64),
        alphabet=size,
        n_symbols=n_symbols,
        margins_at=margins,
        total=total,
        number=1 if counts.plan.joined else counts._n_sequences,
        longest_one=total if counts.plan.joined else counts._longest,
    )
