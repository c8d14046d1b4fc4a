"""The decay curve of data that come in parts: folders, iterators, Dask's bags and arrays."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from optuna_mi._pandas import is_frame
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay.measure._lags import choose_lags
from optuna_mi.decay.measure.shards._alphabet import Alphabet
from optuna_mi.decay.measure.shards._count_plan import CountPlan, shape_of
from optuna_mi.decay.measure.shards._decay_counts import DecayCounts
from optuna_mi.decay.measure.shards._pair_tables import REST, add_tables
from optuna_mi.decay.measure.shards._shards import (
    Shards,
    Survey,
    common_alphabet,
    read_part,
    survey_part,
)

Ints = npt.NDArray[np.int64]

# symbols of an iterator that are counted together
_BATCH = 1 << 22
# blocks of an iterator, and the length at first of each
_BLOCKS, _FIRST_WIDTH = 32, 1 << 10

# what counts of shards cannot do, the values that do not ask for it, and the remedy
_REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "values": (
        ("auto", "symbols"),
        "cut real values into bins yourself, in all shards alike (np.searchsorted(edges, x)); "
        "nearest neighbours need all values at once: pass a sample as one array",
    ),
    "positions": (
        ("auto", "pooled"),
        "positions are kept apart of an array in memory only: pass a sample as one array, or "
        "positions='pooled'",
    ),
    "baseline": (
        ("auto", "shuffle", None),
        "it needs all sequences at once: pass a sample as a list, or baseline='shuffle'",
    ),
    "early_stop": ((False,), "all lags are counted in one pass: give those you want, or max_lag"),
    "checkpoint": (
        (None,),
        "count the shards by DecayCounts.of, keep each result (pickle.dump) and merge them",
    ),
    "difference": ((0,), "difference the series before they are cut into bins"),
    "detrend": ((False,), "take the line from the series before they are cut into bins"),
    "freq": ((None,), "a panel is one DataFrame: pass it whole"),
}


def is_in_parts(x: Any) -> bool:
    """Return whether data are shards rather than one object in memory."""
    if isinstance(x, Shards | Iterator) or (isinstance(x, Path) and x.is_dir()):
        return True
    return type(x).__module__.partition(".")[0] == "dask"


def curve_of_shards(
    x: Any,
    *,
    symbols: Any,
    max_lag: int | None,
    lags: Any,
    boundary: str,
    n_threads: int,
    progress: bool,
    refused: dict[str, Any],
    **to_curve: Any,
) -> DecayCurve:
    """Return the curve of data for which `is_in_parts` is true; arguments as of `decay_curve`.

    Raises:
        ValueError: If a setting asks for what counts of shards cannot do.
    """
    for name, value in refused.items():
        possible, remedy = _REFUSED[name]
        if value not in possible:
            raise ValueError(f"shards cannot be measured with {name}={value!r}: {remedy}")
    alphabet = None if symbols is None else Alphabet.of_user(symbols)
    joined = boundary == "concatenate"
    if isinstance(x, Path):
        x = Shards.from_folder(os.fspath(x))
    if isinstance(x, Iterator):
        counts = _of_iterator(x, alphabet, lags, max_lag, joined=joined, n_threads=n_threads)
    elif isinstance(x, Shards):
        counts = _of_shards(
            x, alphabet, lags, max_lag, joined=joined, n_threads=n_threads, progress=progress
        )
    else:
        counts = _of_dask(x, alphabet, lags, max_lag, joined=joined, positions=refused["positions"])
    curve = counts.to_curve(n_threads=n_threads, **to_curve)
    return replace(curve, boundary=boundary)


def _plan(
    surveys: list[Survey], alphabet: Alphabet | None, lags: Any, max_lag: int | None, joined: bool
) -> CountPlan:
    """Return the plan for shards that have been looked through."""
    alphabet = alphabet or common_alphabet(surveys)
    starts = np.concatenate(([0], np.cumsum([int(s.lengths.sum()) for s in surveys])))
    ends = np.concatenate(([0], np.cumsum(np.concatenate([s.lengths for s in surveys]))))
    if starts[-1] == 0:
        raise ValueError("there are no symbols: all shards are empty, give at least two")
    shape = shape_of(ends[[0, -1]] if joined else ends, alphabet.size)
    wanted = choose_lags(shape, "log" if lags is None else lags, max_lag)
    return CountPlan.of(
        starts.astype(np.int64), alphabet, wanted, joined=joined, is_one=shape.n_sequences == 1
    )


def _of_shards(
    shards: Shards,
    alphabet: Alphabet | None,
    lags: Any,
    max_lag: int | None,
    *,
    joined: bool,
    n_threads: int,
    progress: bool,
) -> DecayCounts:
    every = range(len(shards))
    surveys = [
        survey_part(*shards.read(i), symbols=alphabet is None)
        for i in tqdm(every, desc="looking through", disable=not progress)
    ]
    plan = _plan(surveys, alphabet, lags, max_lag, joined)

    def count() -> Iterator[DecayCounts]:
        tail = plan.alphabet.codes(surveys[0].seen[:0])
        for i in tqdm(every, desc="counting", disable=not progress):
            values, offsets = shards.read(i)
            codes = plan.alphabet.codes(values)
            yield DecayCounts.of_codes(
                plan, i, codes, offsets, int(plan.starts[i]), tail, n_threads=n_threads
            )
            if joined:
                tail = np.concatenate((tail, codes[-plan.max_lag :]))[-plan.max_lag :]

    return merged(count(), plan)


def merged(counts: Iterable[DecayCounts], plan: CountPlan) -> DecayCounts:
    """Return the sum of all counts, which come one after the other."""
    if plan.is_dense:
        return reduce(DecayCounts.merge, counts)
    # a sum of pairs takes as long as it is large: like is added to like, as bits are carried
    waiting: list[tuple[int, DecayCounts]] = []
    for one in counts:
        rank, total = 0, one
        while waiting and waiting[-1][0] == rank:
            rank, total = rank + 1, waiting.pop()[1].merge(total)
        waiting.append((rank, total))
    return reduce(DecayCounts.merge, [total for _, total in reversed(waiting)])


def _of_iterator(
    parts: Iterator[Any],
    alphabet: Alphabet | None,
    lags: Any,
    max_lag: int | None,
    *,
    joined: bool,
    n_threads: int,
) -> DecayCounts:
    """Count what can be read once only, and whose end nobody knows."""
    if alphabet is None or (max_lag is None and (lags is None or isinstance(lags, str))):
        raise ValueError(
            "an iterator of sequences can be read once only, so symbols and max_lag (or the lags "
            "themselves) must be given; or pass shards that can be read twice: Shards([...])"
        )
    far = 1 << 40
    wanted = choose_lags(
        shape_of(np.array([0, far]), alphabet.size), "log" if lags is None else lags, max_lag
    )
    plan = CountPlan.open_ended(alphabet, wanted, joined=joined)
    width, first = _FIRST_WIDTH, 0
    tail = np.empty(0, dtype=np.uint8)

    def count() -> Iterator[DecayCounts]:
        nonlocal width, first, tail
        for i, (codes, offsets) in enumerate(_batches(parts, alphabet)):
            while first + codes.size > _BLOCKS * width:
                width *= 2
            plan.edges = width * np.arange(_BLOCKS + 1, dtype=np.int64)
            yield DecayCounts.of_codes(plan, i, codes, offsets, first, tail, n_threads=n_threads)
            first += codes.size
            if joined:
                tail = np.concatenate((tail.astype(codes.dtype), codes[-plan.max_lag :]))
                tail = tail[-plan.max_lag :]

    total: DecayCounts | None = None
    wide = _FIRST_WIDTH
    for one in count():
        if total is not None:
            while wide < width:
                total, wide = _with_wider_blocks(total), 2 * wide
        total, wide = one if total is None else total.merge(one), width
    if total is None:
        raise ValueError("there are no symbols: the iterator is empty, give at least two")
    return total


def _with_wider_blocks(counts: DecayCounts) -> DecayCounts:
    """Return the same counts in half as many blocks."""
    tables: dict[int, Any] = {}
    for b, table in counts._tables.items():
        tables = add_tables(tables, {b if b == REST else b // 2: table})
    return replace(counts, _tables=tables)


def _batches(parts: Iterator[Any], alphabet: Alphabet) -> Iterator[tuple[npt.NDArray[Any], Ints]]:
    """Yield the codes of several parts, and the offsets of their sequences."""
    codes: list[npt.NDArray[Any]] = []
    lengths: list[Ints] = []
    size = 0
    for part in parts:
        values, offsets = read_part(part)
        codes.append(alphabet.codes(values))
        lengths.append(np.diff(offsets))
        size += values.size
        if size >= _BATCH:
            yield _together(codes, lengths)
            codes, lengths, size = [], [], 0
    if size:
        yield _together(codes, lengths)


def _together(codes: list[npt.NDArray[Any]], lengths: list[Ints]) -> tuple[npt.NDArray[Any], Ints]:
    ends = np.cumsum(np.concatenate(lengths))
    return np.concatenate(codes), np.concatenate(([0], ends)).astype(np.int64)


def _of_dask(
    x: Any,
    alphabet: Alphabet | None,
    lags: Any,
    max_lag: int | None,
    *,
    joined: bool,
    positions: str,
) -> DecayCounts:
    """Count the partitions of a bag or the chunks of an array where Dask computes them."""
    from dask import array, bag, compute, delayed

    tail_of: Callable[[int, CountPlan], Any] | None = None
    if isinstance(x, bag.Bag):
        parts = [delayed(list)(part) for part in x.to_delayed()]
    elif isinstance(x, array.Array):
        x = _checked_array(x, positions)
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
    plan = _plan(surveys, alphabet, lags, max_lag, joined)

    def before(i: int) -> Any:
        if not joined or i == 0:
            return None
        if tail_of is not None:
            return tail_of(i, plan)
        near = [j for j in range(i) if plan.starts[j + 1] > plan.starts[i] - plan.max_lag]
        return delayed(_tail)([parts[j] for j in near], plan.max_lag)

    counts = [delayed(_count)(part, plan, i, before(i)) for i, part in enumerate(parts)]
    while len(counts) > 1:
        counts = [
            delayed(DecayCounts.merge)(*pair) if len(pair) == 2 else pair[0]
            for pair in (counts[i : i + 2] for i in range(0, len(counts), 2))
        ]
    found: DecayCounts = compute(counts[0])[0]
    return found


def _checked_array(x: Any, positions: str) -> Any:
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
    if x.ndim == 2 and positions != "pooled":
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
