"""Training that is steered by mutual information: probe, learning-rate policies, objective."""

from __future__ import annotations

from optuna_mi.training._policies import IHYLLChangePolicy, IHYLLReferencePolicy

__all__ = ["IHYLLChangePolicy", "IHYLLReferencePolicy"]
