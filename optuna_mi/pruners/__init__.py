"""Pruning by what the network has learnt about the outcome (IHYLL)."""

from optuna_mi.pruners._ihyll_pruner import IHYLLPruner
from optuna_mi.pruners._series import flush_ihyll, ihyll_series, report_ihyll

__all__ = ["IHYLLPruner", "flush_ihyll", "ihyll_series", "report_ihyll"]
