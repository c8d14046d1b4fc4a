"""A language model's state from one window to the next."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from optuna_mi.nn import DilatedRNNPopulation, detach_state
from optuna_mi.nn._check_arguments import LayerState, State


class CarriedState:
    """A state in memory that stays where it is, once there is one.

    A CUDA graph of a step then reads what the step before has written, itself a replay.
    """

    def __init__(self) -> None:
        self._state: State | None = None

    def read(self) -> State | None:
        """Return a copy, which a backward pass may still need when the next state is written."""
        return None if self._state is None else detach_state(self._state)

    @torch.no_grad()
    def write(self, state: Sequence[LayerState]) -> None:
        """Take over the values of what a call returned."""
        if self._state is None:
            self._state = detach_state(state)
            return
        for own, new in zip(_parts(self._state), _parts(state), strict=True):
            own.copy_(new)

    def forget(self) -> None:
        """Start from zeros."""
        if self._state is not None:
            for part in _parts(self._state):
                part.zero_()

    def forget_some(self, population: DilatedRNNPopulation, networks: Collection[int]) -> None:
        """Let some networks of a population start from zeros."""
        if networks and self._state is not None:
            self.write(population.forget(self._state, networks))


class CarriedStates(WeakKeyDictionary[nn.Module, CarriedState]):
    """Of each model that is trained; for a copy, or in another process, none is."""

    def __reduce__(self) -> tuple[type[CarriedStates], tuple[()]]:
        return CarriedStates, ()


def _parts(state: Sequence[LayerState]) -> Iterator[Tensor]:
    for entry in state:
        yield from entry if isinstance(entry, tuple) else (entry,)
