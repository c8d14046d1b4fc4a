"""Training that is steered by mutual information: probe, learning-rate policies, objective."""

from __future__ import annotations

from optuna_mi.training._load_best import load_best
from optuna_mi.training._objective import DilatedRNNObjective
from optuna_mi.training._optimize_population import optimize_population
from optuna_mi.training._policies import IHYLLChangePolicy, IHYLLReferencePolicy
from optuna_mi.training._policies_layers import layer_parameter_groups
from optuna_mi.training._policies_range_test import IHYLLRangeTestPolicy
from optuna_mi.training._policies_trend import IHYLLTrendPolicy
from optuna_mi.training._probe import InformationProbe, ProbeMeasurement

__all__ = [
    "DilatedRNNObjective",
    "IHYLLChangePolicy",
    "IHYLLRangeTestPolicy",
    "IHYLLReferencePolicy",
    "IHYLLTrendPolicy",
    "InformationProbe",
    "ProbeMeasurement",
    "layer_parameter_groups",
    "load_best",
    "optimize_population",
]
