from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from optuna_mi._attributes import CELL_ATTR
from optuna_mi.exceptions import SpaceMismatchError
from optuna_mi.samplers import MIGridSampler, _mi_grid_sampler
from optuna_mi.search_space import DilationSpace

HIDDEN = [20, 50]


def _objective(space: DilationSpace):  # type: ignore[no-untyped-def]
    def objective(trial: optuna.Trial) -> float:
        dilations = space.suggest(trial)
        hidden = trial.suggest_categorical("hidden", HIDDEN)
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        return len(dilations) + hidden + rate

    return objective


def _cells(study: optuna.Study, state: TrialState = TrialState.COMPLETE) -> Counter[object]:
    return Counter(
        (t.user_attrs["dilations"], t.params["hidden"]) for t in study.trials if t.state == state
    )


def _sampler(space: DilationSpace, **options: object) -> MIGridSampler:
    points = {"n_layers_0": 2, "n_layers_1": 2, "max_dilation": 2}
    return MIGridSampler(space, {"hidden": HIDDEN}, points=points, seed=0, **options)  # type: ignore[arg-type]


def test_every_cell_once_then_stop(space: DilationSpace) -> None:
    sampler = _sampler(space)
    study = optuna.create_study(sampler=sampler)
    assert not sampler.is_exhausted(study)
    study.optimize(_objective(space))
    assert sampler.is_exhausted(study)
    assert len(study.trials) == sampler.n_cells
    assert set(_cells(study).values()) == {1}
    # The recommendation comes first, the rest in the fingerprint's order whatever the seed.
    first = study.trials[0].params
    assert {k: first[k] for k in space.recommended} == space.recommended
    cells = [{k: t.params[k] for k in sampler.cell_params()[0]} for t in study.trials]
    assert cells == sampler.cell_params() == _sampler(space).cell_params()
    # Other parameters are the base sampler's: no two alike.
    assert len({t.params["rate"] for t in study.trials}) == len(study.trials)


def test_starting_again_after_the_end_costs_one_pruned_trial(space: DilationSpace) -> None:
    study = optuna.create_study(sampler=_sampler(space))
    study.optimize(_objective(space))
    trained = []

    def objective(trial: optuna.Trial) -> float:
        space.suggest(trial)
        trained.append(trial.number)
        return 0.0

    study.optimize(objective)
    assert trained == []
    assert [t.state for t in study.trials[_sampler(space).n_cells :]] == [TrialState.PRUNED]


def test_resuming_goes_on_with_what_is_left(space: DilationSpace) -> None:
    study = optuna.create_study(sampler=_sampler(space))
    study.optimize(_objective(space), n_trials=5)
    resumed = optuna.load_study(
        study_name=study.study_name, storage=study._storage, sampler=_sampler(space)
    )
    resumed.optimize(_objective(space))
    assert set(_cells(resumed).values()) == {1}
    assert len(_cells(resumed)) == _sampler(space).n_cells


def test_ask_and_tell_by_hand(space: DilationSpace) -> None:
    sampler = _sampler(space)
    study = optuna.create_study(sampler=sampler)
    objective = _objective(space)
    while not sampler.is_exhausted(study):
        trial = study.ask()
        study.tell(trial, objective(trial))
    assert set(_cells(study).values()) == {1}
    assert len(study.trials) == sampler.n_cells
    overshoot = study.ask()
    with pytest.raises(optuna.TrialPruned, match="No cell of the grid is left"):
        space.suggest(overshoot)
    study.tell(overshoot, state=TrialState.PRUNED)
    assert sampler.is_exhausted(study)


def test_asking_in_advance_gives_every_trial_its_own_cell(space: DilationSpace) -> None:
    sampler = _sampler(space)
    study = optuna.create_study(sampler=sampler)
    trials = [study.ask() for _ in range(sampler.n_cells)]
    objective = _objective(space)
    for trial in reversed(trials):
        study.tell(trial, objective(trial))
    assert set(_cells(study).values()) == {1}
    assert sampler.is_exhausted(study)


