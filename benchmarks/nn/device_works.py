"""What the benchmark of training steps on a GPU trains, and the networks that it compares."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks._experiment import Request
from benchmarks.nn.device_peers import FlashRNN, Reshaped
from benchmarks.nn.step_time import DOUBLING, PERMUTED, PTB_12, Peer, load_peer
from optuna_mi.nn import DilatedRNNClassifier, DilatedRNNLanguageModel, DilatedRNNPopulation


class Work(NamedTuple):
    """What is trained for a step."""

    cell: str
    hidden: int
    dilations: tuple[int, ...]
    steps: int
    batch: int
    language: bool = False
    models: int = 1


WORKS = {
    "rnn-9x20": Work("rnn", 20, DOUBLING[:9], 784, 128),
    "gru-9x20": Work("gru", 20, DOUBLING[:9], 784, 128),
    "gru-9x50": Work("gru", 50, DOUBLING[:9], 784, 128),
    "lstm-9x20": Work("lstm", 20, DOUBLING[:9], 784, 128),
    "rnn-11x20": Work("rnn", 20, PERMUTED, 784, 128),
    "lm-gru-12x256": Work("gru", 256, PTB_12, 400, 32, language=True),
    "8 of gru-9x20": Work("gru", 20, DOUBLING[:9], 784, 128, models=8),
    "32 of gru-9x20": Work("gru", 20, DOUBLING[:9], 784, 128, models=32),
    "4 of lm-gru-12x256": Work("gru", 256, PTB_12, 400, 32, language=True, models=4),
    "16 of lm-gru-12x256": Work("gru", 256, PTB_12, 400, 32, language=True, models=16),
}
VOCABULARY, EMBEDDING = 49, 100


def batch_of(work: Work, device: torch.device) -> tuple[Tensor, Tensor]:
    generator = torch.Generator("cpu").manual_seed(0)
    if work.language:
        shape = (work.steps + 1, work.batch)
        tokens = torch.randint(VOCABULARY, shape, generator=generator).to(device)
        return tokens[:-1].clone(), tokens[1:].clone()
    x = torch.rand(work.steps, work.batch, 1, generator=generator)
    return x.to(device), torch.randint(10, (work.batch,), generator=generator).to(device)


def network(work: Work, backend: str) -> nn.Module:
    if work.language:
        return DilatedRNNLanguageModel(
            VOCABULARY, EMBEDDING, work.hidden, work.dilations, cell=work.cell, backend=backend
        )
    return DilatedRNNClassifier(1, work.hidden, work.dilations, 10, cell=work.cell, backend=backend)


def model_of(work: Work, way: str, request: Request) -> nn.Module:
    torch.manual_seed(0)
    if way in ("cudnn", "FlashRNN"):
        features, n_out = (EMBEDDING, VOCABULARY) if work.language else (1, 10)
        kind = Reshaped if way == "cudnn" else FlashRNN
        vocabulary = VOCABULARY if work.language else None
        return kind(work.cell, features, work.hidden, work.dilations, n_out, vocabulary)
    if way == "pytorch-dilated-rnn":
        features = EMBEDDING if work.language else 1
        n_out, vocabulary = (VOCABULARY, VOCABULARY) if work.language else (10, None)
        drnn = load_peer(request.peers["drnn"])
        return Peer(drnn, features, work.hidden, work.dilations, work.cell, n_out, vocabulary)
    backend = way.partition(",")[0]
    if work.models == 1:
        return network(work, backend)
    # Together, whatever the kernels: one after the other is work.models times the single step.
    return DilatedRNNPopulation(
        [network(work, backend) for _ in range(work.models)], mode="together"
    )


def losses(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The mean cross-entropy, of every network."""
    logits = model(x)
    logits = logits[0] if isinstance(logits, tuple) else logits
    if not isinstance(model, DilatedRNNPopulation):
        return functional.cross_entropy(logits.flatten(0, -2), y.flatten())
    targets = y.expand(len(model), *y.shape)
    found = functional.cross_entropy(logits.flatten(0, -2), targets.flatten(), reduction="none")
    return found.view(len(model), -1).mean(1)
