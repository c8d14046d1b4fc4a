"""Which examples a probe looks at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def stratified_indices(
    labels: npt.NDArray[np.int64], size: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Return sorted indices of a random subset with every class in proportion.

    Shares are rounded by largest remainder, so their sum is ``size`` exactly.

    Args:
        labels: Classes, shape (N,).
        size: How many to take; all of them if there are no more.
        rng: Where the randomness comes from.
    """
    n = labels.size
    if size >= n:
        return np.arange(n)
    codes, counts = np.unique(labels, return_inverse=True, return_counts=True)[1:]
    share = size * counts / n
    take = np.floor(share).astype(np.int64)
    # random among equal remainders: the order of the labels must not decide
    remainder_order = np.lexsort((rng.random(counts.size), take - share))
    take[remainder_order[: size - int(take.sum())]] += 1
    chosen = [
        rng.choice(np.flatnonzero(codes == c), size=int(take[c]), replace=False)
        for c in range(counts.size)
    ]
    return np.sort(np.concatenate(chosen))


def position_indices(
    n_sequences: int, n_steps: int, burn_in: int, size: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return a random subset of the positions of aligned sequences.

    Only as many sequences are used as give four times the positions needed: enough that
    neighbouring, dependent positions are rare, at a quarter of the cost of one position each.

    Args:
        n_sequences: Sequences there are.
        n_steps: Steps of each.
        burn_in: First steps of each that are left out.
        size: Positions to take; all of them if there are no more.
        rng: Where the randomness comes from.

    Returns:
        The sequences used (sorted), and for every position its step and its index into them.
    """
    usable = n_steps - burn_in
    n_used = min(n_sequences, -(-4 * size // usable))
    used = np.sort(rng.choice(n_sequences, size=n_used, replace=False))
    total = n_used * usable
    flat = np.sort(rng.choice(total, size=min(size, total), replace=False))
    return used, burn_in + flat // n_used, flat % n_used
