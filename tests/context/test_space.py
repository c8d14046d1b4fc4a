from __future__ import annotations

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
