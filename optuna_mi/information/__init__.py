"""Entropy and mutual information estimators: numbers in, nats out."""

from __future__ import annotations

from optuna_mi.information._ksg import mutual_info_ksg
from optuna_mi.information._mixed import mutual_info_mixed
from optuna_mi.information._result import MutualInformation

__all__ = [
    "MutualInformation",
    "mutual_info_ksg",
    "mutual_info_mixed",
]
