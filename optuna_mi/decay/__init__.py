"""How mutual information decays with distance: the curve, its noise floor, its law."""

from __future__ import annotations

from optuna_mi.decay import generators
from optuna_mi.decay._decay_analysis import Cycle, DecayAnalysis, Delay
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay.analysis._analyze import analyze_decay
from optuna_mi.decay.measure._decay_curve import decay_curve
from optuna_mi.decay.measure.shards._count_plan import CountPlan
from optuna_mi.decay.measure.shards._decay_counts import DecayCounts
from optuna_mi.decay.measure.shards._shards import Shards

__all__ = [
    "CountPlan",
    "Cycle",
    "DecayAnalysis",
    "DecayCounts",
    "DecayCurve",
    "Delay",
    "Shards",
    "analyze_decay",
    "decay_curve",
    "generators",
]
