"""How much a sequence's memory adds to the noise of an estimate.

Of two independent sequences with the same memory, pairs that follow one another are alike, and
count for less than as many independent ones. With p_a(k) the probability that a symbol a is an a
again k steps later, and c(k) = sum_a p_a(k) - p_a summed over all symbols,

    E[chi square] = sum over all k of c(k)^2 = (K - 1)^2 (1 + growth),

since c(0) = K - 1 (M. S. Bartlett's formula for the correlation of two series, summed over a basis
of functions of the symbols).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft

from optuna_mi.decay.measure.counting._counts import count_symbols
from optuna_mi.decay.measure.reading._lagged_sums import lagged_sums
from optuna_mi.decay.measure.reading._sequences import Sequences

Floats = npt.NDArray[np.float64]

# So many symbols are looked at; with more than eight different ones, eight random functions of them
# stand for all, and up to 32 of fewer symbols, which takes as long. With eight the growth by topics
# of 300 words is 0.02 to 0.06, with 32 it is 0.04 to 0.05. Choices of time.
_LONGEST, _PROBES, _MOST_PROBES = 1 << 19, 8, 32
# A sum below four deviations of its own is none: 1 in 30,000 sequences without memory passes.
_DEVIATIONS = 4.0
# Memory reaches as far as this share of the sum is collected: the rest of it is noise.
_COLLECTED = 0.95


@dataclass(frozen=True)
class Memory:
    """What later symbols have in common with earlier ones.

    Attributes:
        growth: Share by which memory raises the mean of chi square, 0 if none can be seen.
        reach: Distance within which most of it comes about; 0 if there is none.
    """

    growth: float
    reach: int


def measure_memory(sequences: Sequences, seed: int, *, within: bool = False) -> Memory:
    """Measure the growth, without what never fades.

    The phase of a clock is a fact, not an accident of the sample, so it must not count. The terms
    are weighted with a cosine, which subtracts from near terms what far terms have as well. That
    also removes the noise of the terms, which is the same at all distances.

    Args:
        sequences: The data.
        seed: Of the functions of the symbols.
        within: Leave out what sequences differ in as a whole.
    """
    c = _sameness(sequences, np.random.default_rng(seed), within) ** 2
    own, terms = float(c[0]), c[1:]
    if own <= 0.0 or terms.size < 4:
        return Memory(0.0, 0)
    k = np.arange(1, terms.size + 1)
    total = float(terms @ np.cos(np.pi * k / terms.size))
    far = terms[terms.size // 2 :]
    if total <= _DEVIATIONS * float(far.std()) * np.sqrt(terms.size / 2):
        return Memory(0.0, 0)
    collected = np.cumsum(terms - far.mean())
    reach = 1 + int(np.argmax(collected >= _COLLECTED * collected.max()))
    return Memory(2.0 * total / own, reach)


def _sameness(sequences: Sequences, rng: np.random.Generator, within: bool) -> Floats:
    """Return c(k), k = 0 .. N / 4; of many symbols, on random functions of them."""
    codes = sequences.codes[:_LONGEST]
    counts = np.zeros(sequences.alphabet, dtype=np.int64)
    count_symbols(codes, counts)
    n_lags = codes.size // 4
    pairs = codes.size - np.arange(n_lags + 1.0)
    if sequences.has_gaps:
        counts[sequences.gap] = 0
        there = (codes != sequences.gap).astype(np.float64)
        pairs = np.maximum(lagged_sums(there, n_lags + 1), 1.0)
    used, n = np.flatnonzero(counts), int(counts.sum())
    length = next_fast_len(codes.size + n_lags, real=True)
    deviation = np.sqrt(np.maximum(counts, 1) / n)
    power = np.zeros(length // 2 + 1, dtype=np.float32)
    probes = min(max(_PROBES * _LONGEST // codes.size, _PROBES), _MOST_PROBES)
    few = used.size <= _PROBES
    for i in range(used.size if few else probes):
        value = np.zeros(counts.size)
        if few:
            value[used[i]] = 1.0
        else:
            value[used] = rng.choice([-1.0, 1.0], used.size) / np.sqrt(probes)
        value /= deviation
        value[used] -= float(value @ counts) / n
        series = value.astype(np.float32)[codes]
        if within:
            starts = sequences.head(_LONGEST).offsets[:-1]
            lengths = np.diff(starts, append=series.size)
            series -= np.repeat(np.add.reduceat(series, starts) / lengths, lengths)
        spectrum = rfft(series.astype(np.float32), length)
        power += spectrum.real**2
        power += spectrum.imag**2
    sameness: Floats = irfft(power, length)[: n_lags + 1].astype(np.float64) / pairs
    return sameness
