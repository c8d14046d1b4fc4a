"""Where values are predicted: places, in blocks to hold out, in folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optuna_mi.context._back_off_kernels import LEFT_OUT, SCORED_ONLY
from optuna_mi.context._data import Data

Ints = npt.NDArray[np.int64]

#: Parts in which data are cut for the standard error, known to 7 % with 100 of them; every fifth is
#: held out in turn, so that four fifths train: the usual five folds.
N_BLOCKS, N_FOLDS = 100, 5
# Fewer than ten blocks leave a standard error that is itself a guess; blocks of fewer than five
# places are no sample. Choices: together they ask for 50 places, a year of weeks.
_FEWEST_BLOCKS, _SHORTEST = 10, 5
#: Places without which nothing can be held out.
FEWEST_PLACES = _FEWEST_BLOCKS * _SHORTEST
# A smaller budget is scored on so many places, which know a loss to a few thousandths of a nat.
_SCORED = 400_000


@dataclass(frozen=True)
class Places:
    """Steps t at which the value ``horizon`` ahead is asked for, in blocks.

    Attributes:
        at: Steps t, int64, increasing, shape (n,).
        block: Block of each, int64, shape (n,), 0 to ``n_blocks`` - 1.
        n_blocks: Number of blocks.
    """

    at: Ints
    block: Ints
    n_blocks: int

    def folds(self, n_train: int | None = None) -> npt.NDArray[np.uint8]:
        """Return the fold of every place; LEFT_OUT marks places that are left out.

        Args:
            n_train: Train on so many places, contiguous pieces of half the blocks, and score the
                other half; ``None``: train on all folds but one, in turn.
        """
        n_folds = min(N_FOLDS, self.n_blocks)
        if n_train is None:
            return (self.block % n_folds).astype(np.uint8)
        fold = np.full(self.at.size, SCORED_ONLY, dtype=np.uint8)
        fold[self._beyond(_SCORED)] = LEFT_OUT
        to_train = _trained_blocks(self.n_blocks)
        trained = np.flatnonzero(to_train)
        n_pieces = int(np.clip(n_train // 1000, 1, trained.size))
        chosen = trained[np.linspace(0, trained.size - 1, n_pieces).round().astype(int)]
        fold[to_train[self.block]] = LEFT_OUT
        left = n_train
        for i, b in enumerate(chosen):
            begin, end = np.searchsorted(self.block, [b, b + 1])
            take = min(int(end - begin), -(-left // (n_pieces - i)))
            fold[begin : begin + take] = 0
            left -= take
        if left > 0:
            # blocks differ in size: fill up from the rest
            spare = np.flatnonzero((fold == LEFT_OUT) & to_train[self.block])[:left]
            fold[spare] = 0
        return fold

    def limited(self, most: int) -> Places:
        """Return the first places of every block, about ``most`` in all."""
        if self.at.size <= most:
            return self
        kept = ~self._beyond(most // 2)
        return Places(self.at[kept], self.block[kept], self.n_blocks)

    def _beyond(self, most: int) -> npt.NDArray[np.bool_]:
        """Return which places lie behind the first ones of their block, ``most`` in all."""
        first = np.searchsorted(self.block, np.arange(self.n_blocks))
        within = np.arange(self.at.size) - first[self.block]
        return np.asarray(within >= max(1, 2 * most // self.n_blocks))

    @property
    def most_trained(self) -> int:
        """The most places that `folds` can train on when it is given a number."""
        return int(_trained_blocks(self.n_blocks)[self.block].sum())


def _trained_blocks(n_blocks: int) -> npt.NDArray[np.bool_]:
    return np.asarray(np.arange(n_blocks) % 2 == 0)


def place(data: Data, horizons: Ints, lead: int = 0) -> Places:
    """Return the places of data, in blocks of whole sequences or of contiguous steps.

    Args:
        data: The sequences.
        horizons: How far ahead the values asked for lie; shape (H,).
        lead: Steps before t that must be there.

    Raises:
        ValueError: If too little is left to hold anything out.
    """
    horizon = int(horizons.max())
    starts, lengths = data.offsets[:-1], data.lengths
    room = np.maximum(lengths - horizon - lead, 0)
    longest = int(lengths.max())
    if longest <= horizon + lead:
        raise ValueError(
            f"horizon {horizon} reaches beyond the data, whose longest sequence has {longest} "
            "steps; take a shorter horizon"
            if longest <= horizon
            else f"{lead} steps of context and horizon {horizon} are more than the longest "
            f"sequence's {longest} steps; look less far back (max_context, candidates)"
        )
    at = np.concatenate(
        [
            np.arange(s + lead, s + lead + n, dtype=np.int64)
            for s, n in zip(starts, room, strict=True)
        ]
    )
    if data.there is not None:
        kept = np.logical_and.reduce([data.there[at + h] for h in horizons])
        room = np.bincount(np.repeat(np.arange(room.size), room)[kept], minlength=room.size)
        at = at[kept]
    total = at.size
    if total < FEWEST_PLACES:
        gaps = "" if data.there is None else " beside the gaps"
        raise ValueError(
            f"{total} steps have a past of {lead + 1} and a value {horizon} ahead{gaps}: too few "
            f"to hold any out; at least {FEWEST_PLACES} are needed. Bring longer data"
            + (", or look less far back (max_context, candidates)" if lead else "")
        )
    n_blocks = int(np.clip(total // (4 * _SHORTEST), _FEWEST_BLOCKS, N_BLOCKS))
    block = (np.arange(total, dtype=np.int64) * n_blocks) // total
    used = np.flatnonzero(room)
    if used.size >= n_blocks:
        # whole sequences: their last place decides the block. One longer than a block is cut all
        # the same: as a block of its own it would decide the standard error alone.
        ends = np.cumsum(room[used])
        whole = np.repeat(room[used] * n_blocks <= total, room[used])
        block = np.where(whole, np.repeat(block[ends - 1], room[used]), block)
    # numbers without a gap: a long sequence may have passed over some
    there = np.bincount(block) > 0
    return Places(at, (np.cumsum(there) - 1)[block], int(there.sum()))
