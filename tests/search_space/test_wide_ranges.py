"""Ranges that go to the limits, around the same recommendation."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import optuna
import pytest

from optuna_mi import DilationSpace, MISampler
from optuna_mi.decay import DecayAnalysis, DecayCurve, analyze_decay
from optuna_mi.exceptions import SpaceMismatchError

_LAGS = np.arange(1, 401)


def _analysis(law: str) -> DecayAnalysis:
    mi = {
        "broken": np.where(_LAGS < 20, 0.5 * _LAGS**-2.2, 0.0095 * _LAGS**-0.9),
        "power": 0.5 * _LAGS**-1.5,
        "flat": np.full(400, 0.1),
        "none": np.full(400, 1e-9),
    }[law]
    return analyze_decay(DecayCurve(_LAGS, mi))


_CASES = list(
    itertools.product(("broken", "power", "flat", "none"), ({}, {"window": 90}, {"window": 6}))
)


@pytest.mark.parametrize(("law", "limits"), _CASES)
def test_wide_ranges_hold_the_papers_and_the_same_recommendation(
    law: str, limits: dict[str, int]
) -> None:
    analysis = _analysis(law)
    paper = DilationSpace.from_analysis(analysis, max_layers=7, **limits)
    wide = DilationSpace.from_analysis(analysis, max_layers=7, ranges="wide", **limits)
    assert wide.recommended == paper.recommended
    assert wide.geometry == paper.geometry
    assert wide.dilations(wide.recommended) == paper.dilations(paper.recommended)
    for far, near in zip(
        (*wide.layers, wide.max_dilation), (*paper.layers, paper.max_dilation), strict=True
    ):
        assert far.low <= near.low
        assert near.high <= far.high
    assert wide.max_dilation.low <= 8
    assert wide.max_dilation.high >= limits.get("window", 401) - 1
    if "window" in limits:
        assert wide.max_dilation.high < limits["window"]
    assert all(r.low == 1 for r in wide.layers)


def test_without_a_window_the_range_ends_where_the_curve_was_measured() -> None:
    x = np.random.default_rng(0).integers(0, 2, 4000).cumsum() % 6
    space = DilationSpace.from_sequences(x, max_lag=300, ranges="wide")
    assert space.max_dilation.high == max(300, 2 * space.max_dilation.recommended)
    short = DilationSpace.from_sequences(x.reshape(-1, 40), ranges="wide")
    assert short.max_dilation.high <= 39


def test_every_wide_setting_gives_a_valid_list() -> None:
    space = DilationSpace.from_analysis(_analysis("broken"), window=90, max_layers=6, ranges="wide")
    assert len(space.layers) == 2
    assert space.max_dilation.low < space.geometry.breakpoints[0]  # the farther segment is empty
    ranges = [range(r.low, r.high + 1) for r in (*space.layers, space.max_dilation)]
    names = list(space.distributions())
    for values in itertools.product(*ranges):
        found = space.dilations(dict(zip(names, values, strict=True)))
        assert found[0] == 1
        assert found[-1] <= values[-1]
        assert len(found) <= min(6, sum(values[:-1]))
        assert all(a < b for a, b in itertools.pairwise(found))


def test_wide_ranges_are_told_kept_and_verified() -> None:
    analysis = _analysis("power")
    paper = DilationSpace.from_analysis(analysis, window=90)
    wide = DilationSpace.from_analysis(analysis, window=90, ranges="wide")
    assert DilationSpace.from_json(wide.to_json()) == wide
    assert '"ranges":"wide"' in wide.to_json()
    assert "ranges" not in paper.to_json()  # so studies made before there were any still match
    assert "The ranges are wide" in wide.describe()
    assert "wide" not in paper.describe()
    assert wide.fingerprint != paper.fingerprint
    assert replace(paper, ranges="wide").fingerprint != paper.fingerprint

    study = optuna.create_study()
    wide.freeze(study)
    assert DilationSpace.from_study(study) == wide
    with pytest.raises(SpaceMismatchError, match="ranges: the study has wide, yours nothing"):
        paper.verify(study)
    with pytest.raises(ValueError, match="ranges must be one of 'paper', 'wide', got 'broad'"):
        DilationSpace.from_analysis(analysis, ranges="broad")  # type: ignore[arg-type]


def test_the_sampler_begins_at_the_recommendation_and_leaves_the_papers_range() -> None:
    x = np.random.default_rng(0).integers(0, 2, 4000).cumsum() % 6
    space = DilationSpace.from_sequences(x, window=64, max_layers=6, ranges="wide")
    study = optuna.create_study(sampler=MISampler(space, seed=0))
    study.optimize(lambda trial: abs(space.suggest(trial)[-1] - 9.0), n_trials=20)
    assert study.trials[0].params == space.recommended
    near = DilationSpace.from_sequences(x, window=64, max_layers=6).max_dilation
    assert any(not near.low <= t.params["max_dilation"] <= near.high for t in study.trials)
