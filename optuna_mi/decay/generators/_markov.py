"""Markov chains: exponential decay."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import random_generator, real, reals, whole, wholes
from optuna_mi._numba import njit

Floats = npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def _walk(start: int, cumulative: Floats, uniform: Floats, out: npt.NDArray[np.int64]) -> None:
    state = start
    last = cumulative.shape[1] - 1
    for i in range(uniform.size):
        state = min(np.searchsorted(cumulative[state], uniform[i], side="right"), last)
        out[i] = state


def sticky_transition(n_symbols: int, persistence: float) -> Floats:
    """Return a chain that keeps its symbol with probability persistence, else draws any.

    All its eigenvalues but the first are ``persistence``, so MI(d) falls like persistence**(2 d).

    Args:
        n_symbols: Number of symbols, at least 2.
        persistence: In [0, 1).

    Returns:
        Transition matrix, shape (n_symbols, n_symbols).

    Raises:
        ValueError: If an argument is out of range.
    """
    n_symbols = whole("n_symbols", n_symbols, 2)
    persistence = real("persistence", persistence, least=0, below=1)
    drawn = np.full((n_symbols, n_symbols), (1.0 - persistence) / n_symbols)
    return drawn + persistence * np.eye(n_symbols)


def _check(transition: npt.ArrayLike) -> Floats:
    matrix = reals("transition", transition)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"transition must be a square matrix, got shape {matrix.shape}")
    if (matrix < 0).any() or not np.allclose(matrix.sum(axis=1), 1.0):
        raise ValueError("every row of transition must be a distribution")
    return matrix


def _stationary(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eig(matrix.T)
    p = np.real(vectors[:, np.argmin(np.abs(values - 1.0))])
    return np.asarray(p / p.sum())


def markov_chain(
    n_steps: int, transition: npt.ArrayLike, *, seed: int | np.random.Generator = 0
) -> npt.NDArray[np.int64]:
    """Generate a stationary Markov chain.

    Args:
        n_steps: Length.
        transition: transition[a, b] is the probability of b after a, shape (K, K).
        seed: Seed or generator.

    Returns:
        Symbols 0..K-1, int64, shape (n_steps,).

    Raises:
        ValueError: If transition is no matrix of distributions.

    Example:
        >>> markov_chain(5, [[0.0, 1.0], [1.0, 0.0]], seed=1).tolist()
        [0, 1, 0, 1, 0]
    """
    matrix = _check(transition)
    n_steps = whole("n_steps", n_steps, 1)
    rng = random_generator("seed", seed)
    start = int(rng.choice(matrix.shape[0], p=_stationary(matrix)))
    out = np.empty(n_steps, dtype=np.int64)
    _walk(start, np.cumsum(matrix, axis=1), rng.random(n_steps), out)
    return out


def markov_mutual_information(
    transition: npt.ArrayLike, lags: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Return the true MI(d) of a stationary Markov chain in nats, float64, the shape of lags.

    Args:
        transition: As for `markov_chain`.
        lags: Distances of at least 1, 1-D.

    Raises:
        ValueError: If transition is no matrix of distributions.

    Example:
        >>> markov_mutual_information([[0.5, 0.5], [0.5, 0.5]], [1, 2]).tolist()
        [0.0, 0.0]
    """
    matrix = _check(transition)
    p = _stationary(matrix)
    out = []
    for lag in wholes("lags", lags, 1):
        power = np.linalg.matrix_power(matrix, lag)
        seen = power > 0
        ratio = np.log(np.where(seen, power, 1.0) / np.where(seen, p[None, :], 1.0))
        out.append(max(0.0, float((p[:, None] * power * ratio).sum())))
    return np.array(out)
