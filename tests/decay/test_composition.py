"""Sequences that differ in level or composition, and in nothing else."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from optuna_mi.decay import analyze_decay, decay_curve
from optuna_mi.decay import generators as make
from optuna_mi.decay.measure.noise._composition import shuffled_within
from optuna_mi.decay.measure.reading._sequences import encode, encode_with_gaps

LEVELS = [np.random.default_rng(i).normal(size=2000) + 5 * i for i in range(6)]
FEW = [1, 2, 5, 10, 50, 100]


def pieces(*, differ, persistence=0.0, seed=0):
    """Eighty sequences that keep a symbol with some probability, each of its own composition."""
    rng = np.random.default_rng(seed)
    out = []
    for n in rng.integers(300, 900, 80):
        p = rng.dirichlet(np.full(8, 2.0)) if differ else np.full(8, 1 / 8)
        kept = rng.random(n) < persistence
        kept[0] = False
        last = np.maximum.accumulate(np.where(kept, 0, np.arange(n)))
        out.append(rng.choice(8, n, p=p)[last])
    return out


def remarks(curve):
    return [note for note in curve.notes if "composition" in note]


def test_levels_of_a_panel_are_no_dependence_for_neighbours_either():
    panel = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(6), 2000),
            "ds": np.tile(np.arange(2000), 6),
            "y": np.concatenate(LEVELS),
        }
    )
    curve = decay_curve(panel, values="ksg", lags=FEW)
    assert (np.abs(curve.mi_corrected) < 4 * curve.std_error).all()
    assert analyze_decay(curve).law == "none"


@pytest.mark.parametrize("values", ["auto", "ksg"])
def test_levels_of_a_list_are_remarked_on_and_taken_out(values):
    plain = decay_curve(LEVELS, values=values, lags=FEW)
    assert plain.mi_corrected.min() > 1.0
    assert len(remarks(plain)) == 1
    assert "baseline='within'" in remarks(plain)[0]
    within = decay_curve(LEVELS, values=values, lags=FEW, baseline="within")
    assert within.baseline_method == "within"
    assert (within.mi_corrected < within.floor).all()
    assert analyze_decay(within).law == "none"
    assert not remarks(within)


def test_what_order_tells_is_left():
    same = decay_curve(pieces(differ=False, persistence=0.6), max_lag=200)
    assert not remarks(same)
    differing = pieces(differ=True, persistence=0.6)
    plain = decay_curve(differing, max_lag=200)
    assert len(remarks(plain)) == 1
    assert (plain.mi_corrected[-50:] > plain.floor[-50:]).all()
    within = decay_curve(differing, max_lag=200, baseline="within")
    analysis = analyze_decay(within)
    assert analysis.law == "exponential"
    assert analysis.max_dilation < 20
    assert within.mi_corrected[0] == pytest.approx(plain.mi_corrected[0], rel=0.05)


def test_alike_sequences_without_order_have_neither_plateau_nor_remark():
    for seed in range(3):
        data = pieces(differ=False, seed=seed)
        for baseline in ("shuffle", "within"):
            curve = decay_curve(data, baseline=baseline, seed=seed)
            assert analyze_decay(curve).law == "none"
            assert not remarks(curve)


def test_a_shuffle_within_keeps_each_sequence_s_symbols_and_gaps():
    rng = np.random.default_rng(0)
    codes, offsets = rng.integers(0, 5, 60), np.array([0, 10, 11, 60])
    for gaps in (False, True):
        values = np.where(rng.random(60) < 0.3, -1, codes) if gaps else codes
        sequences = (encode_with_gaps if gaps else encode)(values, offsets)
        moved = shuffled_within(sequences, rng)
        assert (moved.codes != sequences.codes).any()
        for a, b in itertools.pairwise(offsets):
            assert sorted(moved.codes[a:b]) == sorted(sequences.codes[a:b])
        if gaps:
            gap = sequences.gap
            np.testing.assert_array_equal(moved.codes == gap, sequences.codes == gap)


def test_within_needs_sequences():
    with pytest.raises(ValueError, match="two or more"):
        decay_curve(np.arange(1000) % 7, baseline="within")
    with pytest.raises(ValueError, match="two or more"):
        decay_curve(pieces(differ=True), baseline="within", boundary="concatenate")
    with pytest.raises(ValueError, match="across"):
        decay_curve(np.arange(6000).reshape(200, 30) % 7, baseline="within")


@pytest.mark.parametrize("aligned", [True, False])
def test_a_flat_verdict_says_that_composition_may_be_all(aligned):
    rng = np.random.default_rng(0)
    rows = [rng.choice(6, p=rng.dirichlet(np.ones(6)), size=50 + i % 7) for i in range(400)]
    sequences = np.array([row[:50] for row in rows]) if aligned else rows
    analysis = analyze_decay(decay_curve(sequences))
    assert analysis.law == "flat"
    assert "the sequences differ in composition" in analysis.max_dilation_reason
    pooled = {"positions": "pooled"} if aligned else {}
    assert f"baseline='within'{', positions=' if aligned else ')'}" in analysis.max_dilation_reason
    assert analyze_decay(decay_curve(sequences, baseline="within", **pooled)).law == "none"
    alike = make.markov_chain(400 * 50, make.sticky_transition(6, 0.8)).reshape(400, 50)
    assert not decay_curve(alike).differs_in_composition
