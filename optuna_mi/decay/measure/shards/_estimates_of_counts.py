"""From the counts of all shards at a lag to its entropies."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.measure.counting._dense import LagEstimate, estimate_dense
from optuna_mi.decay.measure.counting._sparse import (
    counts_of_counts,
    estimate_sparse,
    scaled_error,
    scaled_logs,
)
from optuna_mi.decay.measure.shards._count_plan import CountPlan
from optuna_mi.decay.measure.shards._pair_tables import REST, Tables, pointwise_sum
from optuna_mi.information._entropy import Estimator

Ints = npt.NDArray[np.int64]


def blocks_at(plan: CountPlan, tables: Tables, lag: int) -> dict[int, Any]:
    """Return the counts at a lag by block."""
    measured = lag in plan.error_lags
    own = plan.error_lags if measured else plan.other_lags
    at = int(np.searchsorted(own, lag))
    return {b: t[at] for b, t in tables.items() if (b != REST) == measured}


def estimate_at(
    plan: CountPlan,
    lag: int,
    blocks: dict[int, Any],
    joint: Any,
    margins: tuple[Ints, Ints],
    estimator: Estimator,
) -> LagEstimate:
    """Return the estimate at a lag; its error is NaN where none is measured."""
    n_blocks = plan.edges.size - 1
    has_error = lag in plan.error_lags
    if plan.is_dense:
        if not has_error:
            found = estimate_dense(joint.reshape(1, -1), plan.alphabet.size, estimator)
            return LagEstimate(found.h_x, found.h_y, found.h_xy, np.nan, found.plugin)
        # blocks without pairs have their place too: sums are then added in the same order
        kind = np.result_type(*blocks.values())
        rows = np.zeros((n_blocks, plan.alphabet.size**2), dtype=kind)
        for b, table in blocks.items():
            rows[b] = table
        return estimate_dense(rows, plan.alphabet.size, estimator)
    error = float("nan")
    if has_error:
        n = int(margins[0].sum())
        logs = [scaled_logs(m, n) for m in margins]
        of_pairs = scaled_logs(joint.data, n, n)
        sums, sizes = np.zeros((2, n_blocks), dtype=np.int64)
        for b, table in blocks.items():
            sums[b], sizes[b] = pointwise_sum(
                table.indptr,
                table.indices,
                table.data,
                joint.indptr,
                joint.indices,
                of_pairs,
                *logs,
            )
        error = scaled_error(sums, sizes)
    times = counts_of_counts(joint.data)
    return estimate_sparse(*margins, times, error, estimator)
