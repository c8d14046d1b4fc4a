"""The spaces of the races, each a table of lists, and where the data's choice lies in each."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, IntDistribution

from benchmarks.races.data import TRAININGS, load
from benchmarks.worth._spaces import Uninformed
from optuna_mi import DilationSpace, analyze_decay, context_curve, decay_curve

SPACES_FILE = Path(__file__).parents[1] / "results" / "races-spaces.json"
SPACES = ("uninformed", "paper", "context")
Setting = tuple[int, ...]
# Settings of one of our spaces that are trained at most, about.
_MOST = 20
_FEWEST_LAYERS = 3


@dataclasses.dataclass(frozen=True)
class TableSpace:
    """A space of which some settings are trained; a search that asks between gets the nearest.

    Attributes:
        distributions: Its parameters.
        lists: The list of each trained setting, in the order of the parameters.
        recommended: The data's own setting.
    """

    distributions: Mapping[str, BaseDistribution]
    lists: Mapping[Setting, tuple[int, ...]]
    recommended: Setting

    @property
    def wrong(self) -> Setting:
        """The setting at the farther end of every range: as wrong as a prior can be."""
        return tuple(
            d.low if _position(d, value) > 0.5 else d.high
            for d, value in zip(self._ints, self.recommended, strict=True)
        )

    @property
    def _ints(self) -> list[IntDistribution]:
        found = list(self.distributions.values())
        assert all(isinstance(d, IntDistribution) for d in found)
        return found  # type: ignore[return-value]

    @functools.cached_property
    def _trained(self) -> tuple[list[Setting], np.ndarray]:
        settings = list(self.lists)
        return settings, np.array([self.positions(s) for s in settings])

    def positions(self, setting: Setting) -> list[float]:
        """Return where each value lies in its range, from 0 to 1."""
        return [_position(d, value) for d, value in zip(self._ints, setting, strict=True)]

    def suggest(self, trial: optuna.Trial) -> tuple[int, ...]:
        """Ask a trial for a setting and return the nearest trained list."""
        asked = tuple(
            trial.suggest_int(name, d.low, d.high, log=d.log)
            for name, d in zip(self.distributions, self._ints, strict=True)
        )
        return self.nearest(asked)

    def nearest(self, setting: Setting) -> tuple[int, ...]:
        """Return the list of the nearest trained setting."""
        settings, known = self._trained
        distance = np.abs(known - self.positions(setting)).sum(axis=1)
        return self.lists[settings[int(distance.argmin())]]


def _position(distribution: IntDistribution, value: int) -> float:
    scale = math.log if distribution.log else float
    low, high = scale(distribution.low), scale(distribution.high)
    return 0.5 if high == low else (scale(value) - low) / (high - low)


def measured(name: str) -> dict[str, str]:
    """Measure a data set's training split; return our spaces as JSON, by their kind."""
    training, sequences = TRAININGS[name], load(name).sequences
    analysis = analyze_decay(decay_curve(sequences, seed=0))
    found = {}
    for kind in ("paper", "context"):
        space = DilationSpace.from_analysis(
            analysis,
            window=training.window,
            max_layers=training.doubling_layers,
            context=context_curve(sequences, budgets=False) if kind == "context" else None,
        )
        found[kind] = space.to_json()
    return found


@functools.cache
def our_space(name: str, kind: str) -> DilationSpace:
    """Return the space by the paper's rule, or with the context curve.

    What was measured once is kept beside the table: a replay needs no data.
    """
    known = json.loads(SPACES_FILE.read_text()) if SPACES_FILE.exists() else {}
    if name not in known:
        known[name] = measured(name)
        SPACES_FILE.write_text(json.dumps(known, indent=1) + "\n")
    return DilationSpace.from_json(known[name][kind])


@functools.cache
def table_space(name: str, kind: str) -> TableSpace:
    """Return one of the spaces of a data set."""
    if kind == "uninformed":
        return _uninformed(name)
    return _wide(name) if kind == "wide" else _ours(name, kind)


