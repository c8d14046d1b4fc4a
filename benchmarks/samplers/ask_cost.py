"""What asking costs: MISampler against its base sampler alone, MIGridSampler at 10,000 cells.

    python benchmarks/samplers/ask_cost.py

CPU time of the process, medians; the two samplers of a pair take turns, so that a busy machine
hits both. In-memory storage: the sampler alone, no database.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import optuna
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, RandomSampler, TPESampler

from optuna_mi.samplers import MIGridSampler, MISampler
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange

SPACE = DilationSpace(
    DecayGeometry("broken_power", (12.0,), (2.7, 0.72)),
    (IntRange(4, 11, 9), IntRange(1, 5, 3)),
    IntRange(120, 399, 240),
    max_layers=12,
)
RATE = optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True)


def finished_study(sampler: BaseSampler, n_trials: int) -> optuna.Study:
    """Return a study with so many finished trials, the same ones for every sampler."""
    study = optuna.create_study(sampler=sampler)
    source = optuna.create_study(sampler=RandomSampler(seed=0))
    for i in range(n_trials):
        trial = source.ask()
        SPACE.suggest(trial)
        rate = trial.suggest_float("rate", RATE.low, RATE.high, log=True)
        frozen = optuna.create_trial(
            params=trial.params,
            distributions={**SPACE.distributions(), "rate": RATE},
            user_attrs=trial.user_attrs,
            value=abs(trial.params["max_dilation"] - 240) + rate + 0.01 * (i % 7),
        )
        study.add_trial(frozen)
    return study


def one_ask(study: optuna.Study) -> float:
    """Return the CPU seconds of one ask with all its suggestions; the trial is forgotten again."""
    start = time.process_time()
    trial = study.ask()
    SPACE.suggest(trial)
    trial.suggest_float("rate", RATE.low, RATE.high, log=True)
    seconds = time.process_time() - start
    study.tell(trial, state=optuna.trial.TrialState.FAIL)
    return seconds


def compare(name: str, base: Callable[[], BaseSampler], n_trials: int, repeats: int) -> None:
    alone = finished_study(base(), n_trials)
    inside = finished_study(MISampler(SPACE, base(), seed=0), n_trials)
    times: dict[str, list[float]] = {"alone": [], "inside": []}
    for _ in range(repeats):
        times["alone"].append(one_ask(alone))
        times["inside"].append(one_ask(inside))
    a, b = (statistics.median(times[k]) for k in ("alone", "inside"))
    print(
        f"{name:8} {n_trials:6} finished: alone {a * 1e3:8.2f} ms, inside {b * 1e3:8.2f} ms, "
        f"ratio {b / a:.3f}"
    )


def grid(n_cells: int, n_finished: int, repeats: int) -> None:
    settings = SPACE.grid(6)[:100]
    sampler = MIGridSampler(SPACE, {"cell": list(range(n_cells // 100))}, settings=settings)
    study = optuna.create_study(sampler=sampler)
    choice = optuna.distributions.IntDistribution(0, n_cells // 100 - 1)
    distributions = {**SPACE.distributions(), "cell": choice}
    for i, params in enumerate(sampler.cell_params()[:n_finished]):
        study.add_trial(
            optuna.create_trial(params=params, distributions=distributions, value=float(i))
        )
    times = []
    for _ in range(repeats):
        start = time.process_time()
        study.ask()
        times.append(time.process_time() - start)
    print(
        f"grid of {sampler.n_cells} cells, {n_finished} finished: "
        f"ask {statistics.median(times) * 1e3:.2f} ms"
    )


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    for n_trials in (0, 100, 1000):
        compare("TPE", lambda: TPESampler(seed=0), n_trials, 101)
        compare("Random", lambda: RandomSampler(seed=0), n_trials, 101)
        compare("CMA-ES", lambda: CmaEsSampler(seed=0), n_trials, 31)
    compare("GP", lambda: GPSampler(seed=0), 100, 3)
    for n_finished in (0, 5000, 9900):
        grid(10_000, n_finished, 101)


if __name__ == "__main__":
    main()
