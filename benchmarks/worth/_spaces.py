"""The three spaces of dilations that are searched, and the samplers that search them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import optuna
from optuna.samplers import BaseSampler, GPSampler, GridSampler, RandomSampler, TPESampler

from benchmarks.worth._data import Training, load
from optuna_mi import DilationSpace, MIGridSampler, MISampler, analyze_decay, decay_curve
from optuna_mi.decay import DecayAnalysis

SAMPLERS = {
    "ours": ("MISampler", "MIGridSampler"),
    "doubling": ("TPE", "GP", "Random", "Grid"),
    "uninformed": ("TPE", "GP", "Random", "Grid"),
}
# Optuna's samplers draw ten trials at random; with budgets as small as these that were all.
N_STARTUP = 5


class Space(Protocol):
    """What a search asks for a list."""

    def suggest(self, trial: optuna.Trial) -> tuple[int, ...]:
        """Return a list of dilations."""


@dataclasses.dataclass(frozen=True)
class Doubling:
    """The standard progression 1, 2, 4, …, of which the number of layers is searched."""

    most: int

    def suggest(self, trial: optuna.Trial) -> tuple[int, ...]:
        return tuple(2**i for i in range(trial.suggest_int("n_layers", 1, self.most)))

    def grid(self) -> dict[str, Sequence[int]]:
        return {"n_layers": range(1, self.most + 1)}


@dataclasses.dataclass(frozen=True)
class Uninformed:
    """Lists of the same kind as ours, by somebody who has not looked at the data.

    The number of layers, the largest dilation 2, 4, 8, … up to the window, and a shape: log-spaced
    (0), crowded at short distances (1) or at long ones (-1). It is coarser than it could be, which
    helps those who search it.

    Attributes:
        fewest: Least layers.
        most: Most layers.
        window: Steps of the window, which no dilation reaches.
    """

    fewest: int
    most: int
    window: int

    @property
    def octaves(self) -> tuple[int, int]:
        return int(np.ceil(np.log2(self.most))), int(np.ceil(np.log2(self.window - 1)))

    def suggest(self, trial: optuna.Trial) -> tuple[int, ...]:
        return self.place(
            trial.suggest_int("n_layers", self.fewest, self.most),
            trial.suggest_int("octave", *self.octaves),
            trial.suggest_int("shape", -1, 1),
        )

    def place(self, n_layers: int, octave: int, shape: int) -> tuple[int, ...]:
        """Return the list of a setting.

        Example:
            >>> [Uninformed(3, 6, 64).place(4, 6, shape) for shape in (-1, 0, 1)]
            [(1, 11, 29, 63), (1, 4, 16, 63), (1, 2, 6, 63)]
        """
        largest = min(2**octave, self.window - 1)
        position = np.linspace(0, 1, n_layers) ** (2.0**shape)
        found: list[int] = []
        for i, wanted in enumerate(np.rint(largest**position).astype(int)):
            room = largest - (n_layers - 1 - i)
            found.append(min(max(int(wanted), found[-1] + 1 if found else 1), room))
        return tuple(found)

    def grid(self) -> dict[str, Sequence[int]]:
        low, high = self.octaves
        return {
            "n_layers": sorted({self.fewest, (self.fewest + self.most) // 2, self.most}),
            "octave": sorted({low, (low + high) // 2, high}),
            "shape": (-1, 0, 1),
        }


@functools.cache
def analysis_of(name: str) -> DecayAnalysis:
    """Return the decay analysis of a data set's training split."""
    return analyze_decay(decay_curve(load(name).sequences, seed=0))


@functools.cache
def our_space(name: str, training: Training) -> DilationSpace:
    """Return the space our analysis gives, no deeper than doubling needs for the window."""
    return DilationSpace.from_analysis(
        analysis_of(name), window=training.window, max_layers=training.doubling_layers
    )


def make_space(kind: str, name: str, training: Training) -> Space:
    """Return one of the three spaces for a data set."""
    if kind == "doubling":
        return Doubling(training.doubling_layers)
    ours = our_space(name, training)
    if kind == "ours":
        return ours
    fewest = sum(r.low for r in ours.layers)
    return Uninformed(fewest, training.doubling_layers, training.window)


def make_sampler(name: str, space: Space, seed: int) -> BaseSampler:
    """Return a sampler by its name."""
    if name == "MISampler":
        assert isinstance(space, DilationSpace)
        base = TPESampler(seed=seed, n_startup_trials=N_STARTUP)
        return MISampler(space, base, seed=seed)
    if name == "MIGridSampler":
        assert isinstance(space, DilationSpace)
        return MIGridSampler(space, seed=seed)
    if name == "TPE":
        return TPESampler(seed=seed, n_startup_trials=N_STARTUP)
    if name == "GP":
        return GPSampler(seed=seed, n_startup_trials=N_STARTUP)
    if name == "Random":
        return RandomSampler(seed=seed)
    assert isinstance(space, Doubling | Uninformed)
    return GridSampler(space.grid(), seed=seed)
