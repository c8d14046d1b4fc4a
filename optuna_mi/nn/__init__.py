"""Dilated recurrent networks: exact, for any dilations, and fast on one core."""

from __future__ import annotations

from optuna_mi.nn._bidirectional import BidirectionalDilatedRNN
from optuna_mi.nn._check_arguments import LayerState, State
from optuna_mi.nn._classifier import DilatedRNNClassifier
from optuna_mi.nn._dilated_rnn import DilatedRNN, detach_state
from optuna_mi.nn._language_model import DilatedRNNLanguageModel
from optuna_mi.nn._population import DilatedRNNPopulation
from optuna_mi.nn._regressor import DilatedRNNRegressor

__all__ = [
    "BidirectionalDilatedRNN",
    "DilatedRNN",
    "DilatedRNNClassifier",
    "DilatedRNNLanguageModel",
    "DilatedRNNPopulation",
    "DilatedRNNRegressor",
    "LayerState",
    "State",
    "detach_state",
]
