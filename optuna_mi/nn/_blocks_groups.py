"""The rows of a layer, (positions * batch), cut into groups that stay in the cache."""

from __future__ import annotations

from typing import NamedTuple

from optuna_mi.nn._positions import LayerPlan

MAX_ROWS = 512  # rows: three gates of 256 take 1.5 MB


class Piece(NamedTuple):
    """Lanes of one block: rows that depend on earlier blocks only."""

    row: int
    lane: int
    rows: int
    past: int


class Group(NamedTuple):
    """Consecutive pieces; their past is ``past`` to ``past + stop - start``.

    The past is rows of the outputs, of the initial state where ``first``.
    """

    start: int
    stop: int
    past: int
    first: bool
    pieces: list[Piece]


def make_groups(plan: LayerPlan, batch: int) -> list[Group]:
    """Cut a plan's rows into groups of at most MAX_ROWS rows."""
    groups: list[Group] = []
    starts = [int(start) * batch for start in plan.starts]
    for s, (start, size) in enumerate(zip(starts, plan.block_sizes, strict=True)):
        for lane in range(0, size * batch, MAX_ROWS):
            rows = min(MAX_ROWS, size * batch - lane)
            past = lane if s == 0 else starts[s - 1] + lane
            piece = Piece(start + lane, lane, rows, past)
            group = groups[-1] if groups else None
            if (
                group is not None
                and not group.first
                and piece.row + rows - group.start <= MAX_ROWS
                and piece.row - past == group.start - group.past
            ):
                groups[-1] = group._replace(stop=piece.row + rows, pieces=[*group.pieces, piece])
            else:
                groups.append(Group(piece.row, piece.row + rows, past, s == 0, [piece]))
    return groups
