from __future__ import annotations

import math
import multiprocessing
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState

from optuna_mi.exceptions import SpaceMismatchError
from optuna_mi.samplers import MIGridSampler, MISampler
from optuna_mi.samplers._prior import draw_near
from optuna_mi.search_space import DilationSpace


def _distance(trial: optuna.Trial, space: DilationSpace) -> float:
    dilations = space.suggest(trial)
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    return abs(math.log(dilations[-1] / 200)) + abs(math.log(rate / 1e-2))


def test_trial_0_takes_the_recommendation_under_any_base(space: DilationSpace) -> None:
    bases = [
        None,
        optuna.samplers.RandomSampler(seed=1),
        optuna.samplers.CmaEsSampler(seed=1, n_startup_trials=0),
        optuna.samplers.NSGAIISampler(seed=1),
    ]
    for base in bases:
        study = optuna.create_study(sampler=MISampler(space, base, seed=1))
        study.optimize(lambda t: _distance(t, space), n_trials=3)
        first = {k: study.trials[0].params[k] for k in space.recommended}
        assert first == space.recommended
        assert study.user_attrs["mi:fingerprint"] == space.fingerprint


def test_an_enqueued_trial_keeps_its_own_setting(space: DilationSpace) -> None:
    study = optuna.create_study(sampler=MISampler(space, seed=1))
    mine = {"n_layers_0": 4, "n_layers_1": 2, "max_dilation": 99}
    study.enqueue_trial(mine)
    study.optimize(lambda t: _distance(t, space), n_trials=2)
    assert {k: study.trials[0].params[k] for k in mine} == mine


def test_neither_a_resumed_study_nor_workers_of_one_seed_repeat_draws(
    space: DilationSpace,
) -> None:
    def draws(*counts: int) -> list[dict[str, int]]:
        """Run so many trials in one session after the other, each with a sampler of its own."""
        study = optuna.create_study()
        for n_trials in counts:
            study.sampler = MISampler(space, optuna.samplers.RandomSampler(), seed=0)
            study.optimize(lambda trial: len(space.suggest(trial)), n_trials=n_trials)
        return [trial.params for trial in study.trials]

    whole = draws(8)
    assert draws(*[1] * 8) == draws(3, 5) == whole
    assert len({tuple(params.items()) for params in whole}) > 4

    study = optuna.create_study()
    workers = [MISampler(space, seed=0) for _ in range(2)]
    for turn in range(8):
        study.sampler = workers[turn % 2]
        study.optimize(lambda trial: len(space.suggest(trial)), n_trials=1)
    assert [trial.params for trial in study.trials] == whole


def test_the_startup_prior_has_the_stated_width() -> None:
    rng = np.random.default_rng(0)
    wide = IntDistribution(0, 1000)
    draws = np.array([draw_near(wide, 500, 0.1, rng) for _ in range(4000)])
    assert abs(draws.mean() - 500) < 5
    assert abs(draws.std() - 100) < 5
    log = IntDistribution(16, 4096, log=True)
    logs = np.log([draw_near(log, 256, 0.1, rng) for _ in range(4000)])
    assert abs(logs.mean() - math.log(256)) < 0.03
    assert abs(logs.std() - 0.1 * math.log(4096.5 / 15.5)) < 0.03
    # At the edge of the range the normal is cut, not piled up.
    edge = Counter(draw_near(IntDistribution(1, 9), 9, 0.25, rng) for _ in range(4000))
    assert sorted(edge) == list(range(1, 10)) or len(edge) >= 7
    assert edge[9] > edge[7] > edge[5]


def test_draws_cover_a_single_value_and_never_leave_the_range() -> None:
    rng = np.random.default_rng(1)
    assert {draw_near(IntDistribution(3, 3), 3, 0.25, rng) for _ in range(20)} == {3}
    for low, high, centre in ((1, 2, 1), (1, 40, 40), (5, 6, 6)):
        values = {
            draw_near(IntDistribution(low, high, log=True), centre, 5.0, rng) for _ in range(500)
        }
        assert min(values) >= low
        assert max(values) <= high


def _spread_of_startup(space: DilationSpace, **options: float | None) -> list[int]:
    values = []
    for seed in range(25):
        sampler = MISampler(space, optuna.samplers.TPESampler(seed=seed), seed=seed, **options)  # type: ignore[arg-type]
        study = optuna.create_study(sampler=sampler)
        study.optimize(lambda t: _distance(t, space), n_trials=9)
        values += [t.params["max_dilation"] for t in study.trials[1:]]
    return values


def test_the_prior_narrows_the_startup_and_can_be_turned_off(space: DilationSpace) -> None:
    near = np.log(_spread_of_startup(space, prior_width=0.1))
    far = np.log(_spread_of_startup(space, prior_width=None))
    uniform = math.log(256.5 / 63.5) / math.sqrt(12)
    assert abs(far.std() - uniform) < 0.05
    assert near.std() < 0.6 * far.std()


