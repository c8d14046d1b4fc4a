"""Bad inputs to the context curve, the choice of lags, and data sets made of arrays and frames."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd

from optuna_mi.context import ContextCurve, Window, context_curve, recommend_window, select_lags
from optuna_mi.datasets import from_arrays, from_frame
from optuna_mi.training import load_best
from optuna_mi.visualization import plot_context_curve, plot_selected_lags
from tests.bad_inputs.table import FLAG, INF, NAN, OBJECT, Table, name, real, whole
from tests.bad_inputs.things import curve, finished, study

T = Table()
_X = np.random.default_rng(3).integers(0, 3, 600)
_SEQUENCES: tuple[Any, ...] = (
    None, 5, object(), [], "", np.zeros(600, int), np.arange(3), _X + 1j, [1, "a"], [[1, 2], 3],
    np.ma.masked_array(_X, mask=_X == 1), np.where(_X == 1, NAN, _X), np.where(_X == 1, INF, _X),
    np.zeros((2, 3, 4, 5)),
)
_WORDS = ("symbols", "symbol", "sequences", "sequence", "values", "array", "steps", "places")
T.sweep("context_curve", context_curve, None, words=_WORDS, x=_SEQUENCES)
_good = lambda: {"x": _X}
T.sweep("context_curve", context_curve, _good, max_context=(*whole(optional=True), 700),
        horizon=(*whole(), 700), n_train=(*whole(optional=True), 5000), values=name(), budgets=FLAG,
        tolerance=real(-0.1, 1.0), n_threads=whole(optional=True), words=("steps", "places"))
T.sweep("recommend_window", recommend_window, None, words=_WORDS, x=_SEQUENCES)
T.sweep("recommend_window", recommend_window, _good, max_context=whole(optional=True), horizon=(*whole(), 700),
        values=name(), per_series=(*FLAG, True), tolerance=real(-0.1, 1.0), n_threads=whole(optional=True),
        words=("steps", "places"))
_LABELLED = np.random.default_rng(5).integers(0, 3, (40, 20))


@functools.cache
def _made() -> Window:
    return recommend_window(_X)


T.sweep("context_curve", lambda labels: context_curve(_LABELLED, labels=labels), None,
        labels=(5, "a", [], [0, 1], np.zeros(40), np.arange(40), np.zeros((40, 2)), [None] * 40, 1.5),
        words=("cut real targets",))
T.sweep("ContextCurve.context_length_for", lambda n_train: _made().curve.context_length_for(n_train), None,
        n_train=whole())
T.sweep("plot_context_curve", plot_context_curve, None, curve=(*OBJECT, curve()))
T.sweep("plot_selected_lags", plot_selected_lags, lambda: {"selection": select_lags(_X, candidates=[1, 2])},
        selection=(*OBJECT, curve()), curve=(5, "text"))
T.sweep("Window.parameters", lambda library: Window.parameters(_made(), library), None, library=name())
T.sweep("Window.tcn", lambda **k: _made().tcn(**k), None, kernel_size=(*whole(), 1), convolutions_per_block=whole())
T.sweep("select_lags", select_lags, None, words=_WORDS, x=_SEQUENCES)
T.sweep("select_lags", select_lags, _good,
        candidates=("12", 5, [], [0], [1.5], ["1"], [[1]], [True], [700], 2.0), max_lags=whole(),
        horizon=(*whole(), 700), values=name(), n_levels=(*whole(optional=True), 1),
        max_places=whole(), tolerance=real(-0.1, 1.0), n_threads=whole(optional=True),
        words=("steps", "places"))
_Y = np.arange(40) % 2
_R = np.random.default_rng(4).normal(size=(40, 9))
T.sweep("from_arrays", from_arrays, lambda: {"X": _R, "y": _Y},
        X=(None, 5, "a", [], _R[:9], np.where(_R > 1, NAN, _R), np.where(_R > 1, INF, _R), _R + 1j,
           np.ma.masked_array(_R, mask=_R > 1), np.zeros((40, 0)), [[1], "a"], object()),
        y=(5, "a", [], _Y[:9], np.full(40, NAN), np.zeros(40, int), _Y + 1j, np.zeros((40, 2, 2, 2)),
           np.ma.masked_array(_Y, mask=_Y == 1), object()),
        kind=name(optional=True), lengths=("a", 5, [9], [0] * 40, [10] * 40, [2.5] * 40, [True] * 40),
        symbols=("no", 2, 0.5), valid=real(-0.1, 1.0), test=("0.1", True, NAN, -0.1, 1.0, None, [0.1], (1,)),
        metric=name(optional=True), loss=name(optional=True), seed=whole(0), name=(None, 5),
        words=("symbols", "X", "y", "labels", "sequences", "targets", "values"))
T.sweep("from_arrays of series", from_arrays, lambda: {"X": np.random.default_rng(5).normal(size=(3, 200))},
        target=("a", 2.5, True, 5, [5], [], [-1]), horizon=(*whole(), 500), window=(*whole(optional=True), 1),
        season=whole(), words=("steps", "series", "columns"))
_frame = pd.DataFrame({"unique_id": "a", "ds": np.arange(300), "y": np.sin(np.arange(300.0))})
T.sweep("from_frame", from_frame, lambda: {"frame": _frame},
        frame=(None, 5, "a", [1], _frame.drop(columns="y"), _frame[:0], _frame.assign(y="a"),
               _frame.assign(y=NAN), _frame.assign(y=INF), _frame.assign(ds=None),
               pd.concat([_frame] * 2), _frame[:3], _frame.assign(unique_id=[None] * 150 + ["a"] * 150)),
        id_col=("nope", 5, ["a"]), time_col=("nope", None, 5), target_col=("nope", None, 5),
        features=("nope", 5, ["nope"], None, [5]), label_col=("nope", 5), freq=("nope", [1], 0, -1),
        nope=(1,), words=("series", "y", "rows", "columns", "values", "times", "time", "unique_id", "ds", "symbols", "panel"))
T.sweep("load_best", load_best, lambda: {"study": finished()},
        study=(*OBJECT, study(), finished()), trial=(5, "text", finished()), checkpoint_dir=(5, True, 2.5),
        device=("nope", None, 5), words=("trial", "weights"))
T.sweep("ContextCurve.from_json", ContextCurve.from_json, None, words=("JSON",),
        text=("", "{", "[]", "{}", '{"kind": "ContextCurve"}', None, 5))
T.sweep("ContextCurve.load", ContextCurve.load, None, words=("ContextCurve",), path=(None, 5, "no-such-file"))

T.stays_valid("context_curve", context_curve, _good, max_context=np.int64(2), horizon=np.int64(1),
              tolerance=np.float32(0.01), n_threads=np.int64(1), budgets=np.False_)
T.stays_valid("select_lags", select_lags, _good, candidates=np.array([1, 2]), max_lags=np.int64(1))
T.stays_valid("from_arrays", from_arrays, lambda: {"X": _R, "y": _Y}, valid=np.float32(0.2),
              seed=np.int64(1), y=list(_Y))
