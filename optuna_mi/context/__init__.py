"""What the past is worth to a learner: how much of it pays, and which distances."""

from __future__ import annotations

from optuna_mi.context._context_curve import Budget, ContextCurve
from optuna_mi.context._measure import context_curve

__all__ = ["Budget", "ContextCurve", "context_curve"]
