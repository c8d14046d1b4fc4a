"""Long runs: checkpoints and early stops do not change what is measured."""

from __future__ import annotations

import json

import numpy as np
import pytest

from optuna_mi.decay import analyze_decay, decay_curve
from optuna_mi.decay import generators as make
from optuna_mi.decay.measure._conditional_curve import ConditionalCurve
from optuna_mi.decay.measure._pooled_curve import PooledCurve

RNG = np.random.default_rng(0)
IMAGES = ((RNG.normal(size=(300, 40)).cumsum(axis=1) > 0) + (RNG.random((300, 40)) < 0.3)) * 1
ZIPF = np.minimum(RNG.zipf(1.3, 30_000), 8000)
STICKY = make.markov_chain(20_000, make.sticky_transition(5, 0.95), seed=2)

DATA = {
    "transforms": (STICKY, {"max_lag": 600}),
    "tables": (
        make.markov_chain(20_000, make.sticky_transition(27, 0.9), seed=2),
        {"max_lag": 301},
    ),
    "groups": (ZIPF, {"max_lag": 200}),
    "ragged groups": (np.split(ZIPF, np.arange(50, 30_000, 217)), {}),
    "ragged": (np.split(STICKY, [150, 151, 400, 9000]), {"max_lag": 100, "n_surrogates": 3}),
    "no baseline": (STICKY, {"max_lag": 100, "baseline": None}),
    "reals": (RNG.normal(size=3000), {"max_lag": 100}),
    "conditional": (IMAGES, {"n_surrogates": 2}),
    "conditional, no baseline": (IMAGES, {"baseline": None}),
    "across": (IMAGES, {"positions": "pooled", "n_surrogates": 2}),
    "across, groups": (ZIPF[:6000].reshape(40, 150), {"positions": "pooled", "max_lag": 24}),
}


@pytest.fixture
def counted(monkeypatch):
    """Sizes of the parts that were counted; the run is interrupted before part `stop_at`."""
    sizes: list[int] = []

    class Counted:
        parts = sizes
        stop_at: int | None = None

    def wrap(kind):
        real = kind.measure

        def measure(self, part):
            if Counted.stop_at == len(sizes):
                raise KeyboardInterrupt
            sizes.append(part.size)
            return real(self, part)

        monkeypatch.setattr(kind, "measure", measure)

    wrap(PooledCurve)
    wrap(ConditionalCurve)
    return Counted


@pytest.mark.parametrize("name", DATA)
def test_a_checkpoint_changes_nothing(tmp_path, counted, name):
    x, options = DATA[name]
    path = tmp_path / "curve.json"
    plain = decay_curve(x, **options)
    counted.parts.clear()
    assert decay_curve(x, checkpoint=path, **options) == plain
    assert (len(counted.parts) == 1) == (name == "transforms")

    # everything is there: nothing is counted again
    counted.stop_at = len(counted.parts)
    assert decay_curve(x, checkpoint=path, **options) == plain

    path.unlink()
    counted.parts.clear()
    counted.stop_at = min(2, counted.stop_at - 1)
    with pytest.raises(KeyboardInterrupt):
        decay_curve(x, checkpoint=path, **options)
    assert path.exists() == (counted.stop_at > 0)
    counted.stop_at = None
    assert decay_curve(x, checkpoint=path, **options) == plain
    assert sum(counted.parts) == len(plain)


def same(one, two, *names):
    for name in names:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


MEASURED = ("lags", "mi", "baseline", "floor", "floor_shared", "memory", "entropy_xy")


