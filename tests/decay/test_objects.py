"""Curves and analyses as objects."""

from __future__ import annotations

import json

import numpy as np
import pytest

from optuna_mi.decay import DecayAnalysis, DecayCurve, analyze_decay, decay_curve
from optuna_mi.decay import generators as make

CURVE = decay_curve(make.markov_chain(20_000, make.sticky_transition(4, 0.7), seed=0), max_lag=60)
ANALYSIS = analyze_decay(CURVE)


def test_round_trips_keep_every_bit(tmp_path):
    for thing in (CURVE, ANALYSIS, DecayCurve([1, 3], [0.1, 0.3])):
        kind = type(thing)
        again = kind.from_json(thing.to_json())
        assert again == thing
        assert again.summary() == thing.summary()
        path = tmp_path / f"{kind.__name__}.json"
        thing.save(path)
        assert kind.load(path) == thing
        assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
        json.loads(thing.to_json(), parse_constant=lambda c: pytest.fail(c))
    np.testing.assert_array_equal(DecayCurve.from_json(CURVE.to_json()).mi, CURVE.mi)
    again = DecayAnalysis.from_json(ANALYSIS.to_json())
    np.testing.assert_array_equal(again.predict([1, 7.5]), ANALYSIS.predict([1, 7.5]))
    assert again.fit == ANALYSIS.fit


def test_frames():
    frame = CURVE.to_frame()
    assert len(frame) == len(CURVE)
    assert {"lag", "mi", "mi_corrected", "baseline", "std_error", "floor", "n_pairs"} <= set(frame)
    np.testing.assert_array_equal(frame["mi_corrected"], CURVE.mi_corrected)
    assert list(DecayCurve([1], [0.5]).to_frame()) == ["lag", "mi", "mi_corrected"]
    assert "fit" in ANALYSIS.to_frame()


def test_texts_say_what_matters():
    assert "60 from 1 to 60" in CURVE.summary()
    assert "20,000 symbols of 4 kinds" in CURVE.summary()
    assert "exponential" in ANALYSIS.summary()
    assert f"{ANALYSIS.max_dilation:,}:" in ANALYSIS.summary()
    for thing in (CURVE, ANALYSIS):
        assert thing._repr_html_().startswith("<table>")
    odd = DecayCurve([1], [0.5], notes=("<script>",))
    assert "<script>" not in odd._repr_html_()


def test_curves_are_frozen():
    with pytest.raises(AttributeError):
        CURVE.seed = 1
    with pytest.raises(ValueError, match="read-only"):
        CURVE.mi[0] = 1
    given = np.array([0.5, 0.2])
    curve = DecayCurve([1, 2], given)
    given[0] = 9
    assert curve.mi[0] == 0.5


def test_a_scalar_floor_is_spread():
    assert DecayCurve([1, 2], [0.5, 0.2], floor=0.1).floor.tolist() == [0.1, 0.1]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (([], []), "non-empty"),
        (([1.5], [0.1]), "integers"),
        (([2, 1], [0.1, 0.1]), "increasing"),
        (([0], [0.1]), "at least 1"),
        (([1, 2], [0.1]), "shape of lags"),
        (([1], [np.nan]), "NaN"),
    ],
)
def test_bad_curves(arguments, match):
    with pytest.raises((TypeError, ValueError), match=match):
        DecayCurve(*arguments)


def test_bad_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="DecayCurve"):
        DecayCurve.load(tmp_path / "none.json")
    with pytest.raises(ValueError, match="but of 'DecayCurve'"):
        DecayAnalysis.from_json(CURVE.to_json())
    with pytest.raises(ValueError, match="not the JSON"):
        DecayCurve.from_json("{")
    with pytest.raises(FileNotFoundError, match="folder"):
        CURVE.save(tmp_path / "no" / "curve.json")
