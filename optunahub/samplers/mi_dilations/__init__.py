from optuna_mi.pruners import IHYLLPruner
from optuna_mi.pruners import report_ihyll
from optuna_mi.samplers import MIGridSampler
from optuna_mi.samplers import MISampler
from optuna_mi.search_space import DilationSpace


__all__ = ["DilationSpace", "IHYLLPruner", "MIGridSampler", "MISampler", "report_ihyll"]
