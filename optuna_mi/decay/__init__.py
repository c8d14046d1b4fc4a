"""How mutual information decays with distance: the curve, its noise floor, its law."""

from __future__ import annotations

from optuna_mi.decay._curve import decay_curve
from optuna_mi.decay._decay_curve import DecayCurve

__all__ = ["DecayCurve", "decay_curve"]
