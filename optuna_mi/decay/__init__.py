"""How mutual information decays with distance: the curve, its noise floor, its law."""

from __future__ import annotations

from optuna_mi.decay import generators
from optuna_mi.decay._analyze import analyze_decay
from optuna_mi.decay._curve import decay_curve
from optuna_mi.decay._decay_analysis import DecayAnalysis, Segment
from optuna_mi.decay._decay_curve import DecayCurve

__all__ = ["DecayAnalysis", "DecayCurve", "Segment", "analyze_decay", "decay_curve", "generators"]
