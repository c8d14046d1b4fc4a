"""Bad inputs to the search space, the samplers and the pruner."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
from optuna.trial import FixedTrial

from optuna_mi.integrations.ray import GridOptunaSearch
from optuna_mi.pruners import IHYLLPruner, flush_ihyll, ihyll_series, report_ihyll
from optuna_mi.samplers import MIGridSampler, MISampler
from optuna_mi.search_space import (
    DecayGeometry,
    DilationSpace,
    IntRange,
    design_dilations,
    format_dilations,
    layers_within_parameters,
    parse_dilations,
    suggest_tcn,
    suggest_window,
    tcn_shape,
)
from tests.bad_inputs.table import FLAG, INF, NAN, OBJECT, Table, name, real, whole
from tests.bad_inputs.things import analysis, curve, finished, space, study, symbols

T = Table()
_SHARE = real(-0.1, 1.5)
_RATIO = tuple(v for v in real(1, 0.5, -1) if v is not None)
_LIST: tuple[Any, ...] = (None, "12", 5, [2.5], ["2"], [True], [0], [-1], [NAN], [[1]], [])

T.sweep("IntRange", IntRange, lambda: {"low": 1, "high": 5, "recommended": 3},
        low=(*whole(), 4), high=(*whole(), 2), recommended=(*whole(), 6))
T.sweep("IntRange.around", lambda **k: IntRange(2, 9, 5).around(**k), lambda: {"low": 1, "high": 9},
        low=(*whole(), 10), high=(*whole(), 0))
_geometry = DecayGeometry("power")
for _method, _arguments in {
    "up_to": {"max_dilation": 9}, "standard_layers": {"max_dilation": 9},
    "counts": {"max_dilation": 9, "n_layers": 3}, "place": {"max_dilation": 9, "counts": (3,)},
}.items():
    T.sweep(f"DecayGeometry.{_method}", getattr(_geometry, _method), lambda a=_arguments: a, max_dilation=whole())
T.sweep("DecayGeometry.counts", _geometry.counts, lambda: {"max_dilation": 9, "n_layers": 3}, n_layers=whole())
T.sweep("DecayGeometry.place", _geometry.place, lambda: {"max_dilation": 9, "counts": (3,)},
        counts=("3", 3, None, [2.5], [0], [-1], [True], [1, 2], []))
T.sweep("DilationSpace.from_dilations", DilationSpace.from_dilations, lambda: {"dilations": (1, 2, 5)},
        dilations=(*_LIST, [2, 1], [1, 1]), window=(*whole(optional=True), 3), max_layers=whole(optional=True),
        baselines=FLAG)
T.sweep("DecayGeometry", DecayGeometry, lambda: {"law": "power"},
        law=(*name(), "pwoer"), breakpoints=(None, "12", 5, [0.5], [NAN], ["3"], [3.0], [True]),
        slopes=(None, "1", 5, [], [NAN], [-1.0], ["1"], [1.0, 2.0], [INF], [True]),
        snap_period=whole(optional=True), line_exponent=_SHARE, max_ratio=_RATIO,
        delays=(None, "12", 5, [0], [2.5], ["3"], [True], [NAN]))
T.sweep("DecayGeometry.from_analysis", DecayGeometry.from_analysis, lambda: {"analysis": analysis()},
        analysis=(*OBJECT, curve()), snap=FLAG, line_exponent=_SHARE, max_ratio=real(0, 1, optional=True))
T.sweep("DilationSpace", lambda **k: DilationSpace(**{
            "geometry": DecayGeometry("power"), "layers": (IntRange(2, 4, 3),),
            "max_dilation": IntRange(4, 7, 5), "max_layers": 4, **k}), None,
        geometry=(*OBJECT, analysis()), layers=(None, "ab", 5, [], [3], [IntRange(1, 2, 1)] * 2),
        max_dilation=(*OBJECT, 2.5), max_layers=whole(), window=(*whole(optional=True), 5),
        baselines=FLAG, reason=(5, None), notes=("a note", 5, None, [5]), ranges=(*name(), "wider"),
        words=("dilation",))
_from = lambda: {"analysis": analysis()}
T.sweep("DilationSpace.from_analysis", DilationSpace.from_analysis, _from,
        analysis=(*OBJECT, curve()), window=(*whole(optional=True), 1), max_layers=whole(),
        context=(5, "text", analysis(), curve()), baselines=FLAG, snap=FLAG, line_exponent=_SHARE,
        lags=(5, "text", (1, 8), analysis()), ranges=(*name(), "wider", None))
T.sweep("DilationSpace.from_sequences", DilationSpace.from_sequences, lambda: {"x": symbols()},
        x=(None, 5, [], np.zeros(9, int)), max_lag=whole(optional=True), threshold=real(0, -1),
        seed=whole(0), curve_options=("a", 5, {"nope": 1}, [1]), words=("symbols", "sequences", "nope"),
        analysis_options=("a", 5, {"nope": 1}, [1]), max_layers=whole(), ranges=(*name(), "wider"), nope=(1,))
T.sweep("DilationSpace.from_json", DilationSpace.from_json, None, words=("JSON", "space"),
        text=("", "{", "[]", "{}", '{"format": 99}', None, 5, "5"))
T.sweep("DilationSpace.dilations", lambda params: space().dilations(params), None,
        words=("setting", "layers", "max_dilation", "n_layers_0"),
        params=(None, "a", 5, {}, {"n_layers_0": 3}, {"n_layers_0": 0, "max_dilation": 5},
                {"n_layers_0": 2.5, "max_dilation": 5}, {"n_layers_0": "3", "max_dilation": 5},
                {"n_layers_0": True, "max_dilation": 5}, {"n_layers_0": 3, "max_dilation": "8"},
                {"n_layers_0": 3, "max_dilation": NAN}, {"n_layers_0": None, "max_dilation": 5},
                {"n_layers_0": 3, "max_dilation": -1}))
T.sweep("DilationSpace.doubling", lambda n_layers: space().doubling(n_layers), None, n_layers=whole())
_points = (
    "3", None, True, 2.5, 2.0, 0, -1, NAN, {"nope": 3}, {"n_layers_0": 2.5}, {"n_layers_0": [9]},
    {"n_layers_0": ["3"]}, {"n_layers_0": []}, {"n_layers_0": "ab"}, {"n_layers_0": [True]},
    {"n_layers_0": None}, {"n_layers_0": 0}, {"max_dilation": [99]}, {"max_dilation": True}, [3],
)
_P = ("n_layers_0", "max_dilation")
T.sweep("DilationSpace.grid", lambda points: space().grid(points), None, points=_points, words=_P)
T.sweep("DilationSpace.settings", lambda points: list(space().settings(points)), None,
        points=_points[:8], words=_P)


def _wide() -> DilationSpace:
    geometry = DecayGeometry("broken_power", (10.0, 100.0, 1000.0), (2.0, 1.0, 0.5, 0.2))
    return DilationSpace(geometry, (IntRange(1, 40, 9),) * 4, IntRange(1500, 9000, 5000), 40)


T.add("DilationSpace.grid", "points", "20 of five parameters", lambda: _wide().grid(20))
T.add("MIGridSampler", "points", "20 of five parameters", lambda: MIGridSampler(_wide(), points=20))
T.add("DilationSpace.n_distinct", "n_distinct", "of a wide space", lambda: _wide().n_distinct)
T.sweep("DilationSpace.suggest", lambda trial: space().suggest(trial), None, trial=OBJECT)
T.sweep("DilationSpace.suggest_params", lambda trial: space().suggest_params(trial), None, trial=OBJECT)
for _method in ("freeze", "verify"):
    T.sweep(f"DilationSpace.{_method}", lambda study, m=_method: getattr(space(), m)(study), None,
            study=OBJECT)
T.sweep("DilationSpace.verify", lambda study: space().verify(study), None, study=(study(),),
        words=("study",))
T.sweep("DilationSpace.from_study", DilationSpace.from_study, None, study=(*OBJECT, study()))

_design = lambda: {"analysis": analysis(), "n_layers": 4}
T.sweep("design_dilations", design_dilations, _design, analysis=(*OBJECT, curve()),
        n_layers=(*whole(), 500), max_dilation=(*whole(optional=True), "8", 2), words=("layers",),
        window=(*whole(optional=True), 1), snap=FLAG, line_exponent=_SHARE,
        max_ratio=_RATIO,
        layers=("4", 5, [2.9], ["4"], [True], [0], [-1], [2, 2], [], [3], [NAN]))
_size = lambda: {"max_parameters": 9999, "hidden_size": 8, "input_size": 4}
T.sweep("layers_within_parameters", layers_within_parameters, _size, hidden_size=(*whole(), -8),
        max_parameters=(*whole(), 1), input_size=whole(), cell=name(), other_parameters=whole(0))
T.sweep("format_dilations", format_dilations, None, dilations=_LIST)
T.sweep("parse_dilations", parse_dilations, None, words=("dilations",),
        text=(None, "", 5, "a", "1,,2", "0", "-1", "1.5", [1, 2]))
_setting = lambda: {"space": space(), "params": {"n_layers_0": 3, "max_dilation": 5}, "kernel_size": 2}
T.sweep("tcn_shape", tcn_shape, _setting, space=OBJECT, kernel_size=(*whole(), 1),
        params=(None, "a", {}, {"n_layers_0": 3, "max_dilation": "8"},
                {"n_layers_0": 2.5, "max_dilation": 5}), convolutions_per_block=whole(),
        words=("setting", "max_dilation", "n_layers_0"))
_trial = lambda: {"trial": FixedTrial({**space().recommended, "kernel_size": 2}), "space": space()}
T.sweep("suggest_tcn", suggest_tcn, _trial, trial=OBJECT, space=OBJECT, convolutions_per_block=whole(),
        kernel_size=("2", None, True, 2.5, (2,), (7, 2), (1, 5), (2.0, 7.0), ("2", "7"), 1, 0))
T.sweep("suggest_window", suggest_window, _trial, trial=OBJECT, space=OBJECT,
        multiple_of=(*whole(), 99))

_space = lambda: {"space": space()}
_SEED: tuple[Any, ...] = ("0", -1, 2.5, True)
T.sweep("MISampler", MISampler, _space, space=(*OBJECT, analysis()), seed=_SEED,
        base_sampler=("tpe", 5, optuna.samplers.TPESampler, optuna.pruners.NopPruner()),
        prior_width=real(0, -1, optional=True), n_startup_trials=whole(0, optional=True))
T.sweep("MIGridSampler", MIGridSampler, _space, space=(*OBJECT, analysis()), seed=_SEED,
        base_sampler=("tpe", 5, optuna.samplers.TPESampler, optuna.pruners.NopPruner()),
        points=_points[:8], max_retries=whole(0),
        extra=("a", 5, [1], {"max_dilation": [1]}, {"h": []}, {"h": "ab"}, {"h": 5}, {"h": [[1]]},
               {"h": [1, 1]}, {5: [1]}, {"h": [object()]}, {"h": [NAN]}),
        settings=("a", 5, [], [{}], [5], [{"n_layers_0": 3}], [{"n_layers_0": 3, "max_dilation": "8"}],
                  [{"n_layers_0": 99, "max_dilation": 5}], [{"n_layers_0": 2.5, "max_dilation": 5}],
                  [space().recommended] * 2), words=(*_P, "setting", "settings", "grid"))
_search = lambda: {"space": lambda trial: {}, "sampler": MIGridSampler(space()), "metric": "score", "mode": "max"}
T.sweep("GridOptunaSearch", GridOptunaSearch, _search, space=OBJECT, sampler=(*OBJECT, MISampler(space())), metric=(None, 5, ["a"]), mode=name())
T.sweep("MIGridSampler.is_exhausted", lambda study: MIGridSampler(space()).is_exhausted(study), None,
        study=OBJECT)

T.sweep("MIGridSampler.has_free_cell", lambda study: MIGridSampler(space()).has_free_cell(study), None,
        study=OBJECT)

T.sweep("IHYLLPruner", IHYLLPruner, None,
        wrapped_pruner=(5, "median", optuna.pruners.MedianPruner, optuna.samplers.RandomSampler()),
        patience=whole(), epsilon=real(-1), max_spared=whole(0), hold_back=FLAG,
        percentile=real(-1, 101, optional=True), n_min_peers=whole(), n_warmup_steps=whole(0))
_report = lambda: {"trial": study().ask(), "step": 0, "value": 0.5}
T.sweep("report_ihyll", report_ihyll, _report, trial=(*OBJECT, finished()), step=whole(0),
        value=("0.5", None, INF, [0.5], 1j, True), flush=FLAG)
T.sweep("flush_ihyll", flush_ihyll, None, trial=(*OBJECT, finished()))
T.sweep("ihyll_series", ihyll_series, None, trial=(*OBJECT, finished()))

T.stays_valid("IntRange", IntRange, lambda: {"low": 1, "high": 5, "recommended": 3},
              low=np.int64(2), high=np.uint8(9))
T.stays_valid("design_dilations", design_dilations, _design, n_layers=np.int64(3),
              max_dilation=np.int32(9), window=np.int64(30), line_exponent=0)
T.stays_valid("design_dilations of layers", design_dilations, lambda: {"analysis": analysis()},
              layers=np.array([3]))
T.stays_valid("DilationSpace.grid", lambda points: space().grid(points), None, points=np.int64(2))
T.stays_valid("DilationSpace.dilations", lambda params: space().dilations(params), None,
              params={"n_layers_0": np.int64(3), "max_dilation": 5.0})
T.stays_valid("MISampler", MISampler, _space, seed=np.int64(3), prior_width=np.float32(0.5),
              n_startup_trials=np.int64(3))
T.stays_valid("IHYLLPruner", IHYLLPruner, None, patience=np.int64(3), percentile=50, epsilon=0)
T.stays_valid("report_ihyll", report_ihyll, _report, step=np.int64(3), value=np.float32(0.5))
