"""Counts of the pairs of one shard: tables, or the pairs that occur."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from optuna_mi._numba import njit
from optuna_mi._threads import parallel
from optuna_mi.decay.measure.counting._counts import Codes, count_four, count_pairs
from optuna_mi.decay.measure.counting._dense import FUSE_CELLS
from optuna_mi.decay.measure.counting._sparse import Places, make_groups
from optuna_mi.decay.measure.reading._sequences import Sequences
from optuna_mi.decay.measure.shards._count_plan import CountPlan

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Ints = npt.NDArray[np.int64]
# of a block: counts of shape (lags, K * K), or a sparse matrix per lag
Table: TypeAlias = "npt.NDArray[np.uint32] | npt.NDArray[np.int64] | list[csr_array]"
# block number -> counts at the lags whose error is measured; -1 -> all counts at the others
Tables = dict[int, Table]

REST = -1


def count_tables(
    plan: CountPlan, codes: Codes, offsets: Ints, first: int, n_before: int, n_threads: int = 1
) -> Tables:
    """Count the pairs whose later symbol is new.

    Args:
        plan: Lags and blocks.
        codes: Codes of the shard, behind those of the symbols before it.
        offsets: First index of every sequence in codes, and their number.
        first: How many symbols of the corpus stand before codes.
        n_before: How many of the codes belong to the shard before.
        n_threads: Threads.
    """
    count = _dense if plan.is_dense else _sparse
    n = codes.size
    tables: Tables = {}
    for b in range(plan.edges.size - 1):
        start, stop = (int(np.clip(edge - first, 0, n)) for edge in plan.edges[b : b + 2])
        if plan.error_lags.size and start < stop and stop + plan.max_lag > n_before:
            span = (start, stop, n_before)
            tables[b] = count(plan, codes, offsets, span, plan.error_lags, n_threads)
    if plan.other_lags.size:
        table = count(plan, codes, offsets, (0, n, n_before), plan.other_lags, n_threads)
        tables[REST] = table.astype(np.int64) if isinstance(table, np.ndarray) else table
    return tables


def add_tables(a: Tables, b: Tables) -> Tables:
    """Return the sums of counts; arrays of only one side are shared with it."""
    out = dict(a)
    for block, table in b.items():
        mine = out.get(block)
        if mine is None:
            out[block] = table
        elif isinstance(mine, list):
            out[block] = [x + y for x, y in zip(mine, table, strict=True)]
        else:
            out[block] = mine + table
    return out


def sum_of_blocks(blocks: dict[int, Any], k: int) -> Any:
    """Return the counts of all blocks at one lag, shape (k, k); sparse ones are a csr_array."""
    tables = list(blocks.values())
    if not tables:
        from scipy.sparse import csr_array

        return csr_array((k, k), dtype=np.int64)
    if isinstance(tables[0], np.ndarray):
        return np.sum(tables, axis=0, dtype=np.int64).reshape(k, k)
    # neighbours first: large sums are added to large ones
    while len(tables) > 1:
        tables = [sum(tables[i + 1 : i + 2], start=tables[i]) for i in range(0, len(tables), 2)]
    return tables[0]


def _dense(
    plan: CountPlan,
    codes: Codes,
    offsets: Ints,
    span: tuple[int, int, int],
    lags: Ints,
    n_threads: int,
) -> npt.NDArray[np.uint32]:
    """Count pairs whose earlier symbol stands at start <= i < stop; span ends with n_before."""
    start, stop, n_before = span
    k = plan.alphabet.size
    out = np.zeros((lags.size, k * k), dtype=np.uint32)

    def count(at: int) -> None:
        some = lags[at : at + 4]
        from_here = start
        if some.size == 4 and 4 * k * k <= FUSE_CELLS:
            from_here = max(start, n_before)
            if from_here < stop:
                count_four(codes, codes, offsets, from_here, stop, some, k, out[at : at + 4])
        else:
            from_here = stop
        for j, lag in enumerate(some.tolist()):
            # what follows the shard's first symbol has been counted if four lags were
            begin, end = max(start, n_before - lag), min(from_here, stop)
            if begin < end:
                count_pairs(codes, codes, offsets, begin, end, lag, k, out[at + j])

    parallel(count, list(range(0, lags.size, 4)), n_threads=n_threads)
    return out


def _sparse(
    plan: CountPlan,
    codes: Codes,
    offsets: Ints,
    span: tuple[int, int, int],
    lags: Ints,
    n_threads: int,
) -> list[csr_array]:
    """Do the same for the pairs that occur: a matrix (earlier, later) a lag."""
    start, stop, n_before = span
    end = min(codes.size, stop + plan.max_lag)
    part, k = codes[start:end], plan.alphabet.size
    # sequences of the part; a place's pairs stay in its own
    own = np.unique(np.clip(offsets, start, end)) - start
    groups = make_groups(Sequences(part, own, k, k))
    start_of = np.repeat(own[:-1], np.diff(own)) if own.size > 2 else np.empty(0, dtype=np.int64)
    rows = np.concatenate(([0], np.cumsum(np.bincount(part[: stop - start], minlength=k))))
    kind = np.uint32 if plan.n_total < 1 << 32 else np.int64
    count = partial(_matrix, part, groups.order, groups.starts, start_of, rows)
    return parallel(
        lambda lag: count(max(n_before - start, 0), stop - start, int(lag), k, kind),
        list(lags),
        n_threads=n_threads,
    )


def _matrix(
    codes: Codes,
    order: Places,
    starts: Ints,
    start_of: Ints,
    rows: Ints,
    n_before: int,
    stop: int,
    lag: int,
    k: int,
    kind: type[np.integer],
) -> csr_array:
    from scipy.sparse import csr_array

    columns = np.empty(stop, dtype=np.int32)
    counts = np.empty(stop, dtype=kind)
    ends = rows[:-1].copy()
    _count_pairs(codes, order, starts, start_of, rows, n_before, stop, lag, columns, counts, ends)
    sizes = ends - rows[:-1]
    pointers = np.concatenate(([0], np.cumsum(sizes)))
    _close_up(rows, ends, columns, counts)
    n = int(pointers[-1])
    # the rest of the space is given back
    return csr_array((counts[:n].copy(), columns[:n].copy(), pointers), shape=(k, k))


@njit(cache=True, nogil=True)
def _count_pairs(
    codes: Codes,
    order: Places,
    starts: Ints,
    start_of: Ints,
    rows: Ints,
    n_before: int,
    stop: int,
    lag: int,
    columns: npt.NDArray[np.int32],
    counts: Ints,
    ends: Ints,
) -> None:
    """Append to every row the later symbols, which come in order, and how often each does.

    The places are grouped by their symbol: so no row needs sorting. A row has room for as many
    pairs as its symbol occurs.
    """
    ragged = start_of.size > 0
    for y in range(starts.size - 1):
        for p in range(starts[y], starts[y + 1]):
            place = np.int64(order[p])
            i = place - lag
            if i < 0 or i >= stop or place < n_before or (ragged and i < start_of[place]):
                continue
            x = np.int64(codes[i])
            at = ends[x]
            if at > rows[x] and columns[at - 1] == y:
                counts[at - 1] += 1
            else:
                columns[at] = y
                counts[at] = 1
                ends[x] = at + 1


@njit(cache=True, nogil=True)
def _close_up(rows: Ints, ends: Ints, columns: npt.NDArray[np.int32], counts: Ints) -> None:
    """Move all rows to the front, one behind the other."""
    to = 0
    for x in range(ends.size):
        for at in range(rows[x], ends[x]):
            columns[to] = columns[at]
            counts[to] = counts[at]
            to += 1


@njit(cache=True, nogil=True)
def pointwise_sum(
    pointers: Ints,
    columns: Ints,
    counts: Ints,
    of_all: Ints,
    all_columns: Ints,
    log_pair: Ints,
    log_x: Ints,
    log_y: Ints,
) -> tuple[int, int]:
    """Return the sum of ln p(x, y) / p(x) p(y) over a block's pairs, scaled, and their number.

    Args:
        pointers: First entry of every row of the block.
        columns: Later symbols of its entries, increasing in every row.
        counts: How often each pair occurs in it.
        of_all: First entry of every row of all blocks.
        all_columns: Later symbols of these.
        log_pair: Scaled logarithms of their counts.
        log_x: Those of the earlier symbols' counts.
        log_y: Those of the later symbols' counts.
    """
    total = size = 0
    for x in range(pointers.size - 1):
        at = of_all[x]
        for p in range(pointers[x], pointers[x + 1]):
            while all_columns[at] != columns[p]:
                at += 1
            total += counts[p] * (log_pair[at] - log_x[x] - log_y[columns[p]])
            size += counts[p]
    return total, size
