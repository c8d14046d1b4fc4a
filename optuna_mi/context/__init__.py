"""What the past is worth to a learner: how much of it pays, and which distances."""

from __future__ import annotations

from optuna_mi.context._context_curve import Budget, ContextCurve
from optuna_mi.context._lag_selection import LagSelection
from optuna_mi.context._measure import context_curve
from optuna_mi.context._select_lags import select_lags

__all__ = ["Budget", "ContextCurve", "LagSelection", "context_curve", "select_lags"]
