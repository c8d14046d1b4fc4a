"""Data whose order is destroyed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from optuna_mi.decay.measure._counts import Codes
from optuna_mi.decay.measure._sequences import Sequences

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


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


def block_shuffled(sequences: Sequences, width: int, rng: np.random.Generator) -> Codes:
    """Return the codes in blocks of the given width, in random order.

    Beside the data themselves they are an independent sequence with the same memory.
    """
    codes = sequences.codes
    n_blocks = codes.size // width
    windows = np.lib.stride_tricks.sliding_window_view(codes, width)
    # every block starts at random, so that none keeps step with a period or a line length
    starts = rng.permutation(n_blocks) * width + rng.integers(0, width, n_blocks)
    body = windows[starts % windows.shape[0]]
    return np.concatenate((body.ravel(), codes[n_blocks * width :]))


def rotated(sequences: Sequences, rng: np.random.Generator) -> Codes:
    """Return the codes of aligned sequences so that each meets another one, drawn at random.

    Sequences are chained in one random cycle and each meets the next: none meets itself, and data
    sorted by class do not meet their own kind.
    """
    steps = sequences.steps
    assert steps is not None
    rows = sequences.codes.reshape(-1, steps)
    cycle = rng.permutation(rows.shape[0])
    partner = np.empty_like(cycle)
    partner[cycle] = np.roll(cycle, 1)
    return rows[partner].reshape(-1)
