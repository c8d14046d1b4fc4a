"""Choose the dilations of a network from the decay of mutual information in its data.

The objective is a stand-in that needs no training: how much of the data's mutual information the
network's distances carry, less a price for every layer.
"""

from __future__ import annotations

import numpy as np
import optuna
from optuna_mi.decay import analyze_decay
from optuna_mi.decay import decay_curve
import optunahub


# A sequence of 5 symbols that repeats itself with errors every 24 steps.
rng = np.random.default_rng(0)
motif = rng.integers(0, 5, 24)
errors = rng.random(20_000) < 0.3
sequence = np.where(errors, rng.integers(0, 5, 20_000), np.resize(motif, 20_000))

curve = decay_curve(sequence, max_lag=200)
analysis = analyze_decay(curve)
print(analysis.summary())

module = optunahub.load_module(package="samplers/mi_dilations")
space = module.DilationSpace.from_analysis(analysis, window=128)
print(space.describe())


def objective(trial: optuna.Trial) -> float:
    dilations = space.suggest(trial)
    carried = sum(max(float(curve.mi_corrected[d - 1]), 0.0) for d in dilations)
    return carried - 0.05 * len(dilations)


study = optuna.create_study(direction="maximize", sampler=module.MISampler(space, seed=0))
study.optimize(objective, n_trials=20)
print(study.trials[0].user_attrs["dilations"], "is what the data recommend")
print(study.best_trial.user_attrs["dilations"], "is the best of 20 trials")