def _wide(name: str) -> TableSpace:
    """Return the uninformed space's ranges with the data's curve to place the layers between.

    The data's word is a prior and a shape, and no limit. Tried after the other races were seen.
    `DilationSpace.from_analysis(…, ranges="wide")` begins at one layer and counts those of each
    segment for themselves; the recorded trainings are of this one.
    """
    space, training = our_space(name, "paper"), TRAININGS[name]
    farthest, most = training.window - 1, training.doubling_layers
    wanted = (sum(r.recommended for r in space.layers), max(8, space.max_dilation.recommended))
    rungs = sorted({*np.geomspace(8, farthest, 6).round().astype(int).tolist(), wanted[1]})
    lists = {}
    for n_layers, largest in itertools.product(range(_FEWEST_LAYERS, most + 1), rungs):
        geometry = space.geometry.up_to(largest)
        counts = geometry.counts(largest, min(n_layers, largest))
        lists[n_layers, largest] = geometry.place(largest, counts)
    distributions = {
        "n_layers": IntDistribution(_FEWEST_LAYERS, most),
        "max_dilation": IntDistribution(8, farthest, log=True),
    }
    recommended = tuple(
        min(max(value, d.low), d.high)
        for value, d in zip(wanted, distributions.values(), strict=True)
    )
    return TableSpace(distributions, lists, recommended)


def _ours(name: str, kind: str) -> TableSpace:
    space = our_space(name, kind)
    layers = math.prod(r.high - r.low + 1 for r in space.layers)
    rungs = max(2, round(_MOST / layers))
    points: dict[str, Any] = {
        f"n_layers_{i}": list(range(r.low, r.high + 1)) for i, r in enumerate(space.layers)
    }
    largest = space.max_dilation
    rung = np.geomspace(largest.low, largest.high, rungs).round().astype(int).tolist()
    points["max_dilation"] = sorted({*rung, largest.recommended})
    names = list(space.distributions())
    lists: dict[Setting, tuple[int, ...]] = {}
    for values in itertools.product(*(points[n] for n in names)):
        lists[values] = space.dilations(dict(zip(names, values, strict=True)))
    recommended = tuple(space.recommended[n] for n in names)
    return TableSpace(space.distributions(), lists, recommended)


def _uninformed(name: str) -> TableSpace:
    """Return the uninformed space, and where our recommendation lies in it, as near as can be."""
    training = TRAININGS[name]
    space = Uninformed(_FEWEST_LAYERS, training.doubling_layers, training.window)
    low, high = space.octaves
    ranges = (
        range(_FEWEST_LAYERS, training.doubling_layers + 1),
        range(low, high + 1),
        (-1, 0, 1),
    )
    lists = {s: space.place(*s) for s in itertools.product(*ranges)}
    wanted = our_space(name, "paper")
    target = wanted.dilations(wanted.recommended)
    nearest = min(lists, key=lambda s: _apart(lists[s], target))
    return TableSpace(
        {
            "n_layers": IntDistribution(_FEWEST_LAYERS, training.doubling_layers),
            "octave": IntDistribution(low, high),
            "shape": IntDistribution(-1, 1),
        },
        lists,
        nearest,
    )


def _apart(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    """Return how far two lists are apart: mean difference of the logarithms along the stack."""
    at = np.linspace(0, 1, 33)
    curves = [np.interp(at, np.linspace(0, 1, len(x)), np.log(x)) for x in (a, b)]
    return float(np.abs(curves[0] - curves[1]).mean()) + 0.1 * abs(len(a) - len(b))


def all_lists(name: str, kinds: Sequence[str] = (*SPACES, "wide")) -> list[tuple[int, ...]]:
    """Return every list that a search of the data set can be given in these spaces."""
    found = [x for kind in kinds for x in table_space(name, kind).lists.values()]
    return sorted(set(found))


def recommended_lists(name: str) -> list[tuple[int, ...]]:
    """Return the list that is recommended in each of the spaces."""
    spaces = (table_space(name, kind) for kind in SPACES)
    return list(dict.fromkeys(s.nearest(s.recommended) for s in spaces))
