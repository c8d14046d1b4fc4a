"""From a decay analysis to dilations: one list, or a small space of them for Optuna to search."""

from optuna_mi.search_space._design import design_dilations
from optuna_mi.search_space._format import format_dilations, parse_dilations
from optuna_mi.search_space._geometry import DecayGeometry
from optuna_mi.search_space._other_architectures import (
    TCNShape,
    suggest_tcn,
    suggest_window,
    tcn_shape,
)
from optuna_mi.search_space._ranges import IntRange, layers_within_parameters
from optuna_mi.search_space._space import DilationSpace

__all__ = [
    "DecayGeometry",
    "DilationSpace",
    "IntRange",
    "TCNShape",
    "design_dilations",
    "format_dilations",
    "layers_within_parameters",
    "parse_dilations",
    "suggest_tcn",
    "suggest_window",
    "tcn_shape",
]
