"""An Optuna plugin that looks at the data before it searches.

Names load when first used: ``import optuna_mi`` imports neither torch nor plotly.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# name -> module that defines it (PEP 562: imported on first access)
_NAMES = {
    "ContextCurve": "context",
    "DecayCurve": "decay",
    "DecayAnalysis": "decay",
    "LagSelection": "context",
    "Window": "context",
    "context_curve": "context",
    "recommend_window": "context",
    "select_lags": "context",
    "decay_curve": "decay",
    "analyze_decay": "decay",
    "DilationSpace": "search_space",
    "design_dilations": "search_space",
    "MISampler": "samplers",
    "MIGridSampler": "samplers",
    "IHYLLPruner": "pruners",
    "report_ihyll": "pruners",
    "IHYLLChangePolicy": "training",
    "IHYLLReferencePolicy": "training",
    "InformationProbe": "training",
    "DilatedRNNObjective": "training",
    "load_best": "training",
    "optimize_population": "training",
    "from_arrays": "datasets",
    "from_frame": "datasets",
    "load_dataset": "datasets",
}
_MODULES = (
    "context",
    "dashboard",
    "datasets",
    "decay",
    "exceptions",
    "information",
    "nn",
    "pruners",
    "report",
    "samplers",
    "search_space",
    "training",
    "visualization",
)

if TYPE_CHECKING:
    from optuna_mi import (
        context,
        dashboard,
        datasets,
        decay,
        exceptions,
        information,
        nn,
        pruners,
        report,
        samplers,
        search_space,
        training,
        visualization,
    )
    from optuna_mi.context import (
        ContextCurve,
        LagSelection,
        Window,
        context_curve,
        recommend_window,
        select_lags,
    )
    from optuna_mi.datasets import from_arrays, from_frame, load_dataset
    from optuna_mi.decay import DecayAnalysis, DecayCurve, analyze_decay, decay_curve
    from optuna_mi.pruners import IHYLLPruner, report_ihyll
    from optuna_mi.samplers import MIGridSampler, MISampler
    from optuna_mi.search_space import DilationSpace, design_dilations
    from optuna_mi.training import (
        DilatedRNNObjective,
        IHYLLChangePolicy,
        IHYLLReferencePolicy,
        InformationProbe,
        load_best,
        optimize_population,
    )

__all__ = [
    "ContextCurve",
    "DecayAnalysis",
    "DecayCurve",
    "DilatedRNNObjective",
    "DilationSpace",
    "IHYLLChangePolicy",
    "IHYLLPruner",
    "IHYLLReferencePolicy",
    "InformationProbe",
    "LagSelection",
    "MIGridSampler",
    "MISampler",
    "Window",
    "analyze_decay",
    "context",
    "context_curve",
    "dashboard",
    "datasets",
    "decay",
    "decay_curve",
    "design_dilations",
    "exceptions",
    "from_arrays",
    "from_frame",
    "information",
    "load_best",
    "load_dataset",
    "nn",
    "optimize_population",
    "pruners",
    "recommend_window",
    "report",
    "report_ihyll",
    "samplers",
    "search_space",
    "select_lags",
    "training",
    "visualization",
]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
