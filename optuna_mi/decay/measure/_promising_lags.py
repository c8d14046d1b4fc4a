"""Which far lags are worth measuring, by a cheap look at all of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import maximum_filter1d, median_filter
from scipy.special import chdtri

from optuna_mi.decay.measure.reading._sequences import Sequences

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Eight random numbers stand for a symbol: their 64 products show nearly any dependence. A choice
# of time: it grows with the square of how many there are.
_PROJECTIONS = 8
# Two million symbols, in eight pieces from all over the data, show an echo of one symbol in ten (in
# 50 of 50 sequences of half as many).
_LOOKED_AT, _PIECES = 1 << 21, 8
# The running median takes 16 lags on either side; a peak is the highest of two on either side of
# it. Choices: a peak must not be part of what it is compared with.
_BESIDE, _PEAK = 16, 2
# Chance that noise passes at any lag, and how many times the median about it a peak must be. Only
# the time of one lag is at stake. Choices.
_CHANCE, _TOWERS = 1e-3, 1.5


def promising_lags(sequences: Sequences, max_lag: int, seed: int = 0) -> tuple[Ints, Floats]:
    """Return lags at which symbols resemble one another more than at those beside, and how much.

    Symbols become random numbers that have mean 0, variance 1 and no correlation under the
    symbols' own shares; Fourier transforms give the correlations of all of them with all of them
    at every lag. If nothing depends on anything, the sum of their squares is a chi-square variable;
    at the distance of a copy, or a code, it is larger. A peak is no measurement: it says where to
    measure.

    Args:
        sequences: The data.
        max_lag: Longest distance.
        seed: Seed of the random numbers.

    Returns:
        Lags, increasing, and their heights above the median beside them.
    """
    numbers = _numbers(sequences, seed)
    r = numbers.shape[1]
    length = next_fast_len(max(4 * max_lag, 1 << 12), real=True)
    step = length - max_lag
    spectrum = np.zeros((r, r, length // 2 + 1), dtype=np.complex128)
    total = 0
    for start, stop in _pieces(sequences.n_total, max_lag):
        for first in range(start, stop, step):
            last = min(first + step, stop)
            part = numbers[sequences.codes[first : last + max_lag]].T
            earlier = np.conj(rfft(part[:, : last - first], length))
            later = rfft(part, length)
            for row, one in zip(spectrum, earlier, strict=True):
                row += one * later
            total += last - first
    squares = np.zeros(max_lag)
    for row in spectrum:
        squares += (irfft(row, length)[:, 1 : max_lag + 1] ** 2).sum(axis=0)
    return _peaks(squares / total, r * r)


def _numbers(sequences: Sequences, seed: int) -> Floats:
    """Return the random numbers of every symbol, shape (alphabet, projections)."""
    sample = sequences.codes[:: max(1, sequences.n_total // _LOOKED_AT)]
    share = np.bincount(sample, minlength=sequences.alphabet).astype(np.float64)
    if sequences.has_gaps:
        # a step without a symbol is 0 in all numbers, and resembles nothing
        share[-1] = 0.0
    share /= share.sum()
    r = max(1, min(_PROJECTIONS, sequences.n_symbols - 1))
    raw = np.random.default_rng(seed).normal(size=(sequences.alphabet, r))
    root = np.sqrt(share)[:, None]
    # a first column of the roots themselves makes all others have mean 0
    basis = np.linalg.qr(np.concatenate((root, raw * root), axis=1))[0][:, 1:]
    return np.asarray(basis / np.maximum(root, 1e-12) * (share[:, None] > 0))


def _pieces(n: int, max_lag: int) -> list[tuple[int, int]]:
    """Return first and last starts of the pieces that are looked at."""
    if n <= _LOOKED_AT:
        return [(0, n)]
    width = max(_LOOKED_AT // _PIECES, 2 * max_lag)
    starts = np.linspace(0, n - width - max_lag, max(1, _LOOKED_AT // width)).astype(np.int64)
    return [(int(a), int(a) + width) for a in starts]


def _peaks(squares: Floats, dof: int) -> tuple[Ints, Floats]:
    middle = median_filter(squares, size=2 * _BESIDE + 1, mode="nearest")
    # if there is dependence at all lags, the sums vary more
    scale = np.maximum(middle / chdtri(dof, 0.5), 1.0)
    least = (chdtri(dof, _CHANCE / squares.size) - dof) * scale
    height = squares - middle
    top = squares == maximum_filter1d(squares, 2 * _PEAK + 1)
    at = np.flatnonzero(top & (height > least) & (squares > _TOWERS * middle))
    return (at + 1).astype(np.int64), height[at]
