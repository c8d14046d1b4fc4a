"""Labelled sequences: what a stretch of a sequence tells about the sequence's label."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import as_array
from optuna_mi.context._data import Data
from optuna_mi.context._levels import in_levels
from optuna_mi.context._places import N_BLOCKS, Places

# levels that real values are cut into
_LEVELS = 4
# sequences without which no block can be held out, and sequences a block at least
_FEWEST, _A_BLOCK = 20, 2


def with_labels(data: Data, labels: Any) -> tuple[Data, Places, npt.NDArray[np.int32]]:
    """Return sequences in a random order, every step of them as a place, and each step's label.

    A block holds whole sequences, so that no sequence is learnt from and scored.

    Args:
        data: The sequences.
        labels: One label a sequence.

    Raises:
        ValueError: If the labels do not fit the sequences, are all the same or too few.
    """
    codes = _codes(data, labels)
    if data.is_real:
        if data.values.shape[1] > 1:
            raise ValueError(
                f"labels go with sequences of one feature, got {data.values.shape[1]}: pass one "
                "of them at a time"
            )
        data = in_levels(data, _LEVELS)
    # users' sequences often stand label by label
    order = np.random.default_rng(0).permutation(codes.size)
    lengths = data.lengths[order]
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    at = np.repeat(data.offsets[order] - offsets[:-1], lengths) + np.arange(offsets[-1])
    n_blocks = min(N_BLOCKS, codes.size // _A_BLOCK)
    block = np.repeat(np.arange(codes.size) * n_blocks // codes.size, lengths)
    places = Places(np.arange(at.size, dtype=np.int64), block, n_blocks)
    shuffled = replace(data, values=data.values[at], offsets=offsets, there=None)
    return shuffled, places, np.repeat(codes[order], lengths).astype(np.int32)


def _codes(data: Data, labels: Any) -> npt.NDArray[np.int64]:
    n = data.lengths.size
    if data.is_panel:
        raise ValueError(
            "labels go with sequences, and x is a panel: pass an array (sequences, steps) or a "
            "list of sequences"
        )
    given = as_array("labels", labels)
    if given.ndim != 1 or given.size != n:
        raise ValueError(f"labels must be one per sequence, {n:,} in all, got shape {given.shape}")
    if n < _FEWEST or not data.lengths.all():
        raise ValueError(
            f"labels need {_FEWEST} sequences or more, none of them empty, so that some can be "
            f"held out; got {n}, the shortest of {int(data.lengths.min())} steps"
        )
    if given.dtype.kind == "f" and np.isnan(given).any():
        raise ValueError(
            f"{int(np.isnan(given).sum()):,} of {n:,} labels are NaN, the first at "
            f"{int(np.isnan(given).argmax()):,}: leave these sequences out, or give them a class"
        )
    types = {type(label) for label in given.tolist()}
    if len(types) > 1 or type(None) in types:
        names = ", ".join(sorted(kind.__name__ for kind in types))
        raise TypeError(f"labels must be of one type, strings or integers, got {names}")
    kinds, codes = np.unique(given, return_inverse=True)
    if kinds.size < 2 or 2 * kinds.size > n:
        raise ValueError(
            f"labels must be classes, two or more and at least two sequences of each on average, "
            f"got {kinds.size} kinds among {n:,}: cut real targets into levels first"
        )
    return np.asarray(codes, dtype=np.int64)
