from optuna_mi.pruners import flush_ihyll
from optuna_mi.pruners import ihyll_series
from optuna_mi.pruners import IHYLLPruner
from optuna_mi.pruners import report_ihyll


__all__ = ["IHYLLPruner", "flush_ihyll", "ihyll_series", "report_ihyll"]
