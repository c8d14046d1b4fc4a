from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from optuna_mi import DilationSpace, LagSelection, context_curve, select_lags
from optuna_mi.decay import DecayAnalysis, analyze_decay, decay_curve
from optuna_mi.decay.generators import markov_chain, sticky_transition
from optuna_mi.search_space import IntRange


def analysis() -> DecayAnalysis:
    x = markov_chain(20_000, sticky_transition(3, 0.9), seed=0)
    return analyze_decay(decay_curve(x, max_lag=100))


def chosen(*lags: int, horizon: int = 1) -> LagSelection:
    gain = np.linspace(1.0, 0.5, len(lags))
    candidates = np.arange(1, 9)
    return LagSelection(
        lags, gain, gain / 100, candidates, np.ones(8), "made up", horizon, 1_000, 1_000
    )


def test_an_echo_gets_a_layer_that_reaches_it() -> None:
    """The value 300 steps before the next one lies 299 steps before the newest."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, 20_000)
    for t in range(300, x.size):
        if rng.random() < 0.5:
            x[t] = x[t - 300]
    found = analyze_decay(decay_curve(x, max_lag=400))
    space = DilationSpace.from_analysis(found, lags=select_lags(x, candidates=range(280, 320)))
    assert space.dilations(space.recommended) == (1, 7, 45, 299)
    assert "1,7,45 connect them" in " ".join(space.notes)


def test_layers_stand_at_the_chosen_distances_and_reach_what_can_be_learnt() -> None:
    x = markov_chain(20_000, sticky_transition(3, 0.9), seed=0)
    curve = replace(context_curve(x, max_context=4, budgets=False), context_length=30)
    space = DilationSpace.from_analysis(analysis(), context=curve, lags=chosen(8, 1, 7, 2))
    assert space.dilations(space.recommended) == (1, 6, 7, 30)
    assert space.max_dilation.recommended == 30
    assert space.layers == (IntRange(2, 6, 4),)
    ahead = DilationSpace.from_analysis(analysis(), lags=chosen(8, 1, 7, 2, horizon=2))
    assert ahead.dilations(ahead.recommended) == (1, 5, 6)


@pytest.mark.parametrize("ranges", ["paper", "wide"])
@pytest.mark.parametrize("lags", [(), (1,), (48, 3), (2, 90, 17), tuple(range(1, 13))])
def test_every_list_increases_within_the_window(lags: tuple[int, ...], ranges: str) -> None:
    space = DilationSpace.from_analysis(
        analysis(), window=64, max_layers=6, lags=chosen(*lags), ranges=ranges
    )
    first = space.dilations(space.recommended)
    assert all(b / a <= 8 for a, b in itertools.pairwise(first))
    for params in space.grid():
        found = space.dilations(params)
        assert list(found) == sorted(set(found))
        assert found[-1] < 64
        assert len(found) <= 6
    assert DilationSpace.from_json(space.to_json()) == space
    assert "add most to a prediction" in space.describe()


def test_of_too_many_lags_the_first_are_kept() -> None:
    space = DilationSpace.from_analysis(analysis(), max_layers=4, lags=chosen(20, 33, 10, 6, 17))
    assert space.dilations(space.recommended) == (1, 4, 19, 32)


def test_few_layers_reach_as_far() -> None:
    for most, wanted in ((3, (1, 30, 900)), (1, (900,))):
        space = DilationSpace.from_analysis(analysis(), max_layers=most, lags=chosen(901))
        assert space.dilations(space.recommended) == wanted


def test_lags_are_what_select_lags_returned() -> None:
    with pytest.raises(TypeError, match="select_lags"):
        DilationSpace.from_analysis(analysis(), lags=(1, 8))  # type: ignore[arg-type]
