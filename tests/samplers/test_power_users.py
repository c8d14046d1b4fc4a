"""What users of Optuna combine our samplers with: other samplers, other trials, other spaces."""

import optuna
import pytest
from optuna.samplers import GridSampler, PartialFixedSampler, RandomSampler, TPESampler
from optuna.trial import TrialState, create_trial

from optuna_mi import MIGridSampler, MISampler
from optuna_mi.exceptions import SpaceMismatchError
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange

SPACE = DilationSpace(
    DecayGeometry("power"), (IntRange(3, 7, 5),), IntRange(8, 32, 16), max_layers=7
)
WIDER = DilationSpace(
    DecayGeometry("power"), (IntRange(3, 9, 5),), IntRange(8, 64, 16), max_layers=9
)


def objective(trial):
    return sum(SPACE.suggest(trial)) * trial.suggest_float("lr", 1e-4, 1e-1, log=True)


def study_of(sampler):
    return optuna.create_study(sampler=sampler)


def tried(study):
    """Return the numbers of the trials with the recommendation."""
    recommended = SPACE.recommended.items()
    return [t.number for t in study.trials if recommended <= t.params.items()]


def _add(study):
    params, distributions = {"n_layers_0": 3, "max_dilation": 9}, SPACE.distributions()
    study.add_trial(create_trial(params=params, distributions=distributions, value=1.0))


def _run_otherwise(study):
    other = optuna.load_study(study_name=study.study_name, storage=study._storage)
    other.sampler = RandomSampler(seed=0)
    other.optimize(objective, n_trials=1)


@pytest.mark.parametrize(
    "before", [_add, _run_otherwise, lambda study: study.enqueue_trial({"n_layers_0": 3})]
)
def test_the_recommendation_is_tried_after_trials_of_others(before):
    study = study_of(MISampler(SPACE, seed=0))
    before(study)
    n = sum(t.state == TrialState.WAITING for t in study.trials)
    study.optimize(objective, n_trials=n + 3)
    assert tried(study)[0] == 1


def test_a_recommendation_that_was_added_is_not_tried_again():
    study = study_of(MISampler(SPACE, RandomSampler(seed=0), seed=0, prior_width=None))
    _add(study)
    distributions = SPACE.distributions()
    params = dict(SPACE.recommended)
    study.add_trial(create_trial(params=params, distributions=distributions, value=1.0))
    study.optimize(objective, n_trials=4)
    assert tried(study) == [1]


def test_a_trial_that_never_asks_leaves_the_recommendation_to_the_next():
    study = study_of(MISampler(SPACE, seed=0))
    study.optimize(lambda t: 0.0 if t.number < 3 else objective(t), n_trials=8)
    assert tried(study)[0] == 3


def test_a_sampler_around_ours_does_not_bring_the_recommendation_again():
    study = study_of(PartialFixedSampler({"n_layers_0": 4}, MISampler(SPACE, seed=0)))
    study.optimize(objective, n_trials=8)
    assert {t.params["n_layers_0"] for t in study.trials} == {4}
    assert len({t.params["max_dilation"] for t in study.trials}) > 3


def test_a_parameter_fixed_inside_ours_stays_fixed():
    base = PartialFixedSampler({"n_layers_0": 4}, TPESampler(seed=0))
    study = study_of(MISampler(SPACE, base, seed=0))
    study.optimize(objective, n_trials=8)
    assert {t.params["n_layers_0"] for t in study.trials} == {4}
    assert study.trials[0].params["max_dilation"] == 16


def test_optunas_grid_is_refused():
    with pytest.raises(ValueError, match=r"use MIGridSampler\(space, extra="):
        MISampler(SPACE, GridSampler({"lr": [0.01]}))


def test_a_grid_whose_cells_another_sampler_changes_says_so(caplog):
    study = study_of(PartialFixedSampler({"n_layers_0": 4}, MIGridSampler(SPACE)))
    study.optimize(lambda trial: sum(SPACE.suggest(trial)), n_trials=3)
    said = [r.getMessage() for r in caplog.records if "another sampler" in r.getMessage()]
    assert len(said) == 1
    assert "n_layers_0=4 and not with 5 as its cell" in said[0]
    assert MIGridSampler(SPACE, settings=[{"n_layers_0": 4, "max_dilation": 9}]).n_cells == 1


def test_another_space_is_refused_without_our_sampler_too():
    study = study_of(MISampler(SPACE))
    study.optimize(objective, n_trials=1)
    study.sampler = TPESampler(seed=0)
    with pytest.raises(SpaceMismatchError, match=r"max_dilation.high: the study has 32, yours 64"):
        study.optimize(lambda trial: sum(WIDER.suggest(trial)), n_trials=1)
    study.optimize(objective, n_trials=1)
    free = study_of(TPESampler(seed=0))  # made for no space
    free.optimize(lambda trial: sum(WIDER.suggest(trial)), n_trials=1)
