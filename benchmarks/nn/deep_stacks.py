"""Do deep stacks leave the unigram entropy? Penn Treebank characters, short training runs.

    python -m benchmarks.nn.deep_stacks PATH/ptb.train.txt [--layers 7] [--steps 300] [--seeds 0]

For every cell, initialisation and with or without residual connections: training bits a character,
mean of the last 20 steps, after N steps of Adam (2e-3, batch 32, windows of 100 characters, hidden
size 64, dilations 1, 2, 4, ..., state not carried, clip 1). The gains of RNN and LSTM under
``init="deep"`` were chosen with seed 0: other seeds are held out.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from benchmarks._output import plus_minus
from optuna_mi.nn import DilatedRNNLanguageModel


def characters(path: Path) -> np.ndarray:
    text = path.read_text().replace("\n", "<eos>")
    return np.unique(np.array(list(text)), return_inverse=True)[1].astype(np.int64)


def train(data, dilations, steps, seed=0, window=100, batch=32, **kwargs) -> float:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = DilatedRNNLanguageModel(int(data.max()) + 1, 64, 64, dilations, **kwargs)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    losses = []
    for _ in range(steps):
        starts = rng.integers(0, len(data) - window - 1, batch)
        tokens = torch.from_numpy(data[starts + np.arange(window + 1)[:, None]])
        optimizer.zero_grad()
        logits, _ = model(tokens[:-1])
        loss = functional.cross_entropy(logits.flatten(0, 1), tokens[1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item() / math.log(2))
    return float(np.mean(losses[-20:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--layers", type=int, default=7)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--cells", nargs="*", default=["rnn", "gru", "lstm"])
    parser.add_argument("--inits", nargs="*", default=["torch", "original", "deep"])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = characters(arguments.text)
    p = np.bincount(data) / len(data)
    print(f"unigram entropy {-(p * np.log2(p)).sum():.2f} bits")
    dilations = [2**i for i in range(arguments.layers)]
    for cell in arguments.cells:
        for init in arguments.inits:
            for residual in (False, True):
                settings = {"cell": cell, "init": init, "residual": residual}
                bits = [
                    train(data, dilations, arguments.steps, seed, **settings)
                    for seed in arguments.seeds
                ]
                shown = f"{plus_minus(bits, 2)} (seeds: {', '.join(f'{b:.2f}' for b in bits)})"
                print(f"{cell:5} init={init:9} residual={residual!s:5} {shown}", flush=True)


if __name__ == "__main__":
    main()
