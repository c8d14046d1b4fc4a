"""Shards that one process counts one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from optuna_mi.decay.measure._lags import choose_lags
from optuna_mi.decay.measure.shards._alphabet import Alphabet
from optuna_mi.decay.measure.shards._count_plan import CountPlan, shape_of
from optuna_mi.decay.measure.shards._decay_counts import DecayCounts
from optuna_mi.decay.measure.shards._shards import Shards, Survey, common_alphabet, survey_part

Ints = npt.NDArray[np.int64]


def plan_of(
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


def count_shards(
    shards: Shards,
    alphabet: Alphabet | None,
    lags: Any,
    max_lag: int | None,
    *,
    joined: bool,
    n_threads: int,
    progress: bool,
) -> Iterator[DecayCounts]:
    """Count shards that can be read as often as is needed; yield the counts of some lags each."""
    every = range(len(shards))
    surveys = [
        survey_part(*shards.read(i), symbols=alphabet is None)
        for i in tqdm(every, desc="looking through", disable=not progress)
    ]

    def count(plan: CountPlan) -> Iterator[DecayCounts]:
        tail = plan.alphabet.codes(surveys[0].seen[:0])
        for i in tqdm(every, desc="counting", disable=not progress):
            values, offsets = shards.read(i)
            codes = plan.alphabet.codes(values)
            yield DecayCounts.of_codes(
                plan, i, codes, offsets, int(plan.starts[i]), tail, n_threads=n_threads
            )
            if joined:
                tail = np.concatenate((tail, codes[-plan.max_lag :]))[-plan.max_lag :]

    for plan in plan_of(surveys, alphabet, lags, max_lag, joined).in_passes():
        yield merged(count(plan), plan)


def merged(
    counts: Iterable[DecayCounts],
    plan: CountPlan,
    merge: Callable[[DecayCounts, DecayCounts], DecayCounts] = DecayCounts.merge,
) -> DecayCounts:
    """Return the sum of all counts, which come one after the other."""
    if plan.is_dense:
        return reduce(merge, counts)
    # a sum of pairs takes as long as it is large: like is added to like, as bits are carried
    waiting: list[tuple[int, DecayCounts]] = []
    for one in counts:
        rank, total = 0, one
        while waiting and waiting[-1][0] == rank:
            rank, total = rank + 1, merge(waiting.pop()[1], total)
        waiting.append((rank, total))
    return reduce(merge, [total for _, total in reversed(waiting)])
