"""Entropy and mutual information estimators: numbers in, nats out."""

from __future__ import annotations

from optuna_mi.information._discrete import entropy_discrete, mutual_info_discrete
from optuna_mi.information._entropy import entropy_from_counts
from optuna_mi.information._ksg import mutual_info_ksg
from optuna_mi.information._mixed import mutual_info_mixed
from optuna_mi.information._result import MutualInformation

__all__ = [
    "MutualInformation",
    "entropy_discrete",
    "entropy_from_counts",
    "mutual_info_discrete",
    "mutual_info_ksg",
    "mutual_info_mixed",
]
