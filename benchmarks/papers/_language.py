"""Penn Treebank characters in windows, as Table 3 of [MK20] trained and scored them.

The text is cut into 32 streams and these into windows of 400 characters that overlap by 80: the
first 80 are history, the other 320 are scored. No state is carried from window to window.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional

from benchmarks._experiment import Cell
from optuna_mi.datasets import LanguageModeling, load_dataset
from optuna_mi.nn import DilatedRNNLanguageModel

STREAMS, HISTORY, SCORED = 32, 80, 320


@functools.lru_cache(maxsize=1)
def characters() -> LanguageModeling:
    return load_dataset("ptb-char")


def build(cell: Cell) -> DilatedRNNLanguageModel:
    """Return the cell's network, initialised from torch's default generator."""
    return DilatedRNNLanguageModel(
        characters().n_symbols,
        int(cell["embedding"]),
        int(cell["hidden"]),
        [int(d) for d in str(cell["dilations"]).split(",")],
        cell="gru",
        embedding_dropout=float(cell["dropout"]),
        init=str(cell["init"]),
        residual=cell["stack"] == "residual",
    )


def streams(symbols: np.ndarray) -> torch.Tensor:
    """Cut a text into parallel streams, (steps, 32); what does not fill them is left out."""
    n = len(symbols) // STREAMS
    return torch.from_numpy(symbols[: n * STREAMS].reshape(STREAMS, n).T.copy())


def starts(tokens: torch.Tensor) -> range:
    """Return where the whole windows of these streams begin."""
    return range(0, len(tokens) - HISTORY - SCORED, SCORED)


def loss_at(
    model: torch.nn.Module, tokens: torch.Tensor, start: int, device: torch.device
) -> torch.Tensor:
    """Return the mean loss, in nats, of the scored characters of one window of every stream."""
    window = tokens[start : start + HISTORY + SCORED + 1].to(device)
    logits, _ = model(window[:-1])
    return functional.cross_entropy(logits[HISTORY:].flatten(0, 1), window[1 + HISTORY :].flatten())


@torch.no_grad()
def bits(
    model: torch.nn.Module, symbols: np.ndarray, device: torch.device, at_most: int | None = None
) -> float:
    """Return the bits per character on a text, or on its first ``at_most`` rounds of windows."""
    was_training = model.training
    model.eval()
    tokens = streams(symbols)
    losses = [loss_at(model, tokens, i, device).item() for i in list(starts(tokens))[:at_most]]
    model.train(was_training)
    return float(np.mean(losses)) / math.log(2)


def orders(n_windows: int, shuffle: bool, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield every epoch's order of the windows."""
    while True:
        yield rng.permutation(n_windows) if shuffle else np.arange(n_windows)
