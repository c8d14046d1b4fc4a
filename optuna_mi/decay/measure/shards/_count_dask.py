"""Dask's bags and arrays, counted where Dask computes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._pandas import is_frame
from optuna_mi.decay.measure.shards._alphabet import Alphabet
from optuna_mi.decay.measure.shards._count_plan import CountPlan
from optuna_mi.decay.measure.shards._count_shards import plan_of
from optuna_mi.decay.measure.shards._decay_counts import DecayCounts
from optuna_mi.decay.measure.shards._shards import Survey, read_part, survey_part

Ints = npt.NDArray[np.int64]


def count_dask(
    x: Any,
    alphabet: Alphabet | None,
    lags: Any,
    max_lag: int | None,
    *,
    joined: bool,
    pooled: bool,
) -> Iterator[DecayCounts]:
    """Count where Dask computes a bag or an array; yield the counts of some lags each."""
    from dask import array, bag, compute, delayed

    tail_of: Callable[[int, CountPlan], Any] | None = None
    if isinstance(x, bag.Bag):
        parts = [delayed(list)(part) for part in x.to_delayed()]
    elif isinstance(x, array.Array):
        x = _checked_array(x, pooled=pooled)
        joined = joined or x.ndim == 1
        parts = list(x.to_delayed().reshape(x.numblocks[0], -1)[:, 0])
        flat = x.reshape(-1) if joined else x
        if joined:

            def tail_of(i: int, plan: CountPlan) -> Any:
                at = int(plan.starts[i])
                return flat[max(0, at - plan.max_lag) : at]
    else:
        what = "DataFrame" if is_frame(x) or hasattr(x, "columns") else type(x).__name__
        raise TypeError(
            f"sequences must be a Dask bag or array, got a Dask {what}: pass one column as an "
            "array, x['name'].to_dask_array(lengths=True)"
        )
    surveys = list(compute(*[delayed(_survey)(p, alphabet is None) for p in parts]))

    def before(i: int, plan: CountPlan) -> Any:
        if not joined or i == 0:
            return None
        if tail_of is not None:
            return tail_of(i, plan)
        near = [j for j in range(i) if plan.starts[j + 1] > plan.starts[i] - plan.max_lag]
        return delayed(_tail)([parts[j] for j in near], plan.max_lag)

    for plan in plan_of(surveys, alphabet, lags, max_lag, joined).in_passes():
        shared = delayed(plan)
        counts = [delayed(_count)(part, shared, i, before(i, plan)) for i, part in enumerate(parts)]
        while len(counts) > 1:
            counts = [
                delayed(DecayCounts.merge)(*pair) if len(pair) == 2 else pair[0]
                for pair in (counts[i : i + 2] for i in range(0, len(counts), 2))
            ]
        yield compute(counts[0])[0]


def _checked_array(x: Any, *, pooled: bool) -> Any:
    if any(np.isnan(size) for size in x.shape):
        raise ValueError(
            "the chunks of a Dask array must have known sizes: call x.compute_chunk_sizes(), or "
            "to_dask_array(lengths=True)"
        )
    if x.ndim not in (1, 2):
        raise ValueError(
            f"an array must have shape (steps,) or (sequences, steps), got {x.shape}; flatten "
            "images to x.reshape(len(x), -1)"
        )
    if x.ndim == 2 and not pooled:
        raise ValueError(
            "of an array (sequences, steps) in memory, positions are kept apart, which counts of "
            "chunks cannot do: pass positions='pooled', or x.compute() of a sample"
        )
    return x if x.ndim == 1 else x.rechunk({1: -1})


def _survey(part: Any, symbols: bool) -> Survey:
    return survey_part(*_read(part), symbols=symbols)


def _read(part: Any) -> tuple[npt.NDArray[Any], Ints]:
    # an empty partition holds no sequence
    if isinstance(part, list) and not part:
        return np.empty(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    return read_part(part)


def _tail(parts: list[Any], n: int) -> npt.NDArray[Any]:
    return np.concatenate([_read(part)[0] for part in parts])[-n:]


def _count(part: Any, plan: CountPlan, index: int, before: Any) -> DecayCounts:
    values, offsets = _read(part)
    codes = plan.alphabet.codes(values)
    earlier = codes[:0] if before is None else plan.alphabet.codes(read_part(before)[0])
    return DecayCounts.of_codes(
        plan, index, codes, offsets, int(plan.starts[index]), earlier[-plan.max_lag :]
    )