def test_a_failed_cell_is_tried_again_so_often_and_no_more(space: DilationSpace) -> None:
    sampler = _sampler(space, max_retries=2)
    study = optuna.create_study(sampler=sampler)
    runs: Counter[tuple[int, ...]] = Counter()
    good = _objective(space)

    def objective(trial: optuna.Trial) -> float:
        value = good(trial)
        cell = (len(space.dilations(trial.params)), trial.params["hidden"])
        runs[cell] += 1
        if trial.params["hidden"] == 50 and trial.params["n_layers_0"] == 6:
            raise RuntimeError("always")
        if runs[cell] == 1 and trial.params["n_layers_0"] == 3:
            raise RuntimeError("the first time only")
        return value

    study.optimize(objective, catch=(RuntimeError,))
    failed, done = _cells(study, TrialState.FAIL), _cells(study)
    never = [c for c in failed if c not in done]
    assert never
    assert {failed[c] for c in never} == {3}
    assert set(done.values()) == {1}
    assert len(done) + len(never) == sampler.n_cells
    assert sampler.is_exhausted(study)


def test_an_error_that_ends_the_loop_loses_no_cell(space: DilationSpace) -> None:
    study = optuna.create_study(sampler=_sampler(space))
    good = _objective(space)

    def objective(trial: optuna.Trial) -> float:
        value = good(trial)
        if trial.number in (0, 7, 9):
            raise KeyboardInterrupt
        return value

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            study.optimize(objective)
    study.optimize(objective)
    assert set(_cells(study).values()) == {1}
    assert len(_cells(study)) == _sampler(space).n_cells
    assert not [t for t in study.trials if not t.state.is_finished()]


def test_threads(space: DilationSpace) -> None:
    study = optuna.create_study(sampler=_sampler(space))
    good = _objective(space)

    def objective(trial: optuna.Trial) -> float:
        value = good(trial)
        time.sleep(0.002)
        return value

    study.optimize(objective, n_jobs=6)
    assert set(_cells(study).values()) == {1}
    assert len(_cells(study)) == _sampler(space).n_cells


