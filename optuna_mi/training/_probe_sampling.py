"""Which examples a probe looks at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch import Tensor


def check_pair(inputs: Tensor, targets: Tensor, batch_dim: int, burn_in: int) -> None:
    """Raise unless inputs and targets belong together (see `InformationProbe`).

    Raises:
        TypeError: If the targets are no integers.
        ValueError: If shapes do not match, there is nothing, or ``burn_in`` leaves no step.
    """
    shape = tuple(targets.shape)
    if targets.is_floating_point() or targets.is_complex():
        raise TypeError(
            f"targets must be integer classes, got {targets.dtype}: targets.long() where they are "
            "class numbers; regression is not supported"
        )
    if targets.dim() not in (1, 2) or targets.numel() == 0:
        raise ValueError(f"targets must be 1-D or 2-D and not empty, got shape {shape}")
    if targets.dim() == 1:
        if inputs.dim() <= batch_dim or inputs.shape[batch_dim] != len(targets):
            raise ValueError(
                f"inputs of shape {tuple(inputs.shape)} do not hold {len(targets)} examples "
                f"along axis {batch_dim} (batch_dim)"
            )
        return
    if inputs.shape[:2] != targets.shape:
        raise ValueError(
            f"targets have shape {shape}, which are not the first two axes of inputs "
            f"{tuple(inputs.shape)}"
        )
    if not 0 <= burn_in < shape[1 - batch_dim]:
        raise ValueError(f"burn_in must be in 0..{shape[1 - batch_dim] - 1}, got {burn_in}")


def usable_targets(
    targets: npt.NDArray[np.int64], ignore_index: int | None
) -> npt.NDArray[np.bool_]:
    """Return which targets are no padding, bool, of their shape.

    Args:
        targets: Classes.
        ignore_index: The value that marks padding; None where there is none.

    Raises:
        ValueError: If all are padding, or one that is not is negative.
    """
    usable = np.ones(targets.shape, dtype=bool) if ignore_index is None else targets != ignore_index
    if not usable.any():
        raise ValueError(
            f"every target is ignore_index={ignore_index}, so there is nothing to measure"
        )
    lowest = int(targets[usable].min())
    if lowest < 0:
        raise ValueError(
            f"targets hold the negative class {lowest}: if it marks padding, pass "
            f"ignore_index={lowest}; else number the classes from 0, as "
            "torch.unique(targets, return_inverse=True)[1] does"
        )
    return usable


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
    usable: npt.NDArray[np.bool_], burn_in: int, size: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return a random subset of the positions of aligned sequences.

    Only as many sequences are used as give four times the positions needed: enough that
    neighbouring, dependent positions are rare, at a quarter of the cost of one position each.

    Args:
        usable: Which positions may be taken, bool (steps, sequences).
        burn_in: First steps of each sequence that are left out.
        size: Positions to take; all of them if there are no more.
        rng: Where the randomness comes from.

    Returns:
        The sequences used (sorted), and for every position its step and its index into them.

    Raises:
        ValueError: If no position is left after the first ``burn_in`` steps.
    """
    usable = usable[burn_in:]
    filled = np.flatnonzero(usable.any(axis=0))  # padding may fill whole sequences
    total = int(usable.sum())
    if total == 0:
        raise ValueError(
            f"every target after the first burn_in={burn_in} steps is padding: lower burn_in"
        )
    n_used = min(len(filled), -(-4 * size * len(filled) // total))
    used = filled[np.sort(rng.choice(len(filled), size=n_used, replace=False))]
    if usable[:, used].sum() < size:  # they happen to be the short ones
        used = filled
    step, sequence = np.nonzero(usable[:, used])
    taken = np.sort(rng.choice(len(step), size=min(size, len(step)), replace=False))
    return used, burn_in + step[taken], sequence[taken]
