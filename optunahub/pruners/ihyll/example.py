"""Prune networks that have stopped learning, and spare those that still learn.

Small networks learn scikit-learn's 8 x 8 digits at learning rates from far too low to far too high.
After each epoch the network reports its accuracy and its IHYLL: the mutual information between
the last layer's activations and the true digit.
"""

from __future__ import annotations

import optuna
from optuna_mi import InformationProbe
import optunahub
from sklearn.datasets import load_digits
import torch
from torch import nn


N_EPOCHS = 15

pixels, digits = load_digits(return_X_y=True)
inputs = torch.as_tensor(pixels / 16, dtype=torch.float32)
targets = torch.as_tensor(digits)
order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(0))
train, valid = order[:1200], order[1200:]

module = optunahub.load_module(package="pruners/ihyll")


def objective(trial: optuna.Trial) -> float:
    torch.manual_seed(trial.number)
    width = trial.suggest_int("width", 4, 64, log=True)
    rate = trial.suggest_float("learning_rate", 1e-4, 10.0, log=True)
    model = nn.Sequential(nn.Linear(64, width), nn.Tanh(), nn.Linear(width, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    probe = InformationProbe(model, inputs[train], targets[train], size=300)
    accuracy = 0.0
    for epoch in range(N_EPOCHS):
        for rows in train[torch.randperm(len(train))].split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs[rows]), targets[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            guesses = model(inputs[valid]).argmax(dim=1)
        accuracy = float((guesses == targets[valid]).float().mean())
        trial.report(accuracy, epoch)
        module.report_ihyll(trial, epoch, probe.measure().ihyll)  # before should_prune
        if trial.should_prune():
            raise optuna.TrialPruned
    module.flush_ihyll(trial)
    return accuracy


if __name__ == "__main__":
    pruner = module.IHYLLPruner(optuna.pruners.MedianPruner(n_startup_trials=5), max_spared=2)
    sampler = optuna.samplers.TPESampler(seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    study.optimize(objective, n_trials=20)
    spared = [t.number for t in study.trials if "mi:spared" in t.user_attrs]
    pruned = [t.number for t in study.trials if t.state == optuna.trial.TrialState.PRUNED]
    print(f"best accuracy {study.best_value:.3f} with {study.best_params}")
    print(f"pruned: trials {pruned}; spared at least once: trials {spared}")
