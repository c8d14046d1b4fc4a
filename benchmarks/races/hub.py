"""Samplers of OptunaHub, of a checkout of its registry or downloaded.

The variable OPTUNAHUB_REGISTRY names the checkout's folder ``package``.
"""

from __future__ import annotations

import functools
import logging
import os
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
from optuna.samplers import BaseSampler

from benchmarks.races.spaces import table_space

_NEEDS = {
    "auto_sampler": "optunahub cmaes",
    "hebo": "optunahub catboost disjoint_set gpytorch matplotlib pymoo==0.6.0 "
    "&& pip install --no-deps HEBO",
    "smac_sampler": "optunahub smac",
}


def _module(name: str) -> ModuleType:
    try:
        import optunahub  # needs the network, or the checkout

        root = os.environ.get("OPTUNAHUB_REGISTRY")
        if root:
            found = optunahub.load_local_module(f"samplers/{name}", registry_root=root)
        else:
            found = optunahub.load_module(f"samplers/{name}")
    except ImportError as error:
        raise ImportError(
            f"{error}: OptunaHub's samplers/{name} needs `pip install {_NEEDS[name]}`; or name, "
            "with --races, the races to play without it"
        ) from error
    assert isinstance(found, ModuleType)
    return found


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that is gone when the process ends."""
    return tempfile.TemporaryDirectory(prefix="races-")


def auto_sampler(name: str, seed: int) -> BaseSampler:
    """Return OptunaHub's AutoSampler."""
    found: BaseSampler = _module("auto_sampler").AutoSampler(seed=seed)
    return found


def hebo(name: str, seed: int) -> BaseSampler:
    """Return HEBO as OptunaHub has it, on the uninformed space."""
    distributions = dict(table_space(name, "uninformed").distributions)
    found: BaseSampler = _module("hebo").HEBOSampler(distributions, seed=seed)
    # Its choice among the front is drawn from the global generator.
    np.random.seed(seed)  # noqa: NPY002
    return found


def smac(name: str, seed: int) -> BaseSampler:
    """Return SMAC's random forest as OptunaHub has it, on the uninformed space.

    Its start-up is five trials, as the other samplers' is.
    """
    sampler = _module("smac_sampler").SMACSampler
    found = sampler(
        dict(table_space(name, "uninformed").distributions),
        n_trials=15,
        seed=seed + 1,  # it takes 0 for none
        init_design_n_configs=5,
        init_design_max_ratio=1.0,
        output_directory=str(Path(_folder().name) / str(seed)),
    )
    # The same trees of 15 points: SMAC makes room for a million leaves in each.
    found.smac._model._rf_opts |= {"max_leaf_nodes": 64, "n_jobs": 1}
    # It sets up its own loggers at each start.
    logging.getLogger("smac").setLevel(logging.ERROR)
    assert isinstance(found, BaseSampler)
    return found
