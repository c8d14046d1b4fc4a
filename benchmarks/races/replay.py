"""Search after search over recorded trainings: what each has found after each of its trials."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable, Mapping

import numpy as np
import optuna
from optuna.samplers import BaseSampler, GPSampler, RandomSampler

from benchmarks.races.samplers import PriorSampler, tpe
from benchmarks.races.spaces import Setting, TableSpace, our_space, table_space
from benchmarks.races.worlds import Scores
from optuna_mi import DilationSpace, MISampler
from optuna_mi.search_space import IntRange

TRIALS = 15


@dataclasses.dataclass(frozen=True)
class Race:
    """One way to search.

    Attributes:
        space: Kind of the space.
        sampler: Makes the sampler of a data set and a seed.
        enqueued: Whether the recommendation is enqueued as the first trial.
        slow: Whether it takes more than a tenth of a second a trial.
    """

    space: str
    sampler: Callable[[str, int], BaseSampler]
    enqueued: bool = False
    slow: bool = False


def _prior(way: str, *, wrong: bool = False) -> Callable[[str, int], BaseSampler]:
    def make(name: str, seed: int) -> BaseSampler:
        space = table_space(name, "uninformed")
        centre = space.wrong if wrong else space.recommended
        return PriorSampler(space.distributions, centre, tpe(seed), seed, way)

    return make


def _ours(kind: str, way: str, *, wrong: bool = False) -> Callable[[str, int], BaseSampler]:
    def make(name: str, seed: int) -> BaseSampler:
        space = table_space(name, kind)
        centre = space.wrong if wrong else space.recommended
        return PriorSampler(space.distributions, centre, tpe(seed), seed, way)

    return make


def _mi(kind: str, *, wrong: bool = False) -> Callable[[str, int], BaseSampler]:
    def make(name: str, seed: int) -> BaseSampler:
        space = our_space(name, kind)
        if wrong:
            space = recommending(space, table_space(name, kind).wrong)
        return MISampler(space, tpe(seed), seed=seed)

    return make


def recommending(space: DilationSpace, setting: Setting) -> DilationSpace:
    """Return a space with the same ranges that recommends another setting."""
    *layers, largest = setting

    def moved(r: IntRange, value: int) -> IntRange:
        return IntRange(r.low, r.high, value)

    return dataclasses.replace(
        space,
        layers=tuple(moved(r, v) for r, v in zip(space.layers, layers, strict=True)),
        max_dilation=moved(space.max_dilation, largest),
    )


def _tpe(name: str, seed: int) -> BaseSampler:
    return tpe(seed)


def _random(name: str, seed: int) -> BaseSampler:
    return RandomSampler(seed=seed)


def _gp(name: str, seed: int) -> BaseSampler:
    return GPSampler(seed=seed, n_startup_trials=5)


def _auto(name: str, seed: int) -> BaseSampler:
    """Return OptunaHub's AutoSampler, of a checkout of its registry where there is one."""
    import optunahub  # needs the network, or the checkout

    root = os.environ.get("OPTUNAHUB_REGISTRY")
    module = (
        optunahub.load_local_module("samplers/auto_sampler", registry_root=root)
        if root
        else optunahub.load_module("samplers/auto_sampler")
    )
    found: BaseSampler = module.AutoSampler(seed=seed)
    return found


RACES: Mapping[str, Race] = {
    "Random, uninformed": Race("uninformed", _random),
    "TPE, uninformed": Race("uninformed", _tpe),
    "TPE + enqueued, uninformed": Race("uninformed", _tpe, enqueued=True),
    "prior in start-up, uninformed": Race("uninformed", _prior("start-up")),
    "prior fading, uninformed": Race("uninformed", _prior("fading")),
    "prior by evidence, uninformed": Race("uninformed", _prior("evidence")),
    "prior moving, uninformed": Race("uninformed", _prior("moving")),
    "TPE + wrong enqueued, uninformed": Race("uninformed", _tpe, enqueued=True),
    "wrong prior in start-up, uninformed": Race("uninformed", _prior("start-up", wrong=True)),
    "wrong prior fading, uninformed": Race("uninformed", _prior("fading", wrong=True)),
    "wrong prior by evidence, uninformed": Race("uninformed", _prior("evidence", wrong=True)),
    "wrong prior moving, uninformed": Race("uninformed", _prior("moving", wrong=True)),
    "TPE, paper": Race("paper", _tpe),
    "TPE + enqueued, paper": Race("paper", _tpe, enqueued=True),
    "MISampler, paper": Race("paper", _mi("paper")),
    "MISampler with a wrong prior, paper": Race("paper", _mi("paper", wrong=True)),
    "prior moving, paper": Race("paper", _ours("paper", "moving")),
    "TPE + enqueued, context": Race("context", _tpe, enqueued=True),
    "MISampler, context": Race("context", _mi("context")),
    "MISampler with a wrong prior, context": Race("context", _mi("context", wrong=True)),
    "prior moving, context": Race("context", _ours("context", "moving")),
    "TPE + enqueued, wide": Race("wide", _tpe, enqueued=True),
    "prior in start-up, wide": Race("wide", _ours("wide", "start-up")),
    "TPE, wide": Race("wide", _tpe),
    "GP, uninformed": Race("uninformed", _gp, slow=True),
    "GP + enqueued, uninformed": Race("uninformed", _gp, enqueued=True, slow=True),
    "AutoSampler, uninformed": Race("uninformed", _auto, slow=True),
}


@dataclasses.dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        best: Best validation score after each trial, float64 (trials,).
        test: Test score of the list that was best in the end.
    """

    best: np.ndarray
    test: float


def search(label: str, name: str, scores: Scores, seed: int, trials: int = TRIALS) -> Found:
    """Replay one search on recorded scores."""
    race = RACES[label]
    space = table_space(name, race.space)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(direction="maximize", sampler=race.sampler(name, seed))
        if race.enqueued:
            centre = space.wrong if "wrong" in label else space.recommended
            study.enqueue_trial(dict(zip(space.distributions, centre, strict=True)))
        found = [_step(study, space, scores) for _ in range(trials)]
    values = np.array([v for v, _ in found])
    return Found(np.maximum.accumulate(values), found[int(values.argmax())][1])


def _step(study: optuna.Study, space: TableSpace, scores: Scores) -> tuple[float, float]:
    trial = study.ask()
    value, test = scores[space.suggest(trial)]
    study.tell(trial, value)
    return value, test