@pytest.mark.parametrize("name", [n for n in DATA if "no baseline" not in n])
def test_an_early_stop_only_shortens_the_curve(tmp_path, name):
    x, options = DATA[name]
    path = tmp_path / "curve.json"
    plain = decay_curve(x, **options)
    early = decay_curve(x, early_stop=True, **options)
    stopped = len(early) < len(plain)
    assert stopped == any("stopped early" in note for note in early.notes)
    shared = {k: v for k, v in options.items() if k != "max_lag"}
    # what baseline and floor are is a matter of all lags measured
    alone = (
        decay_curve(x, lags=early.lags, **shared) if early.baseline_method == "shuffle" else plain
    )
    same(early, alone, *(MEASURED if len(alone) == len(early) else ()))
    same(early, plain, *(() if stopped else (*MEASURED, "std_error")))
    np.testing.assert_array_equal(early.mi, plain.mi[: len(early)])

    # stopped and taken up again; and gone on with to the end
    assert decay_curve(x, early_stop=True, checkpoint=path, **options) == early
    assert decay_curve(x, early_stop=True, checkpoint=path, **options) == early
    same(decay_curve(x, checkpoint=path, **options), plain, *MEASURED, "std_error")


def test_a_stop_does_not_hang_on_the_first_wave():
    """Its thirty lags see no tail: blocks of their own would be too short for the memory."""
    plain = decay_curve(STICKY, max_lag=600)
    for early in (False, True):
        curve = decay_curve(STICKY, max_lag=600, early_stop=early)
        assert curve.memory == pytest.approx(plain.memory, rel=0.1)
        analysis = analyze_decay(curve)
        assert analysis.law == "exponential"
        assert analysis.max_dilation == pytest.approx(analyze_decay(plain).max_dilation, rel=0.2)


def test_independent_symbols_stop_soon(counted):
    x = make.independent(50_000, 4, seed=0)
    curve = decay_curve(x, max_lag=800, early_stop=True)
    assert 10 <= curve.lags[-1] < 200
    assert "stopped early" in curve.notes[0]
    assert sum(counted.parts) == len(curve)


def test_a_decade_is_ten_times_the_first_lag(counted):
    x = make.independent(50_000, 4, seed=0)
    curve = decay_curve(x, lags=np.arange(400, 600), early_stop=True)
    assert len(curve) == 200
    assert curve.notes == ()
    curve = decay_curve(x, lags=np.arange(40, 600), early_stop=True)
    assert 400 <= curve.lags[-1] < 500


def test_waves_end_where_all_lags_together_take_no_longer(counted):
    x = np.resize(np.random.default_rng(0).integers(0, 7, 50), 20_000)
    curve = decay_curve(x, max_lag=2000, lags="all", early_stop=True)
    assert len(curve) == 2000
    first, rest = counted.parts[:-1], counted.parts[-1]
    assert 0 < sum(first) < 400
    assert rest == 2000 - sum(first)
    assert curve.method.startswith("table of 7 x 7 counts; Fourier transforms")


def test_bad_checkpoints(tmp_path):
    path = tmp_path / "curve.json"
    decay_curve(STICKY, max_lag=30, checkpoint=path)
    for x, options in ((STICKY[1:], {}), (STICKY, {"seed": 1}), (STICKY, {"estimator": "plugin"})):
        with pytest.raises(ValueError, match=r"other data, lags or settings.*delete it"):
            decay_curve(x, max_lag=30, checkpoint=path, **options)
    stamp = json.loads(path.read_text())["stamp"]
    for record in ({}, {"stamp": "0"}, {"stamp": stamp}, {"stamp": stamp, "waves": []}):
        path.write_text(json.dumps({"kind": "DecayCheckpoint"} | record))
        with pytest.raises(ValueError, match="or by another version; delete it"):
            decay_curve(STICKY, max_lag=30, checkpoint=path)
    for text in ("{", "[]", '{"kind": "DecayCurve"}', "\x00"):
        path.write_text(text)
        with pytest.raises(ValueError, match="no checkpoint"):
            decay_curve(STICKY, max_lag=30, checkpoint=path)


def test_a_missing_folder_is_told_before_the_work(tmp_path, counted):
    with pytest.raises(FileNotFoundError, match="folder"):
        decay_curve(STICKY, max_lag=30, checkpoint=tmp_path / "no" / "x.json")
    assert not counted.parts
