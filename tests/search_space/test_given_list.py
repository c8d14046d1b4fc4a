"""Spaces around a list of the user's own."""

from __future__ import annotations

import itertools

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optuna_mi import DilationSpace, MIGridSampler, MISampler

LIST = (1, 2, 5, 8, 12, 30)


@given(st.sets(st.integers(1, 300), min_size=1, max_size=9))
def test_any_list_is_its_own_recommendation_and_all_others_are_lists(values):
    own = tuple(sorted(values))
    space = DilationSpace.from_dilations(own)
    assert space.dilations(space.recommended) == own
    assert DilationSpace.from_json(space.to_json()) == space
    for n in range(space.layers[0].low, space.layers[0].high + 1):
        for largest in (space.max_dilation.low, own[-1], space.max_dilation.high):
            found = space.dilations({"n_layers_0": n, "max_dilation": largest})
            assert len(found) <= n
            assert found[-1] == largest
            assert all(a < b for a, b in itertools.pairwise((0, *found)))
            if n >= len(own) and largest >= own[-1]:
                assert len(set(own) - set(found)) <= (largest > own[-1])


@pytest.mark.parametrize("make", [MISampler, MIGridSampler])
def test_a_study_begins_with_the_list(make):
    space = DilationSpace.from_dilations(LIST, window=100)
    study = optuna.create_study(sampler=make(space))
    study.optimize(lambda trial: float(len(space.suggest(trial))), n_trials=5)
    assert study.trials[0].user_attrs["dilations"] == "1,2,5,8,12,30"
    assert DilationSpace.from_study(study) == space


def test_periods_and_delays_are_kept():
    space = DilationSpace.from_dilations((5, 12, 30), window=50)
    assert space.max_dilation.high == 49
    assert space.dilations({"n_layers_0": 5, "max_dilation": 30}) == (2, 5, 12, 19, 30)
    assert space.dilations({"n_layers_0": 2, "max_dilation": 30}) == (5, 30)
    assert "The list 5,12,30 was given" in space.describe()
    assert DilationSpace.from_dilations(np.array([1, 4])).max_dilation.recommended == 4


@pytest.mark.parametrize(
    ("dilations", "options", "error", "words"),
    [
        ((), {}, ValueError, "must be a list that increases"),
        ((4, 2, 1), {}, ValueError, r"must be a list that increases.*got \(4, 2, 1\)"),
        ((1, 2, 2), {}, ValueError, "repeat or reorder them in your model"),
        ((1, 2.5), {}, TypeError, "integer"),
        ((0, 1), {}, ValueError, "at least 1"),
        (LIST, {"window": 30}, ValueError, "does not fit into a training window of 30"),
        (LIST, {"max_layers": 3}, ValueError, "fewer than the 6 layers"),
    ],
)
def test_lists_that_make_no_space_are_refused(dilations, options, error, words):
    with pytest.raises(error, match=words):
        DilationSpace.from_dilations(dilations, **options)
