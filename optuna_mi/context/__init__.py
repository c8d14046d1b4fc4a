"""What the past is worth to a learner: how much of it pays, and which distances."""

from __future__ import annotations

from optuna_mi.context._context_curve import Budget, ContextCurve
from optuna_mi.context._lag_selection import LagSelection
from optuna_mi.context._measure import context_curve
from optuna_mi.context._recommend_window import recommend_window
from optuna_mi.context._select_lags import select_lags
from optuna_mi.context._window import Window

__all__ = [
    "Budget",
    "ContextCurve",
    "LagSelection",
    "Window",
    "context_curve",
    "recommend_window",
    "select_lags",
]
