"""Search after search over recorded trainings: what each has found after each of its trials."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler, GPSampler, RandomSampler

from benchmarks.races.hub import auto_sampler, hebo, smac
from benchmarks.races.pibo import PiBOGPSampler, PiBOTPESampler
from benchmarks.races.samplers import PriorSampler, tpe
from benchmarks.races.spaces import Setting, TableSpace, our_space, table_space
from benchmarks.races.worlds import Scores
from optuna_mi import DilationSpace, MISampler
from optuna_mi.search_space import IntRange

TRIALS = 15
#: Weights of a prior over n trials: piBO's own advice, a tenth of all trials; and one that is felt
#: to the end.
BETA, STRONG = TRIALS / 10, 10.0


Maker = Callable[[str, int], BaseSampler]


@dataclasses.dataclass(frozen=True)
class Race:
    """One way to search.

    Attributes:
        space: Kind of the space.
        sampler: Makes the sampler of a data set and a seed.
        enqueued: Whether the recommendation is enqueued as the first trial.
        pace: What a search takes on a CPU: "fast", under 0.1 s; "slow", under 2 s; or "slowest".
    """

    space: str
    sampler: Maker
    enqueued: bool = False
    pace: str = "fast"


def _prior(way: str, kind: str = "uninformed", *, wrong: bool = False) -> Maker:
    def make(name: str, seed: int) -> BaseSampler:
        space = table_space(name, kind)
        centre = space.wrong if wrong else space.recommended
        return PriorSampler(space.distributions, centre, tpe(seed), seed, way)

    return make


def _pibo(base: type[PiBOGPSampler | PiBOTPESampler], beta: float, **space: Any) -> Maker:
    """Return makers of piBO: the recommendation, start-up by the prior, weighted acquisition."""

    def make(name: str, seed: int) -> BaseSampler:
        table = table_space(name, space.get("kind", "uninformed"))
        setting = table.wrong if space.get("wrong") else table.recommended
        centre = dict(zip(table.distributions, setting, strict=True))
        return PriorSampler(table.distributions, setting, base(centre, beta, seed), seed)

    return make


def _mi(kind: str, *, wrong: bool = False) -> Maker:
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


def _pibo_races() -> dict[str, Race]:
    races = {}
    for base, sampler, pace in (("TPE", PiBOTPESampler, "fast"), ("GP", PiBOGPSampler, "slow")):
        for strength, beta in (("", BETA), (" strong", STRONG)):
            for wrong in (False, True):
                label = f"piBO {base}{strength}{' with a wrong prior' if wrong else ''}, uninformed"
                races[label] = Race("uninformed", _pibo(sampler, beta, wrong=wrong), pace=pace)
        races[f"piBO {base}, wide"] = Race("wide", _pibo(sampler, BETA, kind="wide"), pace=pace)
    return races


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
    "prior moving, paper": Race("paper", _prior("moving", "paper")),
    "TPE + enqueued, context": Race("context", _tpe, enqueued=True),
    "MISampler, context": Race("context", _mi("context")),
    "MISampler with a wrong prior, context": Race("context", _mi("context", wrong=True)),
    "prior moving, context": Race("context", _prior("moving", "context")),
    "TPE + enqueued, wide": Race("wide", _tpe, enqueued=True),
    "prior in start-up, wide": Race("wide", _prior("start-up", "wide")),
    "TPE, wide": Race("wide", _tpe),
    "GP, uninformed": Race("uninformed", _gp, pace="slow"),
    "GP + enqueued, uninformed": Race("uninformed", _gp, enqueued=True, pace="slow"),
    "AutoSampler, uninformed": Race("uninformed", auto_sampler, pace="slow"),
    **_pibo_races(),
    "SMAC, uninformed": Race("uninformed", smac, pace="slowest"),
    "HEBO, uninformed": Race("uninformed", hebo, pace="slowest"),
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
