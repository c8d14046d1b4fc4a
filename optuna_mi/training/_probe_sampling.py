"""Which examples a probe looks at."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from optuna_mi.training._probe_arguments import check_pair


@dataclass(frozen=True)
class ProbeSample:
    """The examples, or positions, that a probe looks at.

    Attributes:
        inputs: As they were given, less the examples that are not used.
        targets: int64 (N,), or float64 (N,) or (N, values).
        positions: Indices of the targets' positions in the first two axes of ``inputs``, each
            (N,); ``None`` where a target belongs to a whole example.
        batch_dim: Axis of ``inputs`` that holds the examples.
    """

    inputs: Tensor
    targets: Tensor
    positions: tuple[Tensor, Tensor] | None
    batch_dim: int

    @property
    def n_examples(self) -> int:
        """Examples, or sequences, that the model is run on."""
        return self.inputs.shape[self.batch_dim]


def draw_sample(
    inputs: Tensor,
    targets: Tensor,
    *,
    size: int,
    seed: int,
    batch_dim: int,
    burn_in: int,
    ignore_index: int | None,
) -> ProbeSample:
    """Draw the probe's examples; arguments and errors as in `InformationProbe`."""
    check_pair(inputs, targets, batch_dim, burn_in)
    rng = np.random.default_rng(seed)
    truth = targets.detach().cpu()
    is_real = truth.is_floating_point()
    truth = truth.double() if is_real else truth.long()
    usable = usable_targets(truth.numpy(), ignore_index)
    positions = None
    if usable.ndim == 1:
        there = np.flatnonzero(usable)
        classes = np.zeros(len(there), dtype=np.int64) if is_real else truth.numpy()[there]
        chosen = torch.from_numpy(there[stratified_indices(classes, size, rng)])
        drawn = truth[chosen]
    else:
        check_shift(inputs, truth, usable)
        by_step = usable if batch_dim == 1 else usable.T
        used, step, sequence = (
            torch.from_numpy(indices) for indices in position_indices(by_step, burn_in, size, rng)
        )
        chosen = used
        positions = (step, sequence) if batch_dim == 1 else (sequence, step)
        drawn = truth.index_select(batch_dim, chosen)[positions]
    kept = inputs.detach().index_select(batch_dim, chosen.to(inputs.device))
    return ProbeSample(kept, drawn, positions, batch_dim)


def check_shift(inputs: Tensor, truth: Tensor, usable: npt.NDArray[np.bool_]) -> None:
    """Warn if every target is the input of its own step, which nothing needs to predict."""
    if inputs.shape == truth.shape and torch.equal(
        inputs.detach().cpu()[usable].double(), truth[usable].double()
    ):
        warnings.warn(
            "the targets are the inputs themselves, which any network knows; to measure the "
            "prediction of the next symbol shift them: inputs[:, :-1], targets[:, 1:] where steps "
            "are the second axis",
            stacklevel=4,
        )


def usable_targets(targets: npt.NDArray[Any], ignore_index: int | None) -> npt.NDArray[np.bool_]:
    """Return which targets are no padding: bool, in their shape (real ones: without the last axis).

    Args:
        targets: Classes, or real values, of which NaN marks padding.
        ignore_index: The value that marks padding; None where there is none.

    Raises:
        ValueError: If all are padding, or one that is not is negative.
    """
    if targets.dtype.kind == "f":
        found = ~np.isnan(targets if targets.ndim == 1 else targets.max(axis=-1))
        if np.isinf(targets).any():
            raise ValueError(
                "targets are infinite at some places: leave them out, or mark them NaN"
            )
        if not found.any():
            raise ValueError("every target is NaN, so there is nothing to measure")
        return np.asarray(found)
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
    if usable[:, used].sum() < size:  # the drawn sequences happen to be the short ones
        used = filled
    step, sequence = np.nonzero(usable[:, used])
    taken = np.sort(rng.choice(len(step), size=min(size, len(step)), replace=False))
    return used, burn_in + step[taken], sequence[taken]
