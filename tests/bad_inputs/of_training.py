"""Bad inputs to the objective, the probe, the policies, and the integrations."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import optuna
import pandas as pd
import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from torch import nn

from optuna_mi.datasets import RegressionSplit, SequenceRegression
from optuna_mi.integrations.neuralforecast import (
    ForecastConfig,
    ForecastDesign,
    ForecastSampler,
    with_pruning,
)
from optuna_mi.integrations.transformers import PolicyScheduler
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange
from optuna_mi.training import (
    DilatedRNNObjective,
    IHYLLChangePolicy,
    IHYLLRangeTestPolicy,
    IHYLLReferencePolicy,
    IHYLLTrendPolicy,
    InformationProbe,
    layer_parameter_groups,
    optimize_population,
)
from tests.bad_inputs.table import FLAG, INF, NAN, OBJECT, Table, name, real, whole
from tests.bad_inputs.things import (
    analysis,
    classification,
    finished,
    language,
    optimizer,
    space,
    split,
    study,
)

T = Table()
_sequences = lambda: {"dataset": classification(), "space": space(), "epochs": 1, "steps": 1}
_stream = lambda: {
    "dataset": language(), "space": space(), "epochs": 1, "steps": 1, "window": 10, "batch_size": 4,
    "valid_symbols": 50, "probe_size": 20,
}
_SEARCHED_SIZE = (IntDistribution(0, 9), CategoricalDistribution(["8"]), FloatDistribution(1, 9))
T.sweep("DilatedRNNObjective", DilatedRNNObjective, _sequences,
        dataset=(None, "digits", 5, np.zeros((9, 8))), space=(*OBJECT, analysis()),
        cell=(*name(), CategoricalDistribution(["nope"])), hidden_size=(*whole(), *_SEARCHED_SIZE),
        dropout=real(-0.1, 1.0, FloatDistribution(0, 1)), residual=FLAG, init=name(), optimizer=name(),
        lr_min=real(0, -1, 5.0), lr_max=real(0, -1, 1e-9, FloatDistribution(0, 1)),
        policy=name(optional=True), reference=("nope", None, True, NAN, INF, 0, -1, [1.0]),
        epochs=(*whole(), IntDistribution(1, 9)), steps=whole(optional=True), batch_size=whole(),
        clip=real(0, -1), probe_size=(*whole(), 3), seed=whole(0), n_threads=whole(),
        device=("nope", None, 5, True, "cuda:99"), cuda_graph=(True, None, 2), checkpoint_dir=(5, True, 2.5))
T.sweep("DilatedRNNObjective of a stream", DilatedRNNObjective, _stream, batch_size=(*whole(), 9999),
        window=(*whole(), 3, 9999), embedding_size=whole(), valid_symbols=(*whole(), 1),
        reference=("ixy",), words=("dilation",))
T.sweep("DilatedRNNObjective.__call__", lambda trial: DilatedRNNObjective(**_sequences())(trial), None,
        trial=(*OBJECT, finished()))
T.add("DilatedRNNObjective.__call__", "direction", "minimize",
      lambda: DilatedRNNObjective(**_sequences())(study().ask()))

_maximized = lambda: optuna.create_study(direction="maximize")
T.sweep("optimize_population", optimize_population, lambda: {
            "study": _maximized(), "objective": DilatedRNNObjective(**_sequences()), "n_trials": 1},
        study=OBJECT, objective=OBJECT, n_trials=whole(optional=True), size=whole(), show_progress_bar=FLAG,
        callbacks=(5, [5], print), catch=(5, "ValueError", ("ValueError",), [5], [int]))
for _name, _searched in (("cell", CategoricalDistribution(["gru", "rnn"])), ("hidden_size", IntDistribution(2, 4)),
                         ("optimizer", CategoricalDistribution(["sgd", "adam"]))):
    T.add("optimize_population", _name, "searched", lambda k=_name, v=_searched: optimize_population(
        _maximized(), DilatedRNNObjective(**_sequences(), **{k: v})))
T.add("optimize_population", "direction", "minimize",
      lambda: optimize_population(study(), DilatedRNNObjective(**_sequences())))

_inputs = split().inputs
_SPLITS: tuple[Any, ...] = (None, "train", 5, (_inputs, np.arange(30) % 3))
T.sweep("SequenceClassification", classification, None, train=_SPLITS, valid=_SPLITS, test=_SPLITS,
        n_classes=(*whole(), 2), name=(None, 5),
        sequences=(None, 5, np.zeros((0, 8), int)))
_codes = np.arange(240).reshape(30, 8) % 3
_split = lambda **k: type(split())(**{"inputs": _inputs, "targets": np.arange(30) % 3, **k})
T.sweep("ClassificationSplit", _split, None, words=("sequences",),
        inputs=(None, "a", _inputs[:, :, 0], _inputs.astype(float), np.zeros((30, 8, 1), int),
                _inputs[:0], _inputs[:9], np.where(_inputs > 2, np.float32(NAN), _inputs),
                np.zeros((30, 8, 0), np.float32), _inputs.tolist(), torch.zeros(30, 8, 1),
                np.ma.masked_array(_inputs, mask=_inputs > 0)),
        targets=(None, "a", np.zeros(30), np.zeros((30, 1), int), np.arange(30) - 1, np.arange(29) % 3,
                 list(range(30)), np.array(["a"] * 30), np.eye(3)[np.arange(30) % 3],
                 torch.zeros(30, dtype=torch.int64)))
T.add("SequenceClassification", "n_classes", "3 for labels 1..3",
      lambda: classification(train=_split(targets=np.arange(30) % 3 + 1)))
T.add("SequenceClassification", "valid", "of other features",
      lambda: classification(valid=_split(inputs=np.repeat(_inputs, 2, axis=2))))
T.add("SequenceClassification", "n_symbols", "None for symbols",
      lambda: classification(**dict.fromkeys(("train", "valid", "test"), _split(inputs=_codes))))
T.add("SequenceClassification", "inputs", "symbols from 1 to n_symbols",
      lambda: classification(n_symbols=3, **dict.fromkeys(("train", "valid", "test"),
                                                          _split(inputs=_codes + 1))))
T.sweep("ClassificationSplit", _split, None,
        lengths=("a", 5, np.full(29, 8), np.full(30, 9), np.full(30, 0), np.full(30, 8.0), [8] * 30))
_numbers = lambda **k: RegressionSplit(**{
    "inputs": _inputs, "targets": np.zeros((30, 1), np.float32),
    "error_scale": np.ones((30, 1), np.float32), **k})
T.sweep("RegressionSplit", _numbers, None,
        inputs=(None, "a", _inputs[:, :, 0], _inputs[:9]),
        targets=(None, "a", np.zeros((30, 1)), np.zeros(30, np.float32), np.full((30, 1), NAN, np.float32)),
        error_scale=(None, 1.0, np.ones(30, np.float32), np.ones((30, 2), np.float32)),
        scored=("a", np.ones((30, 8), int), np.ones(30, bool)), lengths=(5, np.full(30, 9)))
_flat = np.zeros((1, 1))
_regression = lambda **k: SequenceRegression(**{
    "name": "toy", **dict.fromkeys(("train", "valid", "test"), _numbers()), "sequences": [_flat],
    "metric": "MAE", "loss": "mae", **dict.fromkeys(
        ("input_center", "input_scale", "target_center", "target_scale"), _flat), **k})
T.sweep("SequenceRegression", _regression, None, train=(*_SPLITS, split()), valid=_SPLITS, test=_SPLITS,
        metric=name(), loss=name(), name=(None, 5), sequences=(None, 5, []),
        **dict.fromkeys(("input_center", "input_scale", "target_center", "target_scale"),
                        (None, 1.0, "a", _flat[0], _flat * NAN)))
_STREAM: tuple[Any, ...] = (
    None, "abab", 5, [0, 1], np.zeros((2, 300), int), np.zeros(300), np.arange(300) % 4 - 1,
    np.arange(300) % 4 + 1, np.array(["a"] * 300), np.zeros(0, int),
    np.ma.masked_array(np.arange(300) % 4, mask=np.arange(300) % 7 == 0),
)
T.sweep("LanguageModeling", language, None, train=_STREAM, valid=_STREAM, test=_STREAM,
        vocabulary=(None, 4, ("a",), (), [1, 2, 3, 4], "abcd"), unit=(None, 5), name=(None, 5))

_x, _y = torch.randn(60, 3, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 3
_model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 3))
_probe = lambda: {"model": _model, "inputs": _x, "targets": _y, "size": 40}
T.sweep("InformationProbe", InformationProbe, _probe,
        model=(None, "net", 5, lambda x: x), inputs=(None, "a", _x[:50], [[1], [2, 3]], 5, {"a": 1}),
        targets=(None, "a", _y[:50], _y.double(), _y[:0], 5, [[1], [2, 3]],
                 torch.arange(60), torch.zeros(60, 3, 2, dtype=torch.int64)),
        size=(*whole(), 3), seed=whole(0), layers=(None, 5, ["nope"], [5], "0", [None]),
        forward=("a", 5, [1]), batch_dim=(*whole(0), 2), burn_in=whole(0),
        batch_size=whole(optional=True), k=whole(), metric=name(), estimator=name(), reduce=name(),
        max_features=whole(), ignore_index=("a", 2.5, [1]), words=("layer", "examples", "labels"))
T.sweep("InformationProbe.reference", lambda **k: InformationProbe(**_probe()).reference(**k),
        lambda: {"kind": "input"}, kind=name(), metric=name())
T.sweep("InformationProbe.follow", lambda model: InformationProbe(**_probe()).follow(model), None,
        model=(None, "net", 5))
T.sweep("layer_parameter_groups", layer_parameter_groups, lambda: {"model": _model, "layers": ["0", "1"]},
        model=(None, "net", 5), layers=(None, 5, ["nope"], ["0"], ["0", "0"], "01", [5, 6], []),
        words=("layer", "layers"))

_rates = lambda: {"optimizer": optimizer(), "lr_min": 0.01, "lr_max": 0.1}
_RATE = (*(v for v in real(0, -1) if v != [0.1]), [0.01, 0.02], [], ["0.01"], "ab")
_GAIN = real(-1, optional=True)
_common: dict[str, Any] = {
    "optimizer": (None, "adam", 5, torch.optim.SGD), "lr_min": (*_RATE, 0.5), "lr_max": (*_RATE, 0.001),
    "epsilon": real(-1), "noise": real(-1),
}
T.sweep("IHYLLChangePolicy", IHYLLChangePolicy, _rates, gamma1=_GAIN, gamma2=_GAIN, **_common)
T.sweep("IHYLLReferencePolicy", IHYLLReferencePolicy, lambda: _rates() | {"reference": 1.0},
        reference=_RATE, gamma1=_GAIN, gamma2=_GAIN, gamma3=_GAIN, value_only_epochs=whole(0), **_common)
T.sweep("IHYLLRangeTestPolicy", IHYLLRangeTestPolicy, lambda: _rates() | {"reference": 1.0},
        reference=_RATE, epochs=whole(optional=True), cooldown=real(-1, 2), up=real(1), down=real(1),
        **_common)
T.sweep("IHYLLTrendPolicy", IHYLLTrendPolicy, _rates, up=real(0.5), down=real(0.5), **_common)
_policy = lambda: IHYLLReferencePolicy(**_rates(), reference=1.0)
T.sweep("policy.step", lambda ihyll: _policy().step(ihyll), None, words=("information", "values"),
        ihyll=(None, "0.5", [0.5, 0.5], {"a": 0.5}, 1j, [None], ["0.5"], True, {"a"}))
T.sweep("policy.step", lambda batch_size: _policy().step(0.5, batch_size=batch_size), None,
        batch_size=whole(optional=True))
T.sweep("policy.value_only", lambda epochs: _policy().value_only(epochs), None, epochs=whole(0))
T.sweep("policy.load_state_dict", lambda state_dict: _policy().load_state_dict(state_dict), None,
        words=("state",), state_dict=(
            None, 5, "a", {}, {"_history": [[], []]}, optimizer().state_dict(),
            torch.optim.lr_scheduler.StepLR(optimizer(), 1).state_dict()))

T.sweep("PolicyScheduler", PolicyScheduler, None, policy=(None, "text", 5, optimizer()))

_t = np.arange(200)
_panel = pd.DataFrame({"unique_id": "a", "ds": _t, "y": np.sin(_t) + 0.1 * np.cos(_t**1.5)})
_forecast = lambda: {"panel": _panel, "h": 6}
T.sweep("ForecastDesign.from_panel", ForecastDesign.from_panel, _forecast,
        panel=(None, 5, "a", [1], _panel.drop(columns="y"), _panel[:0], _panel.assign(y="a"),
               _panel.assign(y=NAN), _panel.assign(y=INF), _panel.assign(y=1.0), pd.concat([_panel] * 2),
               _panel.assign(unique_id=[None] * 100 + ["a"] * 100), _panel.assign(ds=None),
               _panel[:10], _panel.assign(y=_panel.y + 1j)),
        h=(*whole(), 500), holdout=(*whole(0, optional=True), 500), transform=name(), n_bins=(*whole(), 1),
        input_size=(*whole(optional=True), 1, 500), max_layers=whole(), id_col=("nope", None, 5, ["a"]),
        time_col=("nope", None, 5), target_col=("nope", None, 5), seed=whole(0),
        threshold=real(0, -1), nope=(1,),
        words=("series", "y", "rows", "columns", "held out", "input window", "input_size", "holdout", "panel"))
_config = lambda: {
    "model": "TCN", "space": space(), "input_size": IntRange(9, 20, 12)
}
T.sweep("ForecastConfig", ForecastConfig, _config, model=name(), space=OBJECT, input_size=(*OBJECT, 2.5),
        settings=(None, 5, [1], {"dilations": [1]}, "a"), groups=name(), words=("dilations",))
T.sweep("ForecastConfig.sampler", lambda **k: ForecastConfig(**_config()).sampler(**k), None,
        base_sampler=("tpe", 5), seed=("0", -1, 2.5, True))
T.sweep("with_pruning", with_pruning, lambda: {"config": lambda trial: {}},
        config=(None, 5, "a", {}), monitor=(None, 5, ["a"]))
T.sweep("ForecastSampler", ForecastSampler, lambda: {"space": space(), "first": {}}, space=OBJECT,
        first=(None, 5, "a", [1]), base_sampler=("tpe", 5), seed=("0", -1, 2.5, True))


@functools.cache
def _made() -> ForecastDesign:
    geometry = DecayGeometry("power")
    dilations = DilationSpace(geometry, (IntRange(2, 4, 3),), IntRange(4, 7, 5), 4)
    return ForecastDesign(6, analysis(), dilations, IntRange(9, 20, 12))


T.sweep("ForecastDesign", lambda **k: ForecastDesign(**{
            "h": 6, "analysis": analysis(), "space": space(), "input_size": IntRange(9, 20, 12), **k}),
        None, h=whole(), analysis=OBJECT, space=OBJECT, input_size=OBJECT)
T.sweep("ForecastDesign.dilated_rnn", lambda **k: _made().dilated_rnn(**k), None, groups=name(),
        dilations=([1],))
T.sweep("ForecastDesign.tcn", lambda **k: _made().tcn(**k), None, kernel_size=(3, "2", None, 2.5, True),
        dilations=([1],))
T.sweep("ForecastDesign.suggest_input_size", lambda trial: _made().suggest_input_size(trial), None,
        trial=OBJECT)

T.stays_valid("DilatedRNNObjective", DilatedRNNObjective, _sequences, hidden_size=np.int64(4),
              epochs=np.int32(2), lr_max=np.float32(0.1), dropout=0, seed=np.uint8(1),
              clip=1, probe_size=np.int64(20), residual=np.True_)
T.stays_valid("InformationProbe", InformationProbe, _probe, size=np.int64(30), k=np.int64(2),
              seed=np.int64(1), layers=("0",), inputs=_x.numpy(), batch_size=np.int64(7),
              targets=_y.int())
T.stays_valid("IHYLLReferencePolicy", IHYLLReferencePolicy, lambda: _rates() | {"reference": 1.0},
              lr_min=[0.01], reference=np.float32(1), gamma1=0, noise=np.float64(2),
              value_only_epochs=np.int64(2), lr_max=torch.tensor(0.1))
T.stays_valid("policy.step", lambda ihyll: _policy().step(ihyll), None, ihyll=torch.tensor(0.5))
T.stays_valid("ForecastDesign.from_panel", ForecastDesign.from_panel, _forecast, h=np.int64(6),
              holdout=np.int64(3), n_bins=np.int64(4), input_size=np.int64(20))
