"""Independent symbols, copies, periods, themes and formal languages."""

from __future__ import annotations

from collections.abc import Sequence as SequenceABC

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import random_generator, real, whole, wholes

Ints = npt.NDArray[np.int64]
Seed = int | np.random.Generator


def independent(n_steps: int, n_symbols: int, *, seed: Seed = 0) -> Ints:
    """Generate independent, equally likely symbols: MI is 0 at every distance."""
    rng = random_generator("seed", seed)
    return rng.integers(0, whole("n_symbols", n_symbols, 1), whole("n_steps", n_steps, 1))


def periodic(
    n_steps: int, period: int, n_symbols: int, *, noise: float = 0.1, seed: Seed = 0
) -> Ints:
    """Repeat one random pattern; each symbol is replaced by a random one with probability noise.

    MI is the same at every multiple of the period, and that of the pattern's chance repetitions
    in between: a dominant period.
    """
    rng = random_generator("seed", seed)
    n_steps, period = whole("n_steps", n_steps, 1), whole("period", period, 1)
    n_symbols, noise = whole("n_symbols", n_symbols, 1), real("noise", noise, least=0, most=1)
    pattern = rng.integers(0, n_symbols, period)
    out = np.resize(pattern, n_steps)
    return np.where(rng.random(n_steps) < noise, rng.integers(0, n_symbols, n_steps), out)


def copy_task(n_sequences: int, delay: int, n_symbols: int, *, seed: Seed = 0) -> Ints:
    """Generate sequences of 2 * delay steps whose second half repeats the first.

    MI, conditional on the position, is ln n_symbols at distance delay and 0 at any other.

    Returns:
        Symbols, int64, shape (n_sequences, 2 * delay).
    """
    shape = (whole("n_sequences", n_sequences, 1), whole("delay", delay, 1))
    half = random_generator("seed", seed).integers(0, whole("n_symbols", n_symbols, 1), shape)
    return np.concatenate((half, half), axis=1)


def themed(
    n_sequences: int, n_steps: int, n_symbols: int, *, strength: float = 0.3, seed: Seed = 0
) -> Ints:
    """Generate sequences that each prefer one symbol, wherever it stands: MI does not decay.

    Args:
        n_sequences: Number of sequences.
        n_steps: Length of each.
        n_symbols: Number of symbols, and of themes.
        strength: Probability that a symbol is the sequence's theme, else it is a random one.
        seed: Seed or generator.

    Returns:
        Symbols, int64, shape (n_sequences, n_steps).
    """
    rng = random_generator("seed", seed)
    shape = (whole("n_sequences", n_sequences, 1), whole("n_steps", n_steps, 1))
    n_symbols, strength = (
        whole("n_symbols", n_symbols, 1),
        real("strength", strength, least=0, most=1),
    )
    theme = rng.integers(0, n_symbols, (n_sequences, 1))
    return np.where(rng.random(shape) < strength, theme, rng.integers(0, n_symbols, shape))


def strictly_piecewise(
    n_sequences: int,
    n_steps: int,
    forbidden: SequenceABC[int],
    n_symbols: int,
    *,
    seed: Seed = 0,
) -> Ints:
    """Generate strings of a strictly k-piecewise language: one subsequence never occurs.

    The symbols of ``forbidden`` may not follow one another in this order, whatever stands between
    them; otherwise all symbols are equally likely. The first k - 1 of them constrain all that
    comes later, however far: the languages Mahalunkar and Kelleher used before [MK20].

    Args:
        n_sequences: Number of strings.
        n_steps: Length of each.
        forbidden: The k symbols of the forbidden subsequence.
        n_symbols: Size of the alphabet, at least 2.
        seed: Seed or generator.

    Returns:
        Symbols, int64, shape (n_sequences, n_steps).

    Raises:
        ValueError: If the alphabet is too small, or a forbidden symbol is not of it.
    """
    n_sequences, n_steps = whole("n_sequences", n_sequences, 1), whole("n_steps", n_steps, 1)
    n_symbols = whole("n_symbols", n_symbols, 2)
    word = np.array(wholes("forbidden", forbidden, 0, n_symbols - 1), dtype=np.int64)
    if word.size == 0:
        raise ValueError(f"forbidden is empty: give one or more symbols from 0 to {n_symbols - 1}")
    rng = random_generator("seed", seed)
    out = np.empty((n_sequences, n_steps), dtype=np.int64)
    progress = np.zeros(n_sequences, dtype=np.int64)
    for t in range(n_steps):
        symbol = rng.integers(0, n_symbols, n_sequences)
        barred = progress == word.size - 1
        # one of the other symbols, equally likely
        other = rng.integers(0, n_symbols - 1, n_sequences)
        other += other >= word[-1]
        symbol = np.where(barred, other, symbol)
        out[:, t] = symbol
        progress += (~barred) & (symbol == word[np.minimum(progress, word.size - 1)])
    return out
