"""Entropy and mutual information estimators: numbers in, nats out."""

from __future__ import annotations

from optuna_mi.information._discrete import entropy_discrete, mutual_info_discrete
from optuna_mi.information._entropy import entropy_from_counts
from optuna_mi.information._ksg import mutual_info_ksg
from optuna_mi.information._mixed import mutual_info_mixed
from optuna_mi.information._result import MutualInformation
from optuna_mi.information._sample_size import SampleSizeCurve, mi_sample_size_curve

__all__ = [
    "MutualInformation",
    "SampleSizeCurve",
    "entropy_discrete",
    "entropy_from_counts",
    "mi_sample_size_curve",
    "mutual_info_discrete",
    "mutual_info_ksg",
    "mutual_info_mixed",
]
