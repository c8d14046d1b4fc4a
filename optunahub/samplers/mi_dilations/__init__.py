from optuna_mi.samplers import MIGridSampler
from optuna_mi.samplers import MISampler
from optuna_mi.search_space import DilationSpace


__all__ = ["DilationSpace", "MIGridSampler", "MISampler"]
