"""Bad inputs to the networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from optuna_mi.nn import (
    BidirectionalDilatedRNN,
    DilatedRNN,
    DilatedRNNClassifier,
    DilatedRNNLanguageModel,
    DilatedRNNPopulation,
    DilatedRNNRegressor,
    detach_state,
)
from tests.bad_inputs.table import FLAG, NAN, Table, name, real, whole

T = Table()
_DILATIONS: tuple[Any, ...] = (None, "12", 5, [], [2.5], [2.0], ["2"], [True], [0], [-1], [NAN], [[1]])
_SIZES: tuple[Any, ...] = (*whole(), [4], [4, 4, 4], ["4", "4"], [4, 2.5], [4, True], [4, 0], "ab", [])
_SHARE = real(-0.1, 1.0, 1.5)
_rnn: dict[str, Any] = {"input_size": 2, "hidden_sizes": 3, "dilations": (1, 2)}
_more: dict[str, Any] = {
    "hidden_sizes": _SIZES, "dilations": _DILATIONS, "cell": name(), "batch_first": FLAG,
    "dropout": _SHARE, "init": name(), "residual": FLAG, "backend": name(),
}
T.sweep("DilatedRNN", DilatedRNN, lambda: _rnn, input_size=whole(), **_more)
T.sweep("DilatedRNNClassifier", DilatedRNNClassifier, lambda: _rnn | {"n_classes": 3},
        input_size=whole(), n_classes=whole(), vocab_size=whole(optional=True), **_more)
T.sweep("DilatedRNNRegressor", DilatedRNNRegressor, lambda: _rnn, input_size=whole(), n_values=whole(),
        every_step=FLAG, vocab_size=whole(optional=True), **_more)
T.sweep("BidirectionalDilatedRNN", BidirectionalDilatedRNN, lambda: _rnn, input_size=whole(), **_more)
_lm: dict[str, Any] = {
    "vocab_size": 5, "embedding_size": 3, "hidden_sizes": 3, "dilations": (1, 2)
}
T.sweep("DilatedRNNLanguageModel", DilatedRNNLanguageModel, lambda: _lm, vocab_size=whole(),
        embedding_size=whole(), tied=FLAG, embedding_dropout=_SHARE, output_dropout=_SHARE, **_more)
T.add("DilatedRNNLanguageModel", "tied", "of two sizes",
      lambda: DilatedRNNLanguageModel(5, 4, 3, (1, 2), tied=True))

_x = torch.zeros(6, 2, 2)
_INPUT: tuple[Any, ...] = (
    None, "text", np.zeros((6, 2, 2)), torch.zeros(6, 2), torch.zeros(6, 2, 3), torch.zeros(0, 2, 2),
    torch.zeros(6, 0, 2), torch.zeros(6, 2, 2, dtype=torch.int64),
    torch.zeros(6, 2, 2, dtype=torch.complex64), torch.zeros(6, 2, 2, dtype=torch.float64), [1.0],
)
_STATE: tuple[Any, ...] = (
    5, "ab", torch.zeros(1, 2, 3), [], (torch.zeros(1, 2, 3),), (None, None), ("a", "b"),
    (torch.zeros(1, 2, 3), torch.zeros(1, 2, 3)),
    (torch.zeros(1, 2, 3).double(), torch.zeros(2, 2, 3).double()),
    (np.zeros((1, 2, 3)), np.zeros((2, 2, 3))),
)
for _backend in ("auto", "views", "fused"):
    _model = DilatedRNN(**_rnn, backend=_backend)
    T.sweep(f"DilatedRNN.forward {_backend}", _model, lambda: {"x": _x}, x=_INPUT, words=("input",))
T.sweep("DilatedRNN.forward", DilatedRNN(**_rnn), lambda: {"x": _x}, state=_STATE,
        need=(None, "some", 0, -1, 2.5, True, 7, [1]))
T.sweep("DilatedRNN.layer_outputs", DilatedRNN(**_rnn).layer_outputs, lambda: {"x": _x}, x=_INPUT,
        state=_STATE, words=("input",))
_classifier = DilatedRNNClassifier(**_rnn, n_classes=3)
T.sweep("DilatedRNNClassifier.forward", _classifier, None, x=(*_INPUT, torch.zeros(2, 2, 2)),
        words=("input", "dilation"))
T.sweep("DilatedRNNClassifier.features", _classifier.features, None, x=_INPUT, words=("input",))
_regressor = DilatedRNNRegressor(**_rnn)
T.sweep("DilatedRNNRegressor.forward", _regressor, None, x=_INPUT, words=("input",))
_of_symbols = DilatedRNNRegressor(**_rnn, vocab_size=5)
T.sweep("DilatedRNNRegressor of symbols", _of_symbols, None, words=("symbols",),
        x=(None, _x, _x[:, :, 0], torch.full((6, 2), 5), torch.full((6, 2), -1)))
_LENGTHS: tuple[Any, ...] = ("66", 5, [], [6], [6, 7], [0, 6], [-1, 6], [2.5, 6.0], [True, True], ["6", "6"],
                             [6, None], [[6], [6]], torch.tensor([6.0, 6.0]), torch.tensor([6]))
T.sweep("BidirectionalDilatedRNN.forward", BidirectionalDilatedRNN(**_rnn), lambda: {"x": _x}, x=_INPUT,
        lengths=_LENGTHS, words=("input",))
for _name, _model in (("RNN", DilatedRNN(**_rnn)), ("Classifier", _classifier),
                      ("Regressor", DilatedRNNRegressor(**_rnn, every_step=False))):
    T.sweep(f"lengths of Dilated{_name}", _model, lambda: {"x": _x}, lengths=_LENGTHS)
_language = DilatedRNNLanguageModel(**_lm)
_tokens = torch.zeros(6, 2, dtype=torch.int64)
T.sweep("DilatedRNNLanguageModel.forward", _language, lambda: {"tokens": _tokens}, state=_STATE,
        words=("input",), tokens=(
            None, "ab", np.zeros((6, 2), int), torch.zeros(6, 2), _tokens[0], _tokens.short(),
            _tokens + 5, _tokens - 1, torch.full((6, 2), 99, dtype=torch.int32), _tokens[:0],
            _tokens.bool()))
T.sweep("detach_state", detach_state, None,
        state=(None, 5, "ab", (None,), (np.zeros(3),), torch.zeros(1, 2, 3), [(5, 5)]))

_networks = lambda: {"networks": [DilatedRNN(**_rnn), DilatedRNN(2, 3, (1,))]}
_unequal = [[DilatedRNN(**_rnn), DilatedRNN(2, 4, (1,))], [DilatedRNN(2, [3, 4], (1, 2))],
            [DilatedRNN(**_rnn), DilatedRNN(3, 3, (1,))], [DilatedRNN(**_rnn), _classifier], [_classifier] * 2,
            [DilatedRNN(**_rnn), DilatedRNN(**_rnn, cell="rnn")], [DilatedRNN(**_rnn), DilatedRNN(**_rnn).double()]]
T.sweep("DilatedRNNPopulation", DilatedRNNPopulation, _networks, mode=name(),
        networks=(None, 5, "ab", [], [None], [5], torch.nn.GRU(2, 3), [torch.nn.GRU(2, 3)], *_unequal))
_population = DilatedRNNPopulation(**_networks())
T.sweep("DilatedRNNPopulation.forward", _population, lambda: {"x": _x}, state=_STATE, words=("input",),
        x=(*_INPUT, torch.zeros(3, 6, 2, 2)))
_classifiers = DilatedRNNPopulation([DilatedRNNClassifier(**_rnn, n_classes=3) for _ in range(2)])
T.sweep("DilatedRNNPopulation.forward of classifiers", _classifiers, lambda: {"x": _x}, lengths=_LENGTHS)
T.sweep("DilatedRNNPopulation.forward of classifiers", _classifiers, None, x=(torch.zeros(2, 2, 2),),
        words=("dilation",))
_languages = DilatedRNNPopulation([DilatedRNNLanguageModel(**_lm) for _ in range(2)])
T.sweep("DilatedRNNPopulation.forward of language models", _languages, None, words=("tokens",),
        x=(None, _x, _x[:, :, 0], _tokens + 5, _tokens - 1, _tokens[0], torch.zeros(3, 6, 2, dtype=torch.int64)))
T.sweep("DilatedRNNPopulation.model", _population.model, None, k=(*whole(0), 2))
T.sweep("DilatedRNNPopulation.views", _population.views, lambda: {"k": 0, "matrix": _population.weights},
        k=(*whole(0), 2), matrix=(None, 5, torch.zeros(2, 3), np.zeros((2, 9))))
T.sweep("DilatedRNNPopulation.seed", _population.seed, lambda: {"k": 0, "seed": 1}, k=(*whole(0), 2),
        seed=whole(0, optional=True))

T.stays_valid("DilatedRNN", DilatedRNN, lambda: _rnn, input_size=np.int64(2), hidden_sizes=np.int32(3),
              dilations=np.array([1, 2]), dropout=np.float32(0.1), batch_first=np.True_)
