from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optuna_mi import DilationSpace, context_curve
from optuna_mi.decay import analyze_decay, decay_curve
from optuna_mi.decay.generators import markov_chain, sticky_transition


def test_the_range_begins_at_what_can_be_learnt() -> None:
    x = markov_chain(30_000, sticky_transition(3, 0.9), seed=0)
    analysis = analyze_decay(decay_curve(x, max_lag=200))
    plain = DilationSpace.from_analysis(analysis)
    space = DilationSpace.from_analysis(analysis, context=context_curve(x, max_context=6))
    assert space.max_dilation.low == space.max_dilation.recommended == 1
    assert space.max_dilation.high == plain.max_dilation.recommended
    assert space.dilations(space.recommended) == (1,)
    assert "can be learnt" in " ".join(space.notes)
    assert DilationSpace.from_analysis(analysis, context=None) == plain
    with pytest.raises(TypeError, match="context must be what context_curve"):
        DilationSpace.from_analysis(analysis, context=3)  # type: ignore[arg-type]


def test_a_period_does_not_bound_what_can_be_learnt() -> None:
    """A day's period and a week behind it: the range was 24 to 24."""
    rng = np.random.default_rng(0)
    x = np.tile(rng.integers(0, 4, 24), 300)
    x = np.where(rng.random(x.size) < 0.2, rng.integers(0, 4, x.size), x)
    analysis = analyze_decay(decay_curve(x, max_lag=100))
    assert analysis.max_dilation == 24
    curve = replace(context_curve(x, max_context=4, budgets=False), context_length=145)
    space = DilationSpace.from_analysis(analysis, window=192, context=curve)
    largest = space.max_dilation
    assert (largest.low, largest.recommended, largest.high) == (24, 145, 145)


def test_the_range_reaches_what_only_products_of_values_tell() -> None:
    """A value that counts or not by the sign of the one twelve steps back: the range said 1."""
    x = markov_chain(20_000, sticky_transition(3, 0.9), seed=0)
    analysis = analyze_decay(decay_curve(x, max_lag=200))
    curve = replace(context_curve(x, max_context=4, budgets=False), nonlinear_length=12)
    space = DilationSpace.from_analysis(analysis, context=curve)
    assert space.max_dilation.recommended == 12
