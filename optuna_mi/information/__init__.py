"""Entropy and mutual information estimators: numbers in, nats out."""

from __future__ import annotations

from optuna_mi.information._result import MutualInformation

__all__ = ["MutualInformation"]
