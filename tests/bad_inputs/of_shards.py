"""Bad inputs to corpora in parts and to counts of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from optuna_mi.decay import CountPlan, DecayCounts, Shards, decay_curve
from tests.bad_inputs.table import FLAG, OBJECT, Table, name, whole
from tests.bad_inputs.things import symbols

T = Table()
_FOLDER = Path(tempfile.mkdtemp())
_MIXED = Path(tempfile.mkdtemp())
(_MIXED / "a.txt").write_text("abc")
np.save(_MIXED / "a.npy", np.arange(9) % 3)
_BAD_FILE = Path(tempfile.mkdtemp())
(_BAD_FILE / "a.npy").write_text("no array at all")

T.sweep("Shards", Shards, lambda: {"parts": [symbols()]}, parts=(None, 5, "abc", [], {}, [Path("none.npy")], [_MIXED]), column=(5, ["a"], True))
T.sweep("Shards.from_folder", Shards.from_folder, None, path=(None, 5, _FOLDER, _MIXED, _FOLDER / "none"))

_SYMBOLS: tuple[Any, ...] = (
    0, 1, True, 2.5, -3, "", "aa", [], [1], [1, 1], ["a"], ["a", 1], [-1, 2], [0.5, 1.5], {"a": 1}, object(), [[1, 2]], [None, 1],
)
_plan = lambda **k: CountPlan(**{"lengths": [200, 200], "symbols": 3, "max_lag": 5, **k})
T.sweep("CountPlan", _plan, None, lengths=(None, 5, "12", [], [0], [-1, 5], [2.5], [[1, 2]], [True], [1, 1]), symbols=(*_SYMBOLS, None),
        max_lag=(*whole(1), 400), joined=FLAG, words=("symbols", "sequences", "sequence"))
T.sweep("CountPlan lags", lambda lags: _plan(lags=lags, max_lag=None), None, lags=("some", "all", "log", None, [], [0, 1], [2, 1], [1.5], [1, 400], 5), words=("max_lag",))

_halves = lambda: np.split(symbols(), 2)
_of = lambda **k: DecayCounts.of(**{"shard": _halves()[0], "plan": _plan(), "index": 0, **k})
T.sweep("DecayCounts.of", _of, None, shard=(None, 5, object(), [], np.zeros(200), np.arange(200), np.full(200, -1), symbols(), ["a"] * 200, np.array(["a"] * 200), {}),
        plan=OBJECT, index=(*whole(0), 2), before=([0, 1], [1] * 9), n_threads=whole(1, optional=True),
        words=("symbols", "symbol", "sequences", "shard"))
_joined = lambda before: DecayCounts.of(_halves()[1], _plan(joined=True), 1, before=before)
T.sweep("DecayCounts.of a piece", _joined, None, before=(None, [1, 2], 5, [9] * 5, ["a"] * 5), words=("symbols", "sequences", "symbol"))
_one = lambda index=0, **k: DecayCounts.of(_halves()[index], _plan(**k), index)
T.sweep("DecayCounts.merge", lambda other: _one().merge(other), None, other=(*OBJECT, _one(), _one(1, max_lag=6), _one(1, symbols=4)), words=("plan", "shard"))
T.sweep("DecayCounts.pairs", lambda lag: _one().pairs(lag), None, lag=(*whole(1), 6))
_both = lambda **k: _one().merge(_one(1)).to_curve(**k)
T.sweep("DecayCounts.to_curve", _both, None, estimator=name(), baseline=name(optional=True), n_surrogates=whole(1, optional=True), seed=whole(0),
        n_threads=whole(1, optional=True))
T.add("DecayCounts.to_curve", "shards", "one missing", lambda: _one().to_curve())

_shards = lambda: {"x": Shards(_halves()), "max_lag": 5}
_WORDS = ("symbols", "symbol", "shards", "shard", "sequences", "file")
T.sweep("decay_curve of shards", decay_curve, _shards, max_lag=(*whole(1, optional=True), 400), symbols=_SYMBOLS, values=("bins", "ksg", "nope"),
        positions=("conditional",), baseline=("within", "across"), early_stop=(True,), checkpoint=("a.npz",), difference=(1,), detrend=(True,), freq=("D",),
        x=(Shards([np.zeros(9, int)]), Shards([[]]), Shards([lambda: None]), Shards([np.arange(9.0)]), Shards([symbols(), ["a", "b"], np.array(["a", "b"])]),
           Shards([np.array([-1, 2])]), Shards([np.array([])]), iter(_halves()), iter([]), _FOLDER, _MIXED, _BAD_FILE), words=_WORDS)
T.sweep("decay_curve of symbols", decay_curve, lambda: {"x": symbols()}, symbols=(3,))
T.sweep("decay_curve of an iterator", lambda x: decay_curve(x, symbols=3, max_lag=5), None,
        x=(iter([]), iter([5]), iter([np.arange(9)]), iter([np.zeros(9, int)])), words=_WORDS)
T.stays_valid("CountPlan", _plan, None, symbols=np.int64(3), max_lag=np.int64(3))
for _symbols in ("abc", ["a", "b"], [3, 5, 9]):
    T.stays_valid("CountPlan", _plan, None, symbols=_symbols)
