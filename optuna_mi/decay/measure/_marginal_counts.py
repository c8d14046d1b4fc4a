"""How often each symbol is the earlier or the later one of a pair at a distance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from optuna_mi._numba import njit
from optuna_mi.decay.measure._count_kernels import Codes
from optuna_mi.decay.measure._sequences import Sequences

Ints = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def count_symbols(codes: Codes, out: Ints) -> None:
    """Add to out, shape (alphabet,), how often each code occurs."""
    for c in codes:
        out[c] += 1


@njit(cache=True, nogil=True)
def take_ends(
    codes: Codes, later: Codes, offsets: Ints, before: int, lag: int, n_x: Ints, n_y: Ints
) -> None:
    """Take from counts of pairs at a smaller lag those that have no partner at this one.

    Args:
        codes: Where the earlier symbols come from.
        later: Where the later ones do.
        offsets: The sequences' first indices and N.
        before: The lag of the counts; 0 for those of all symbols.
        lag: The lag wanted.
        n_x: Counts of the earlier symbols.
        n_y: Counts of the later ones.
    """
    for s in range(offsets.size - 1):
        start, stop = offsets[s], offsets[s + 1]
        for i in range(max(start, stop - lag), max(start, stop - before)):
            n_x[codes[i]] -= 1
        for i in range(min(stop, start + before), min(stop, start + lag)):
            n_y[later[i]] -= 1


@njit(cache=True, nogil=True)
def count_beside_gaps(
    codes: Codes, later: Codes, offsets: Ints, lag: int, gap: int, n_x: Ints, n_y: Ints
) -> None:
    """Add the symbols of the pairs of which neither is a gap.

    Args:
        codes: Where the earlier symbols come from.
        later: Where the later ones do.
        offsets: The sequences' first indices and N.
        lag: Their distance.
        gap: Code of a gap.
        n_x: Counts of the earlier symbols.
        n_y: Counts of the later ones.
    """
    for s in range(offsets.size - 1):
        for i in range(offsets[s], offsets[s + 1] - lag):
            a, b = codes[i], later[i + lag]
            if a != gap and b != gap:
                n_x[a] += 1
                n_y[b] += 1


def marginal_counts(
    sequences: Sequences, lags: Ints, later: Codes | None = None
) -> Iterator[tuple[Ints, Ints]]:
    """Yield the counts of earlier and later symbols at increasing lags, shape (alphabet,) each.

    The arrays are changed from lag to lag.
    """
    codes = sequences.codes
    n_x = np.zeros(sequences.alphabet, dtype=np.int64)
    if sequences.has_gaps:
        both = (codes, codes if later is None else later, sequences.offsets)
        n_y = n_x.copy()
        for lag in lags.tolist():
            n_x[:], n_y[:] = 0, 0
            count_beside_gaps(*both, lag, sequences.gap, n_x, n_y)
            yield n_x, n_y
        return
    count_symbols(codes, n_x)
    n_y = n_x.copy()
    if later is not None:
        n_y[:] = 0
        count_symbols(later, n_y)
    before = 0
    for lag in lags.tolist():
        take_ends(
            codes, codes if later is None else later, sequences.offsets, before, lag, n_x, n_y
        )
        before = lag
        yield n_x, n_y
