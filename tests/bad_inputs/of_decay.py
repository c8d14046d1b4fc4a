"""Bad inputs to the curve, its analysis and the generators."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optuna_mi.decay import DecayAnalysis, DecayCurve, analyze_decay, decay_curve
from optuna_mi.decay import generators as g
from tests.bad_inputs.table import FLAG, INF, NAN, OBJECT, Table, name, real, whole
from tests.bad_inputs.things import LAGS, analysis, curve, symbols

T = Table()
_N = len(LAGS)
_FOLDER = Path(tempfile.mkdtemp())
_HUGE = _FOLDER / "huge.npy"
_HEADER = "{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,), }"
_HUGE.write_bytes(
    b"\x93NUMPY\x01\x00" + len(f"{_HEADER:<117}\n").to_bytes(2, "little")
    + f"{_HEADER:<117}\n".encode() + bytes(80)
)
_TEXT = _FOLDER / "text.npy"
_TEXT.write_text("no array at all")
_PANEL = pd.DataFrame(
    {"unique_id": ["a", None] * 100, "ds": np.arange(200), "y": np.arange(200.0) % 7}
)
_COMPLEX = np.arange(100) + 1j

_X: tuple[Any, ...] = (
    None, 5, 2.5, object(), {}, {"a": [1, 2]}, [], "", b"", "a", [1], np.array(5),
    np.zeros((2, 3, 4), int), np.zeros(50, int), _COMPLEX,
    np.array(["2020-01-01", "2020-01-02"] * 20, dtype="datetime64[D]"),
    np.ma.masked_array(np.arange(50) % 3, mask=np.arange(50) % 5 == 0),
    np.ma.masked_array(np.arange(50.0), mask=np.arange(50) % 5 == 0),
    [np.ma.masked_array(np.arange(50) % 3, mask=np.arange(50) % 5 == 0)],
    np.array([1, "a", None] * 10, dtype=object), [1, "a", 2.5], [[1, 2], 3], [None, None],
    [np.zeros((2, 2), int)], np.where(np.arange(50) == 3, NAN, np.arange(50.0)),
    np.where(np.arange(50) == 3, INF, np.arange(50.0)), [2**70, 1, 2], np.array([[1], [2], [3]]),
    pd.DataFrame({"a": [1, 2], "b": [3, 4]}), pd.DataFrame(), pd.Series([1, None, 2]), _PANEL,
    _PANEL.assign(unique_id="a", y=None), _PANEL.assign(unique_id="a", ds=None),
    pd.concat([_PANEL.assign(unique_id="a")] * 2),
    Path("no-such-file.npy"), _HUGE, _TEXT, _FOLDER, str(_TEXT),
)
_WORDS = (
    "symbols", "symbol", "sequences", "sequence", "values", "array", "DataFrame", "list", "pairs",
    "file", "missing", ".npy", "unique_id", "ds",
)
T.sweep("decay_curve", decay_curve, None, words=_WORDS, x=_X)
_good = lambda: {"x": symbols()}
T.sweep(
    "decay_curve", decay_curve, _good,
    max_lag=(*whole(1, optional=True), 400), estimator=name(), boundary=name(), positions=name(),
    lags=("some", [], [0, 1], [2, 1], [1.5], ["1"], [[1, 2]], 5, True, [1, 400], [True], {"a": 1}, 2.0),
    baseline=name(optional=True), n_surrogates=whole(1, optional=True), seed=whole(0),
    n_threads=whole(1, optional=True), progress=FLAG, values=name(), difference=whole(0),
    detrend=FLAG, early_stop=FLAG, checkpoint=(5, True, 2.5, _FOLDER, _FOLDER / "no" / "a.npz"),
)
_reals = lambda: {"x": np.sin(np.arange(300) * 2.4)}
T.sweep("decay_curve of reals", decay_curve, _reals, n_bins=(*whole(2), 1), difference=(*whole(0), 300))
T.sweep("decay_curve of a panel", decay_curve, lambda: {"x": _PANEL.assign(unique_id="a")},
        freq=("nope", [1], 0, -1, True, NAN))
T.sweep("decay_curve of symbols", decay_curve, _good, freq=("D", 1))
T.sweep("decay_curve by ksg", decay_curve, lambda: _reals() | {"values": "ksg", "max_lag": 3},
        k=whole(1), n_samples=(*whole(1), 5), boundary=("concatenate",), positions=("conditional",),
        baseline=("across",), estimator=("plugin",), early_stop=(True,),
        n_surrogates=whole(1, optional=True), checkpoint=("a.npz",))
for _what, _given in {
    "lags and max_lag": {"max_lag": 3, "lags": [1, 2]},
    "difference": {"difference": 1},
    "early_stop": {"early_stop": True, "baseline": None},
    "positions": {"positions": "conditional"},
    "across": {"baseline": "across"},
}.items():
    T.add("decay_curve", _what, "contradicts", lambda a=_given: decay_curve(symbols(), **a),
          "lags", "positions", "baseline")

_column = lambda **k: DecayCurve(**{"lags": LAGS, "mi": 0.3 * LAGS**-1.5, **k})
_BAD_COLUMN: tuple[Any, ...] = (
    "text", [1, 2], np.full(_N, NAN), np.where(LAGS == 3, INF, 1.0), np.ones((_N, 1)),
    np.ones(_N) * 1j, ["a"] * _N, np.ma.masked_array(np.ones(_N), mask=LAGS == 2), {"a": 1}, NAN,
    [[1], [2, 3]],
)
T.sweep(
    "DecayCurve", _column, None,
    lags=(None, "12", 5, [], [0, 1], [2, 1], [1.0, 2.0], [[1, 2]], ["1"], [1, 1], [True, False],
          np.ma.masked_array(LAGS, mask=LAGS == 2), [1, None], [[1], [2, 3]], LAGS[:-1], [2**63]),
    mi=(*_BAD_COLUMN, None, [True] * _N), baseline=_BAD_COLUMN, floor=(*_BAD_COLUMN, -1.0),
    std_error=(*_BAD_COLUMN, -1.0), floor_shared=_BAD_COLUMN, entropy_x=_BAD_COLUMN, entropy_y=_BAD_COLUMN, entropy_xy=_BAD_COLUMN,
    estimator=(5, [1]), boundary=(5, [1]), positions=(5, [1]), baseline_method=(5, [1]), method=(5, [1]),
    seed=whole(0, optional=True),
    floor_skewness=_BAD_COLUMN,
    correlation=_BAD_COLUMN, n_pairs=("text", [1, 2], -1, 2.5, [1.5] * _N, NAN, [None] * _N),
    memory=whole(1, optional=True), sequence_length=whole(1, optional=True),
    n_sequences=whole(1, optional=True), n_symbols=whole(1, optional=True),
    n_total=whole(1, optional=True), notes=("a note", 5, None, [5]),
)
T.sweep("DecayCurve.from_json", DecayCurve.from_json, None, words=("JSON",),
        text=("", "{", "[]", "{}", '{"kind": "DecayAnalysis"}', '{"kind": "DecayCurve"}', None, 5,
              '{"kind": "DecayCurve", "lags": [1], "mi": "a"}', b"{"))
T.sweep("DecayAnalysis.from_json", DecayAnalysis.from_json, None, words=("JSON",),
        text=("", "{", "[]", "{}", '{"kind": "DecayAnalysis"}', None, 5, curve().to_json(),
              '{"kind": "DecayAnalysis", "curve": 5}'))
T.sweep("DecayCurve.load", DecayCurve.load, None, words=("DecayCurve", "file"),
        path=(_FOLDER / "none.json", _FOLDER, None, 5, _TEXT))
T.sweep("DecayCurve.save", lambda path: curve().save(path), None, words=("file", "folder", "write"),
        path=(_FOLDER / "no" / "a.json", _FOLDER, None, 5))
T.sweep("DecayAnalysis.predict", lambda d: analysis().predict(d), None, words=("distances",),
        d=(0, -1, NAN, INF, "a", None, [0.5, 2], 1j, [[1], [2, 3]]))

T.sweep("analyze_decay", analyze_decay, lambda: {"curve": curve()},
        curve=(*OBJECT, LAGS, analysis()), threshold=real(0, -1), law=name(optional=True),
        breakpoints=("12", [], [0.5], [5, 3], [1], [NAN], [100], ["5"], [[5], [6, 7]], 1j, True,
                     [None], [True]),
        period=(*whole(2, optional=True), 1, 60, 400), seed=whole(0))
for _what, _given in {
    "breakpoints": {"breakpoints": [5], "law": "power"},
    "period": {"period": 5, "law": "power"},
    "law": {"law": "periodic_power"},
}.items():
    T.add("analyze_decay", _what, "contradicts", lambda a=_given: analyze_decay(curve(), **a),
          "period")
T.add("analyze_decay", "period", "5 of a curve of zeros",
      lambda: analyze_decay(DecayCurve(LAGS, 0.0 * LAGS), period=5))

_steps = lambda **more: lambda: {"n_steps": 20, **more}
_many = lambda **more: lambda: {"n_sequences": 3, **more}
_SEED: tuple[Any, ...] = ("0", -1, 2.5, True, None)
_SHARE = real(-0.1, 1.5)
T.sweep("independent", g.independent, _steps(n_symbols=3), n_steps=whole(), n_symbols=whole(), seed=_SEED)
T.sweep("periodic", g.periodic, _steps(period=4, n_symbols=3), n_steps=whole(), n_symbols=whole(),
        period=whole(), noise=_SHARE, seed=_SEED)
T.sweep("copy_task", g.copy_task, _many(delay=4, n_symbols=3), n_sequences=whole(), delay=whole(),
        n_symbols=whole(), seed=_SEED)
T.sweep("themed", g.themed, _many(n_steps=4, n_symbols=3), n_sequences=whole(), n_steps=whole(),
        n_symbols=whole(), strength=_SHARE, seed=_SEED)
T.sweep("strictly_piecewise", g.strictly_piecewise, _many(n_steps=4, forbidden=(0, 1), n_symbols=3),
        n_sequences=whole(), n_steps=whole(), n_symbols=(*whole(), 1), seed=_SEED,
        forbidden=(None, "01", [], [5], [-1], 3, [0.5], [True], [[0, 1]]))
_LAGS: tuple[Any, ...] = ("a", None, [NAN], [-1], ["1"], 1j, [[1], [2, 3]], [INF])
T.sweep("power_correlation", g.power_correlation, lambda: {"lags": [0, 1, 2], "exponent": 1.0},
        lags=_LAGS, exponent=real(0, -1), first=real(0, 1, 2))
T.sweep("broken_power_correlation", g.broken_power_correlation,
        lambda: {"lags": [0, 1, 2], "exponents": (2.0, 1.0), "knot": 5}, lags=_LAGS,
        exponents=(None, 5, (1.0,), (1.0, -1.0), ("a", "b"), (NAN, 1.0), (1.0, 2.0, 3.0)),
        knot=real(0, -1), first=real(0, 1, 2))
T.sweep("exponential_correlation", g.exponential_correlation, lambda: {"lags": [0, 1], "length": 3.0},
        lags=_LAGS, length=real(0, -1))
T.sweep("periodic_correlation", g.periodic_correlation, lambda: {"lags": [0, 1], "period": 3.0},
        lags=_LAGS, period=real(0, -1), share=_SHARE)
T.sweep("gaussian_symbols", g.gaussian_symbols, _steps(correlation=[1.0, 0.5]), n_steps=whole(),
        correlation=(None, "a", [], [0.5], [NAN, 0.5], [[1.0, 0.5]], [1.0, 5.0], ["1"], [1.0, 1j]),
        n_symbols=(*whole(), 1), seed=_SEED)
T.sweep("binary_mutual_information", g.binary_mutual_information, None,
        correlation=(None, "a", [2.0], [-1.5], [NAN], 1j, ["1"]))
T.sweep("sticky_transition", g.sticky_transition, lambda: {"n_symbols": 3, "persistence": 0.5},
        n_symbols=(*whole(), 1), persistence=real(-0.1, 1.0, 1.5))
_TRANSITION: tuple[Any, ...] = (
    None, "a", [], [[0.5, 0.5]], [[0.5, 0.6], [0.5, 0.5]], [[-0.5, 1.5], [0.5, 0.5]], [[NAN, 1], [0, 1]],
    [0.5, 0.5], [[0.5], [0.5, 0.5]], [["a", "b"], ["c", "d"]], 5,
)
T.sweep("markov_chain", g.markov_chain, _steps(transition=np.eye(2)), n_steps=whole(),
        transition=_TRANSITION, seed=_SEED)
T.sweep("markov_mutual_information", g.markov_mutual_information,
        lambda: {"transition": [[0.5, 0.5], [0.5, 0.5]], "lags": [1]}, transition=_TRANSITION,
        lags=(None, "a", 3, [0], [-1], [1.5], [NAN], ["1"], [[1]]))

T.stays_valid("decay_curve", decay_curve, _good, max_lag=np.int64(5), seed=np.uint8(1),
              n_surrogates=np.int16(1), n_threads=np.int64(1), lags=np.array([1, 2], np.uint8),
              progress=np.False_, x=np.ma.masked_array(symbols()))
T.stays_valid("decay_curve of reals", decay_curve, _reals, n_bins=np.int64(4), difference=np.int8(1))
T.stays_valid("analyze_decay", analyze_decay, lambda: {"curve": curve()}, threshold=np.float32(1e-4),
              period=np.int64(5), seed=np.int64(1), breakpoints=np.array([5.0]), law="power")
T.stays_valid("DecayCurve", _column, None, floor=0.1, n_pairs=np.full(_N, 5.0), memory=np.int64(3),
              notes=["a"], n_total=np.int64(5), mi=[0.1] * _N)
T.stays_valid("independent", g.independent, _steps(n_symbols=np.int64(3)), n_steps=np.int64(5),
              seed=np.random.default_rng(0), n_symbols=np.uint8(2))
