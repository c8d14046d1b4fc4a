"""How well symbols are predicted from the last k: counts of contexts, blended with shorter ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._threads import parallel
from optuna_mi.context._back_off_kernels import (
    LEFT_OUT,
    SCORED_ONLY,
    gain_of,
    learn_weights,
    refine,
    regroup,
)
from optuna_mi.context._data import Data
from optuna_mi.context._places import N_FOLDS, Places
from optuna_mi.decay.measure.reading._sequences import ALIGNED_FROM

Floats = npt.NDArray[np.float64]
Shares = npt.NDArray[np.float32]
Classes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int32]
# time, room before it, target, block and probability of its target by either half's weights
Known = tuple[Indices, Indices, npt.NDArray[Any], npt.NDArray[np.uint8], Floats]

# A weight is learnt from so many places of its class: chance is then 1 / sqrt(20,000), or 0.7 %.
_LEARNT_FROM = 20_000


@dataclass
class Groups:
    """First places of groups that saw the same symbols at some lags, and one after their last."""

    starts: Indices
    ends: Indices


class BackOff:
    """A back-off model of symbols that takes one lag after the other.

    The probability of the target by the counts behind the lags so far is blended with that behind
    the lags before; the weight depends on how much was counted and on how varied it was, and is
    learnt on the other half of the held-out blocks, so that a lag that tells nothing gets none
    (Jelinek and Mercer's interpolation, with weights by classes of counts).

    Args:
        data: Symbols.
        places: Where to predict.
        horizon: How far ahead.
        n_train: As in `Places.folds`.
        target: Codes of what is asked for at t, shape (N,), where it is not the symbol itself.
        n_threads: Threads.
    """

    def __init__(
        self,
        data: Data,
        places: Places,
        horizon: int,
        n_train: int | None = None,
        target: npt.NDArray[Any] | None = None,
        n_threads: int = 1,
    ) -> None:
        assert data.n_symbols is not None
        size = len(data.values)
        self.source = data.values
        self.alphabet = data.n_symbols
        # another sequence tells nothing of this one's label but what its own label does
        self.other = _other_sequences(data) if target is None else None
        if target is None:
            target = np.zeros_like(data.values)
            target[: size - horizon] = data.values[horizon:]
        self.target_alphabet = int(target.max()) + 1
        fold = places.folds(n_train)
        used = fold != LEFT_OUT
        at, block, fold = places.at[used], places.block[used], fold[used]
        self.n_folds = 1 if n_train is not None else min(N_FOLDS, places.n_blocks)
        self.n_trained = int((fold != SCORED_ONLY).sum())
        if n_train is None:
            self.n_trained -= -(-self.n_trained // self.n_folds)
        # all places of a block lie in one fold, and in one half: blocks whose weights are learnt on
        # the other half's; with n_train every other block is scored
        self.fold_of = np.zeros(places.n_blocks, dtype=np.uint8)
        self.fold_of[block] = fold
        blocks = np.arange(places.n_blocks) // (self.n_folds if n_train is None else 2)
        self.half_of = (blocks % 2).astype(np.uint8)
        scored = fold == SCORED_ONLY if n_train is not None else np.ones(at.size, dtype=bool)
        self.n_scored = np.bincount(block[scored], minlength=places.n_blocks)
        probability = self._start(target[at], fold)
        self.loss: Floats = np.bincount(
            block[scored], -np.log(probability[scored]), minlength=places.n_blocks
        ).astype(np.float64)
        # What is known of a place; places stand in the order of their groups.
        time = at.astype(np.int32)
        room = time
        if data.lengths.size > 1:
            room = (at - np.repeat(data.offsets[:-1], data.lengths)[at]).astype(np.int32)
        self.known: Known = (
            time,
            room,
            target[at],
            block.astype(np.uint8),
            np.repeat(probability[:, None], 2, axis=1),
        )
        self.n_threads = n_threads
        self.groups = [Groups(np.zeros(1, np.int32), np.array([at.size], np.int32))]

    def _start(self, target: npt.NDArray[Any], fold: npt.NDArray[np.uint8]) -> Floats:
        """Return the probability of each place's target with no lag."""
        trained = fold != SCORED_ONLY
        some, of = target[trained], fold[trained]
        by_fold = [
            np.bincount(some[of == f], minlength=self.target_alphabet) for f in range(self.n_folds)
        ]
        everywhere = np.sum(by_fold, axis=0)
        counts = np.stack([*(everywhere - own for own in by_fold), everywhere]) + 0.5
        shares = counts / counts.sum(axis=1, keepdims=True)
        return np.asarray(shares[np.where(trained, fold, self.n_folds), target])

    def gain(self, lag: int, *, keep: bool) -> Floats:
        """Return what a lag adds to the log probability of held-out targets, summed by block.

        Of aligned sequences without what another sequence's symbol at the same place adds: that
        tells where in a sequence one is, and nothing of this one.

        Args:
            lag: The lag, 1 for the newest symbol.
            keep: Whether the model takes it for good.
        """
        told_by_position = 0.0 if self.other is None else self._gain(lag, self.other, keep=False)
        return np.asarray(self._gain(lag, self.source, keep=keep) - told_by_position)

    def _gain(self, lag: int, source: npt.NDArray[Any], *, keep: bool) -> Floats:
        _, _, _, block, previous = self.known
        order = np.empty(block.size, dtype=np.int32)
        share = np.empty(block.size, dtype=np.float32)
        classes = np.empty(block.size, dtype=np.uint8)
        groups = self._split(lag, source, order, share, classes)
        starts = np.concatenate([p.starts for p in groups])
        ends = np.concatenate([p.ends for p in groups])
        weights = learn_weights(
            order, starts, ends, share, classes, previous, block, self.half_of, _LEARNT_FROM
        )

        def one(part: Groups) -> Floats:
            gain = np.zeros(self.n_scored.size)
            found = (order, part.starts, part.ends, share, classes, weights)
            gain_of(*found, block, self.half_of, previous, gain)
            return gain

        gain = np.asarray(np.sum(parallel(one, groups, n_threads=self.n_threads), axis=0))
        if keep:
            self._regroup(groups, order, share, classes, weights)
        return gain

    def _split(
        self, lag: int, source: npt.NDArray[Any], order: Indices, share: Shares, classes: Classes
    ) -> list[Groups]:
        """Split groups by the symbol at a lag, each thread its own."""
        time, room, target, block, _ = self.known

        def one(part: Groups) -> Groups:
            most = int((part.ends - part.starts).sum()) // 2
            starts = np.empty(most, dtype=np.int32)
            ends = np.empty(most, dtype=np.int32)
            n = refine(
                lag - 1,
                source,
                time,
                room,
                target,
                block,
                self.fold_of,
                self.n_folds,
                self.alphabet,
                self.target_alphabet,
                part.starts,
                part.ends,
                order,
                share,
                classes,
                starts,
                ends,
            )
            return Groups(starts[:n].copy(), ends[:n].copy())

        return parallel(one, self.groups, n_threads=self.n_threads)

    def _regroup(
        self,
        groups: list[Groups],
        order: Indices,
        share: Shares,
        classes: Classes,
        weights: Floats,
    ) -> None:
        """Put the places of the new groups in their order; those in no group can gain no more."""
        sizes = [part.ends - part.starts for part in groups]
        n = int(sum(s.sum() for s in sizes))
        old = self.known
        time, room, target, block, probability = (np.empty((n, *a.shape[1:]), a.dtype) for a in old)
        if old[0] is old[1]:
            room = time
        new = (time, room, target, block, probability)

        def one(i: int) -> None:
            at = int(sum(s.sum() for s in sizes[:i]))
            found = (order, groups[i].starts, groups[i].ends, share, classes, weights)
            regroup(*found, old, new, at)

        parallel(one, list(range(len(groups))), n_threads=self.n_threads)
        self.known = new
        every = np.concatenate(sizes)
        ends = np.cumsum(every, dtype=np.int32)
        self.groups = _shared_out(ends - every, ends, self.n_threads)


def _other_sequences(data: Data) -> npt.NDArray[Any] | None:
    """Return another sequence's symbols in every place, where a place may mean something."""
    lengths = data.lengths
    if lengths.size < ALIGNED_FROM or data.is_panel:
        return None
    if (lengths == lengths[0]).all():
        return np.roll(data.values, int(lengths[0]))
    # of ragged ones that there is a symbol at all is what a place tells
    return np.zeros_like(data.values)


def _shared_out(starts: Indices, ends: Indices, n_threads: int) -> list[Groups]:
    """Share groups out among threads so that each has as many places."""
    total = int(ends[-1]) if ends.size else 0
    cuts = np.searchsorted(ends, [total * i / n_threads for i in range(1, n_threads)])
    edges = [0, *cuts.tolist(), starts.size]
    return [Groups(starts[a:b], ends[a:b]) for a, b in pairwise(edges)]


def nested_losses(model: BackOff, lags: Iterable[int]) -> Floats:
    """Return the summed losses in nats after no lag and after each, shape (lags + 1, blocks)."""
    losses: list[Floats] = [model.loss]
    for lag in lags:
        losses.append(losses[-1] - model.gain(lag, keep=True))
    return np.stack(losses)
