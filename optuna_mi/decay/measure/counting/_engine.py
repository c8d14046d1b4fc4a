"""Which way the pairs of pooled curves are counted: the one that takes least time."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt

from optuna_mi._threads import parallel
from optuna_mi.decay.measure.counting._counts import Codes
from optuna_mi.decay.measure.counting._dense import (
    LagEstimate,
    dense_lags,
    fft_cost,
    fft_edges,
    fft_estimates,
    fft_segment,
    n_blocks_for,
)
from optuna_mi.decay.measure.counting._few_lags import anchor_lags
from optuna_mi.decay.measure.counting._sparse import make_groups, sparse_lags
from optuna_mi.decay.measure.reading._sequences import Sequences
from optuna_mi.information._entropy import Estimator

Ints = npt.NDArray[np.int64]

# Nanoseconds, measured on one core: a pair counted in a table, a pair counted by groups, a cell of
# a table evaluated.
_DENSE_PAIR, _SPARSE_PAIR, _CELL = 0.6, 3.0, 1.0
# Cells of the largest table: 32 MB of counts for each of 8 to 32 blocks.
_LARGEST_TABLE = 1 << 23
# Counting by groups measures the standard error at so many lags only, as it takes as long as all
# else there; it changes slowly in between. A choice.
ERRORS_MEASURED = 16


class PooledEngine:
    """Estimates pooled MI of one set of sequences at any lags.

    Args:
        sequences: The data.
        estimator: Which entropy.
        later: Where the later symbol of a pair is taken from, if not from the sequences
            themselves.

    Attributes:
        is_dense: Whether a table of all pairs of symbols is affordable.
        method: How the pairs of the last run were counted, in words.
    """

    def __init__(
        self, sequences: Sequences, estimator: Estimator, later: Codes | None = None
    ) -> None:
        self._sequences = sequences
        self._estimator = estimator
        self._later = later
        self.is_dense = pays_table(sequences)
        if sequences.has_gaps and not self.is_dense:
            raise ValueError(
                f"a panel of {sequences.n_symbols:,} different symbols with steps missing: fill "
                "the steps, or number the symbols by kinds, 2,000 at most"
            )
        self._groups = None if self.is_dense else make_groups(sequences)
        self.method = ""

    def batches(self, lags: Ints) -> list[Ints]:
        """Split lags into what one pass over the data takes best."""
        return [lags[i : i + 4] for i in range(0, lags.size, 4)]

    def run(
        self, lags: Ints, *, n_threads: int, progress: bool = False, label: str = ""
    ) -> list[LagEstimate]:
        """Estimate MI at all lags."""
        found = self.run_part(lags, lags, n_threads=n_threads, progress=progress, label=label)
        return fill_errors(lags, found)

    def run_part(
        self, part: Ints, lags: Ints, *, n_threads: int, progress: bool = False, label: str = ""
    ) -> list[LagEstimate]:
        """Estimate MI at some of the lags of a curve.

        All lags together decide where and over which blocks errors are measured, so that parts
        agree with the whole in every bit. Errors that are to be interpolated (`fill_errors`) are
        NaN.
        """
        k = self._sequences.alphabet
        whole_pays = self.pays_transform(lags)
        if whole_pays and self.pays_transform(part):
            self.method = f"Fourier transforms of {k} indicators, all lags at once"
            return self._transform(part, n_threads=n_threads, progress=progress, label=label)
        self.method = f"table of {k} x {k} counts" if self.is_dense else f"grouped by {k} symbols"
        edges = fft_edges(self._sequences) if whole_pays else None
        measured = lags if self.is_dense else anchor_lags(lags, ERRORS_MEASURED)
        has_error = np.isin(part, measured)
        batches = [*self.batches(part[has_error]), *self.batches(part[~has_error])]
        found = parallel(
            lambda batch: self._estimate(batch, edges, with_error=batch[0] in measured),
            batches,
            n_threads=n_threads,
            progress=progress,
            label=label,
        )
        order = np.argsort(np.concatenate(batches))
        estimates = list(chain.from_iterable(found))
        return [estimates[i] for i in order]

    def pays_transform(self, lags: Ints) -> bool:
        """Return whether Fourier transforms count all lags faster than tables would."""
        return self.break_even(lags) < lags.size

    def break_even(self, lags: Ints) -> int:
        """Return how many lags tables count while Fourier transforms count all; all at most."""
        return transform_break_even(self._sequences, lags) if self.is_dense else int(lags.size)

    def _transform(
        self, lags: Ints, *, n_threads: int, progress: bool, label: str
    ) -> list[LagEstimate]:
        x, k = self._sequences.codes, self._sequences.alphabet
        y = x if self._later is None else self._later
        segments = parallel(
            lambda span: fft_segment(x, y, int(span[0]), int(span[1]), lags, k),
            list(pairwise(fft_edges(self._sequences))),
            n_threads=n_threads,
            progress=progress,
            label=label,
        )
        return fft_estimates(segments, k, self._estimator)

    def _estimate(self, lags: Ints, edges: Ints | None, *, with_error: bool) -> list[LagEstimate]:
        if self._groups is None:
            return dense_lags(self._sequences, lags, self._estimator, self._later, edges)
        return sparse_lags(
            self._sequences,
            self._groups,
            lags,
            self._estimator,
            self._later,
            with_error=with_error,
        )


def pays_table(sequences: Sequences) -> bool:
    """Return whether a table of all pairs of symbols is faster than counting by groups."""
    cells = sequences.alphabet**2
    dense = sequences.n_total * _DENSE_PAIR + cells * (n_blocks_for(sequences) + 30) * _CELL
    # only a table can be looked through without its gaps
    cheaper = dense <= sequences.n_total * _SPARSE_PAIR or sequences.has_gaps
    return cells <= _LARGEST_TABLE and cheaper


def transform_break_even(sequences: Sequences, lags: Ints) -> int:
    """Return how many lags tables count while Fourier transforms count all; all at most."""
    a_lag = sequences.n_total * _DENSE_PAIR
    return int(min(lags.size, fft_cost(sequences, int(lags[-1])) / a_lag))


def fill_errors(lags: Ints, estimates: list[LagEstimate]) -> list[LagEstimate]:
    """Interpolate the standard errors that were not measured."""
    errors = np.array([e.std_error for e in estimates])
    known = np.isfinite(errors)
    if known.all():
        return estimates
    filled = np.interp(np.log(lags), np.log(lags[known]), errors[known])
    return [replace(e, std_error=float(s)) for e, s in zip(estimates, filled, strict=True)]
