"""What the command offers by name: objective, samplers, pruners."""

from __future__ import annotations

import numpy as np
from optuna.distributions import FloatDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from optuna_mi._main_job import Job
from optuna_mi.datasets import Dataset
from optuna_mi.pruners import IHYLLPruner
from optuna_mi.samplers import MIGridSampler, MISampler
from optuna_mi.search_space import DilationSpace
from optuna_mi.training import DilatedRNNObjective

SAMPLERS = ("mi", "grid", "tpe", "random")
PRUNERS = ("ihyll", "median", "hyperband", "none")
POLICIES = ("reference", "change", "none")


def make_objective(job: Job, dataset: Dataset, space: DilationSpace) -> DilatedRNNObjective:
    """Return the main job's objective, which searches dilations and the highest learning rate."""
    return DilatedRNNObjective(
        dataset,
        space,
        cell=job.preset.cell,
        hidden_size=job.preset.hidden_size,
        lr_max=FloatDistribution(3e-3, 3e-2, log=True),
        policy=None if job.policy == "none" else job.policy,
        epochs=job.preset.epochs,
        steps=job.preset.steps,
        batch_size=job.preset.batch_size,
        window=job.preset.window,
        seed=job.seed,
        device=job.device,
        checkpoint_dir=job.folder / "checkpoints",
    )


def make_sampler(
    name: str,
    space: DilationSpace,
    seed: int,
    *,
    worker: int = 0,
    n_trials: int = 0,
    at_once: int = 1,
) -> BaseSampler:
    """Return one of ``SAMPLERS``; workers of one seed, and a resumed study, draw differently.

    Trials that run at once are told apart: TPE takes those that are still running for bad ones.
    """
    own_seed = int(np.random.SeedSequence([seed, worker, n_trials]).generate_state(1)[0])
    match name:
        case "mi":
            tpe = TPESampler(seed=own_seed, constant_liar=at_once > 1)
            return MISampler(space, tpe, seed=own_seed)
        case "grid":
            return MIGridSampler(space, seed=own_seed)
        case "tpe":
            return TPESampler(seed=own_seed, constant_liar=at_once > 1)
        case "random":
            return RandomSampler(seed=own_seed)
    raise ValueError(f"sampler {name!r}: choose one of {', '.join(SAMPLERS)}")


def make_pruner(name: str, epochs: int) -> BasePruner:
    """Return one of ``PRUNERS``."""
    median = MedianPruner(n_startup_trials=4, n_warmup_steps=epochs // 4)
    match name:
        case "ihyll":
            return IHYLLPruner(median, max_spared=2)
        case "median":
            return median
        case "hyperband":
            return HyperbandPruner(min_resource=1, max_resource=epochs)
        case "none":
            return NopPruner()
    raise ValueError(f"pruner {name!r}: choose one of {', '.join(PRUNERS)}")
