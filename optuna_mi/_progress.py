"""How far a training of this process is: the loop tells it to whoever listens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Place(NamedTuple):
    """Where a training is.

    Attributes:
        trial: The trial's number.
        epoch: The epoch at hand, from 0.
        epochs: How many there are.
        batch: Batches done of it.
    """

    trial: int
    epoch: int
    epochs: int
    batch: int


_listener: Callable[[Place], None] | None = None


def tell(place: Place) -> None:
    """Say where a training of this process is, to whom it may concern."""
    if _listener is not None:
        _listener(place)


@contextlib.contextmanager
def listening(listener: Callable[[Place], None]) -> Iterator[None]:
    """Have the listener called for every batch that is trained in this process."""
    global _listener
    before, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = before
