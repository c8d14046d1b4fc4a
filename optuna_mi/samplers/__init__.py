"""Samplers for a dilation space: guided search with any base sampler, and the exhaustive grid."""

from optuna_mi.samplers._mi_grid_sampler import MIGridSampler
from optuna_mi.samplers._mi_sampler import MISampler

__all__ = ["MIGridSampler", "MISampler"]
