"""How far an attention layer has to look: the next pixel of a scanned digit.

python benchmarks/samplers/example_attention.py
"""

from __future__ import annotations

import argparse
import math

import optuna
import torch
from sklearn.datasets import load_digits
from torch import nn

import optuna_mi
from optuna_mi.search_space import suggest_window


class LocalAttention(nn.Module):
    """One layer of causal attention that sees the last ``window`` symbols, then a feed-forward."""

    def __init__(self, window: int, width: int, n_symbols: int, steps: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(n_symbols, width)
        self.place = nn.Parameter(torch.zeros(steps, width))
        self.layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, batch_first=True)
        self.head = nn.Linear(width, n_symbols)
        back = torch.arange(steps)[:, None] - torch.arange(steps)[None, :]
        self.hidden: torch.Tensor
        self.register_buffer("hidden", (back < 0) | (back >= window))

    def forward(self, symbols: torch.Tensor) -> torch.Tensor:
        steps = symbols.shape[1]
        x = self.embed(symbols) + self.place[:steps]
        return self.head(self.layer(x, src_mask=self.hidden[:steps, :steps])).mT


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    pixels = load_digits().data.astype(int)
    space = optuna_mi.DilationSpace.from_sequences(pixels, window=64)
    train, valid = torch.tensor(pixels[:1300]), torch.tensor(pixels[1300:])

    def bits(model: nn.Module, scans: torch.Tensor) -> torch.Tensor:
        loss = nn.functional.cross_entropy(model(scans[:, :-1]), scans[:, 1:])
        return loss / math.log(2)

    def objective(trial: optuna.Trial) -> float:
        window = suggest_window(trial, space)
        torch.manual_seed(0)
        model = LocalAttention(window, width=32, n_symbols=17, steps=64)
        optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
        for _ in range(8):
            for batch in torch.randperm(1300).split(64):
                loss = bits(model, train[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        with torch.no_grad():
            return float(bits(model, valid))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna_mi.MISampler(space, seed=0))
    study.optimize(objective, n_trials=10)
    for trial in study.trials:
        print(f"{trial.number:2} window {trial.user_attrs['window']:3}  {trial.value:.3f} bits")


if __name__ == "__main__":
    main()