def test_after_the_startup_the_base_sampler_decides_alone(space: DilationSpace) -> None:
    def run(sampler: optuna.samplers.BaseSampler) -> list[dict[str, object]]:
        study = optuna.create_study(sampler=sampler)
        for i in range(12):
            params = {**space.recommended, "rate": 1e-3 * (i + 1)}
            if i:  # the first one has tried the recommendation
                params["max_dilation"] = 64 + 10 * i
            rate = optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True)
            study.add_trial(
                optuna.create_trial(
                    params=params,
                    distributions={**space.distributions(), "rate": rate},
                    value=float(abs(i - 7)),
                )
            )
        study.optimize(lambda t: _distance(t, space), n_trials=5)
        return [t.params for t in study.trials]

    alone = run(optuna.samplers.TPESampler(seed=3))
    inside = run(MISampler(space, optuna.samplers.TPESampler(seed=3), seed=99))
    assert inside == alone


def test_same_names_with_other_ranges_are_the_users_own(space: DilationSpace) -> None:
    study = optuna.create_study(sampler=MISampler(space, seed=0))
    trial = study.ask()
    trial.suggest_int("max_dilation", 1000, 2000)
    assert 1000 <= trial.params["max_dilation"] <= 2000


def test_another_space_is_refused_before_anything_runs(space: DilationSpace) -> None:
    study = optuna.create_study(sampler=MISampler(space))
    study.optimize(lambda t: _distance(t, space), n_trials=1)
    study.sampler = MISampler(replace(space, max_layers=9))
    with pytest.raises(SpaceMismatchError, match="max_layers: the study has 12, yours 9"):
        study.optimize(lambda t: _distance(t, space), n_trials=1)
    assert not [t for t in study.trials if not t.state.is_finished()]


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_hyperband_and_threads(space: DilationSpace, n_jobs: int) -> None:
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9)
    study = optuna.create_study(sampler=MISampler(space, seed=0), pruner=pruner)

    def objective(trial: optuna.Trial) -> float:
        value = _distance(trial, space)
        for step in range(9):
            trial.report(value + 1 / (step + 1), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    study.optimize(objective, n_trials=45, n_jobs=n_jobs)
    states = Counter(t.state for t in study.trials)
    assert sum(states.values()) == 45
    assert set(states) <= {optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED}


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_many_workers_try_the_recommendation_once(space: DilationSpace, tmp_path: Path) -> None:
    url = str(tmp_path / "study.log")
    study = optuna.create_study(study_name="s", storage=_journal(url))
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_work, args=(url, space)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [w.exitcode for w in workers] == [0] * 4
    assert {k: study.trials[0].params[k] for k in space.recommended} == space.recommended
    assert DilationSpace.from_study(study) == space
    assert len(study.trials) == 20


def _journal(path: str) -> optuna.storages.JournalStorage:
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))


def _work(path: str, space: DilationSpace) -> None:
    study = optuna.load_study(study_name="s", storage=_journal(path), sampler=MISampler(space))
    study.optimize(lambda t: _distance(t, space), n_trials=5)


def test_bad_arguments_teach(space: DilationSpace) -> None:
    for sampler in (MISampler, MIGridSampler):
        with pytest.raises(TypeError, match="space must be a DilationSpace, got \\[1, 2, 4"):
            sampler([1, 2, 4])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="base_sampler must be an Optuna sampler, got 'tpe'"):
        MISampler(space, "tpe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="prior_width must be a finite number > 0"):
        MISampler(space, prior_width=0.0)
    with pytest.raises(ValueError, match="n_startup_trials must be an integer of at least 0"):
        MISampler(space, n_startup_trials=-1)


def _settings(study: optuna.Study, space: DilationSpace) -> list[bool]:
    """Return of each trial whether it has the recommended setting."""
    return [trial.params == space.recommended for trial in study.trials]


def test_a_recommendation_that_fails_is_tried_by_the_next_trial(space: DilationSpace) -> None:
    study = optuna.create_study(sampler=MISampler(space, seed=0))

    def start() -> optuna.Trial:
        trial = study.ask()
        space.suggest_params(trial)
        return trial

    first, beside = start(), start()
    study.tell(first, state=TrialState.FAIL)
    study.tell(beside, 0.5)  # started before the failure
    enqueued = dict(space.recommended, max_dilation=space.recommended["max_dilation"] + 1)
    study.enqueue_trial(enqueued)
    start(), start(), start()
    assert _settings(study, space) == [True, False, False, True, False]
    study.tell(3, state=TrialState.FAIL)
    start()
    assert _settings(study, space)[5:] == [True]
    study.tell(5, state=TrialState.FAIL)
    start()  # three failures are enough
    assert _settings(study, space)[6:] == [False]


def test_a_recommendation_declared_dead_is_carried_on_by_its_retry(space: DilationSpace) -> None:
    study = optuna.create_study(sampler=MISampler(space, seed=0))
    study.ask()  # killed before it asked for a parameter
    study._storage.set_trial_state_values(study.trials[0]._trial_id, TrialState.FAIL)
    beside = study.ask()
    space.suggest_params(beside)
    RetryHeartbeatStaleTrialCallback()(study, study.trials[0])
    space.suggest_params(study.ask())
    assert _settings(study, space) == [False, False, True]
