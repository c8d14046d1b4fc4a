"""A temporal convolutional network whose receptive field comes from the data.

    python benchmarks/samplers/example_tcn.py

Predicts the next of the 64 pixels of a scanned digit (17 intensities), in bits.
"""

from __future__ import annotations

import argparse
import math

import optuna
import torch
from sklearn.datasets import load_digits
from torch import nn

import optuna_mi
from optuna_mi.search_space import TCNShape, suggest_tcn


class TCN(nn.Module):
    """Residual blocks of two causal convolutions over embedded symbols."""

    def __init__(self, shape: TCNShape, channels: int, n_symbols: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(n_symbols, channels)
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                nn.Conv1d(channels, channels, shape.kernel_size, dilation=dilation)
                for _ in range(2)
            )
            for dilation in shape.dilations
        )
        self.head = nn.Conv1d(channels, n_symbols, 1)

    def forward(self, symbols: torch.Tensor) -> torch.Tensor:
        x = self.embed(symbols).mT
        for block in self.blocks:
            y = x
            for conv in block:
                pad = (conv.kernel_size[0] - 1) * conv.dilation[0]
                y = conv(nn.functional.pad(y, (pad, 0))).relu()
            x = x + y
        return self.head(x)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    pixels = load_digits().data.astype(int)
    space = optuna_mi.DilationSpace.from_sequences(pixels, window=64)
    print(space.describe())
    train, valid = torch.tensor(pixels[:1300]), torch.tensor(pixels[1300:])

    def bits(model: nn.Module, scans: torch.Tensor) -> torch.Tensor:
        loss = nn.functional.cross_entropy(model(scans[:, :-1]), scans[:, 1:])
        return loss / math.log(2)

    def objective(trial: optuna.Trial) -> float:
        shape = suggest_tcn(trial, space, kernel_size=(2, 4))
        torch.manual_seed(trial.number)
        model = TCN(shape, channels=24, n_symbols=17)
        optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
        for epoch in range(6):
            for batch in torch.randperm(1300).split(64):
                loss = bits(model, train[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                trial.report(float(bits(model, valid)), epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return trial.study.trials[trial.number].intermediate_values[5]

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna_mi.MISampler(space, seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2),
    )
    study.optimize(objective, n_trials=12)
    for trial in study.trials:
        print(
            f"{trial.number:2} {trial.state.name:8} {trial.value:.3f} bits  "
            f"kernel {trial.params['kernel_size']}  sees {trial.user_attrs['receptive_field']:2}  "
            f"dilations {trial.user_attrs['dilations']}"
        )


if __name__ == "__main__":
    main()