def test_hyperband(space: DilationSpace) -> None:
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9)
    study = optuna.create_study(sampler=_sampler(space), pruner=pruner, direction="maximize")
    good = _objective(space)

    def objective(trial: optuna.Trial) -> float:
        value = good(trial)
        for step in range(9):
            trial.report(value + step, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    study.optimize(objective)
    cells = _cells(study) + _cells(study, TrialState.PRUNED)
    assert len(cells) == _sampler(space).n_cells
    assert set(cells.values()) == {1}
    assert study.user_attrs["mi:fingerprint"] == space.fingerprint


def test_enqueued_and_foreign_trials(space: DilationSpace) -> None:
    sampler = _sampler(space)
    study = optuna.create_study(sampler=sampler)
    chosen = sampler.cell_params()[3]
    study.enqueue_trial(chosen)  # a cell of the grid: it is that cell
    study.enqueue_trial({**chosen, "max_dilation": 99})  # no cell: the user's own wish
    study.optimize(_objective(space))
    cells = _cells(study)
    outside = [t for t in study.trials if t.params.get("max_dilation") == 99]
    assert len(outside) == 1
    assert set(cells.values()) == {1}
    assert len(cells) == sampler.n_cells + 1
    # Trials that another sampler left behind take tickets, but no cells.
    mixed = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    mixed.optimize(_objective(space), n_trials=7)
    mixed.sampler = sampler
    mixed.optimize(_objective(space))
    with_cell = [t for t in mixed.trials[7:] if t.state == TrialState.COMPLETE]
    assert sampler.is_exhausted(mixed)
    assert len(with_cell) == sampler.n_cells


def test_two_grids_in_one_study_do_not_disturb_each_other(space: DilationSpace) -> None:
    study = optuna.create_study(sampler=_sampler(space))
    study.optimize(_objective(space))
    first = set(_cells(study))
    wider = MIGridSampler(space, {"hidden": HIDDEN}, points=4)
    study.sampler = wider
    study.optimize(_objective(space))
    assert wider.is_exhausted(study)
    # Cells that both have are recognised as done.
    assert set(_cells(study).values()) == {1}
    assert len(_cells(study)) > len(first)
    assert len(_cells(study)) < len(first) + wider.n_cells


def test_a_dead_ticket_does_not_hold_up_the_others(
    space: DilationSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optuna_mi.samplers._tickets._PATIENCE", 0.05)
    monkeypatch.setattr("optuna_mi.samplers._tickets._RELEASE_DELAY", 0.1)
    sampler = _sampler(space)
    study = optuna.create_study(sampler=sampler)
    # A worker died between drawing its ticket and writing down its cell.
    dead = study._storage.create_new_trial(study._study_id)
    study.optimize(_objective(space))
    assert len(_cells(study)) == sampler.n_cells - 1
    assert not sampler.is_exhausted(study)
    study._storage.set_trial_state_values(dead, TrialState.FAIL)
    study.optimize(_objective(space))
    assert set(_cells(study).values()) == {1}
    assert len(_cells(study)) == sampler.n_cells
    assert sampler.is_exhausted(study)


def test_attributes_hold_a_fingerprint_and_an_integer(space: DilationSpace) -> None:
    sampler = _sampler(space)
    study = optuna.create_study(sampler=sampler)
    study.optimize(_objective(space), n_trials=3)
    for trial in study.trials:
        fingerprint, cell = trial.system_attrs[CELL_ATTR]
        assert isinstance(fingerprint, str)
        assert len(fingerprint) == 16
        assert 0 <= cell < sampler.n_cells


def test_bad_arguments_teach(space: DilationSpace) -> None:
    with pytest.raises(ValueError, match="which the dilation space searches already"):
        MIGridSampler(space, {"max_dilation": [1, 2]})
    with pytest.raises(ValueError, match="must be a non-empty list of choices"):
        MIGridSampler(space, {"hidden": "20"})
    with pytest.raises(ValueError, match="must be a non-empty list of choices"):
        MIGridSampler(space, {"hidden": []})
    with pytest.raises(ValueError, match="repeats a choice"):
        MIGridSampler(space, {"hidden": [20, 20]})
    with pytest.raises(TypeError, match="a storage keeps only str, int, float, bool and None"):
        MIGridSampler(space, {"sizes": [(20, 20)]})
    with pytest.raises(ValueError, match="max_retries must be an integer of at least 0"):
        MIGridSampler(space, max_retries=-1)
    with pytest.raises(ValueError, match="the grid is empty"):
        MIGridSampler(space, settings=[])
    with pytest.raises(ValueError, match="give the same dilations"):
        MIGridSampler(space, settings=[space.recommended, space.recommended])
    for bad in (999, 5, 128.5, "128", None):
        with pytest.raises(ValueError, match=r"max_dilation takes values of .*high=256"):
            MIGridSampler(space, settings=[{**space.recommended, "max_dilation": bad}])
    with pytest.raises(ValueError, match=r"lacks \['n_layers_1'\]"):
        MIGridSampler(space, settings=[{"n_layers_0": 6, "max_dilation": 128}])


@pytest.mark.parametrize("kind", [np.int64, float])
def test_settings_may_come_from_a_table(space: DilationSpace, kind: type) -> None:
    settings = [{**space.recommended, "max_dilation": m} for m in (64, 100)]
    rows = [{name: kind(value) for name, value in setting.items()} for setting in settings]
    sampler = MIGridSampler(space, settings=rows)
    assert sampler.cell_params() == MIGridSampler(space, settings=settings).cell_params()
    assert {type(v) for params in sampler.cell_params() for v in params.values()} == {int}
    study = optuna.create_study(sampler=sampler)
    study.optimize(_objective(space))
    assert {t.params["max_dilation"] for t in study.trials} == {64, 100}


def test_a_choice_that_the_objective_refuses_teaches(space: DilationSpace) -> None:
    study = optuna.create_study(sampler=MIGridSampler(space, {"hidden": [64]}))
    with pytest.raises(ValueError, match="the grid has hidden=64, but the objective asks for"):
        study.optimize(_objective(space), n_trials=1)


def test_another_space_is_refused_and_leaves_nothing_running(space: DilationSpace) -> None:
    study = optuna.create_study(sampler=_sampler(space))
    study.optimize(_objective(space), n_trials=1)
    study.sampler = _sampler(replace(space, max_layers=9))
    with pytest.raises(SpaceMismatchError, match="max_layers"):
        study.optimize(_objective(space), n_trials=1)
    assert not [t for t in study.trials if not t.state.is_finished()]


def test_choices_that_python_thinks_equal_are_different_cells(space: DilationSpace) -> None:
    sampler = MIGridSampler(space, {"flag": [True, 1, None, "1"]}, points=1)
    assert sampler.n_cells == 4
    study = optuna.create_study(sampler=sampler)

    def objective(trial: optuna.Trial) -> float:
        space.suggest(trial)
        flag = trial.suggest_categorical("flag", [True, None, "1", 2])
        return float(flag is None)

    study.enqueue_trial({**space.recommended, "flag": None})
    study.optimize(objective, n_trials=2)
    assert [t.params["flag"] for t in study.trials].count(None) == 1


def test_a_trial_lost_before_its_first_heartbeat_gives_its_cell_back(
    space: DilationSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from optuna_mi.samplers import _tickets

    monkeypatch.setattr(_tickets, "_PATIENCE", 0.2)
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/study.db", heartbeat_interval=1)
    sampler = MIGridSampler(space, points=2)
    study = optuna.create_study(storage=storage, sampler=sampler)
    storage.create_new_trial(study._study_id)  # the worker is gone before it says anything
    seen = []

    def objective(trial: optuna.Trial) -> float:
        seen.append(space.suggest(trial))
        return 0.0

    study.optimize(objective)
    assert len(seen) == len(set(seen)) == sampler.n_cells
    assert [t.state for t in study.trials].count(TrialState.RUNNING) == 0


def test_a_name_that_the_objective_never_asks_for_warns_once(
    space: DilationSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(_mi_grid_sampler._logger, "warning", told.append)
    sampler = MIGridSampler(space, {"hidden": [1, 2], "oops": [3, 4]}, points=2, seed=0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(lambda t: len(space.suggest(t)) + t.suggest_int("hidden", 1, 2), n_trials=3)
    assert [message.partition(",")[0] for message in told] == ["Trial 0 asked for no 'oops'"]


@pytest.mark.parametrize("seed", range(3))
def test_a_partly_enqueued_trial_takes_a_cell_that_is_trained_nowhere_else(
    space: DilationSpace, seed: int
) -> None:
    sampler = MIGridSampler(space, extra={"hidden": [20, 50]}, points=2, seed=seed)
    study = optuna.create_study(sampler=sampler)
    asked = [{"hidden": 50}, {"max_dilation": space.max_dilation.low}, {"unknown": 1}]
    for fixed in asked:
        study.enqueue_trial(fixed)

    def objective(trial: optuna.Trial) -> float:
        space.suggest(trial)
        trial.suggest_categorical("hidden", [20, 50])
        return 0.0

    study.optimize(objective, n_trials=2)
    study.enqueue_trial({"hidden": 20})
    study.optimize(objective)
    cells = Counter(
        json.dumps(t.params, sort_keys=True) for t in study.trials if t.state == TrialState.COMPLETE
    )
    assert len(cells) == sampler.n_cells
    assert set(cells.values()) == {1}
    assert study.trials[0].params["hidden"] == 50
    assert study.trials[1].params["max_dilation"] == space.max_dilation.low
    study.enqueue_trial({"hidden": 20})  # none is left
    study.optimize(objective, n_trials=1)
    assert study.trials[-1].state == TrialState.PRUNED
