"""What can be read once only, and whose end nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.measure._lags import choose_lags
from optuna_mi.decay.measure.shards._alphabet import Alphabet
from optuna_mi.decay.measure.shards._count_plan import CountPlan, shape_of
from optuna_mi.decay.measure.shards._count_shards import merged
from optuna_mi.decay.measure.shards._decay_counts import DecayCounts
from optuna_mi.decay.measure.shards._pair_tables import REST, add_tables
from optuna_mi.decay.measure.shards._shards import read_part

Ints = npt.NDArray[np.int64]

# symbols that are counted together
_BATCH = 1 << 22
# blocks whose spread gives the standard error, and how long each is at first
_BLOCKS, _FIRST_WIDTH = 32, 1 << 10
# so long that a block of twice as many may overflow a count of 32 bits
_LONG_BLOCK = 1 << 31
# no sequence is as long as this
_ENDLESS = 1 << 40


def count_iterator(
    parts: Iterator[Any],
    alphabet: Alphabet | None,
    lags: Any,
    max_lag: int | None,
    *,
    joined: bool,
    n_threads: int,
) -> DecayCounts:
    """Count the sequences, or pieces of one, that an iterator yields.

    The blocks become twice as long whenever they no longer hold all symbols.
    """
    if alphabet is None or (max_lag is None and (lags is None or isinstance(lags, str))):
        raise ValueError(
            "an iterator of sequences can be read once only, so symbols and max_lag (or the lags "
            "themselves) must be given; or pass shards that can be read twice: Shards([...])"
        )
    shape = shape_of(np.array([0, _ENDLESS]), alphabet.size)
    wanted = choose_lags(shape, "log" if lags is None else lags, max_lag)
    plan = CountPlan.open_ended(alphabet, wanted, joined=joined)

    def count() -> Iterator[DecayCounts]:
        width, first = _FIRST_WIDTH, 0
        tail = np.empty(0, dtype=np.uint8)
        for i, (codes, offsets) in enumerate(_batches(parts, alphabet)):
            while first + codes.size > _BLOCKS * width:
                width *= 2
            own = plan.with_edges(width * np.arange(_BLOCKS + 1, dtype=np.int64))
            yield DecayCounts.of_codes(own, i, codes, offsets, first, tail, n_threads=n_threads)
            first += codes.size
            if joined:
                both = np.concatenate((tail.astype(codes.dtype), codes[-plan.max_lag :]))
                tail = both[-plan.max_lag :]

    counts = count()
    one = next(counts, None)
    if one is None:
        raise ValueError("there are no symbols: the iterator is empty, give at least two")
    return merged(chain([one], counts), plan, _merge)


def _merge(a: DecayCounts, b: DecayCounts) -> DecayCounts:
    """Merge counts of which one may have shorter blocks."""
    while a.plan.edges[1] < b.plan.edges[1]:
        a = _with_wider_blocks(a)
    while b.plan.edges[1] < a.plan.edges[1]:
        b = _with_wider_blocks(b)
    return a.merge(b)


def _with_wider_blocks(counts: DecayCounts) -> DecayCounts:
    """Return the same counts in half as many blocks."""
    tables: dict[int, Any] = {}
    for b, table in counts._tables.items():
        if counts.plan.edges[1] >= _LONG_BLOCK and isinstance(table, np.ndarray):
            table = table.astype(np.int64)
        tables = add_tables(tables, {b if b == REST else b // 2: table})
    return replace(counts, plan=counts.plan.with_edges(2 * counts.plan.edges), _tables=tables)


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
