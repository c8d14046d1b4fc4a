"""CPU seconds a training step, against a checkout of the public PyTorch implementation.

    python benchmarks/nn/step_time.py --peer PATH [--only gru-9x20 ...] [--repeats 7]

PATH is a checkout of github.com/zalandoresearch/pytorch-dilated-rnn. Both take turns in one
process on one thread; the median CPU time counts, since other work on the machine disturbs wall
clocks more. Beside every figure: the arithmetic that a step needs (three products a cell: forward,
gradient of the input, gradient of the weights) over its time, and the same machine's sgemm.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torch import nn
from torch.nn import functional

from optuna_mi.nn import DilatedRNNClassifier, DilatedRNNLanguageModel
from optuna_mi.nn._positions import plan_stack

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
DOUBLING = tuple(2**i for i in range(16))
PERMUTED = (*DOUBLING[:10], 780)
PTB_12 = (1, 2, 3, 4, 5, 6, 8, 11, 18, 32, 73, 240)
CLASSIFIERS = {
    f"{cell}-{len(dilations)}x{hidden}": (cell, hidden, dilations)
    for hidden in (20, 50)
    for dilations in (*(DOUBLING[:n] for n in (4, 5, 6, 9)), PERMUTED)
    for cell in ("rnn", "gru", "lstm")
}
LANGUAGE_MODELS = {
    "lm-gru-12x256": ("gru", 256, PTB_12),
    "lm-gru-7x256": ("gru", 256, DOUBLING[:7]),
}


def load_peer(path: Path):
    spec = importlib.util.spec_from_file_location("peer_drnn", path / "drnn.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.DRNN


class Peer(nn.Module):
    """The peer's stack under our output layer."""

    def __init__(self, drnn, features, hidden, dilations, cell, n_out, vocab=None) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab, features) if vocab else None
        self.stack = drnn(features, hidden, len(dilations), cell_type=cell.upper())
        self.stack.dilations = list(dilations)
        self.output = nn.Linear(hidden, n_out)

    def forward(self, x):
        if self.embedding is not None:
            return self.output(self.stack(self.embedding(x))[0])
        return self.output(self.stack(x)[0][-1])


def classifier(drnn, name: str, backend: str):
    cell, hidden, dilations = CLASSIFIERS[name]
    torch.manual_seed(0)
    x, y = torch.rand(784, 128, 1), torch.randint(10, (128,))
    model = DilatedRNNClassifier(1, hidden, dilations, 10, cell=cell, backend=backend)
    peer = Peer(drnn, 1, hidden, dilations, cell, 10)
    cells = plan_stack(784, dilations, 1).n_cells
    bottom = len(plan_stack(784, dilations, 1).layers[0].positions)
    # The bottom layer's input is one pixel and needs no gradient.
    products = GATES[cell] * hidden * ((cells - bottom) * 2 * hidden + bottom * (hidden + 1)) * 3
    return model, peer, (x, y), 2.0 * 128 * products


def language_model(drnn, name: str, backend: str):
    cell, hidden, dilations = LANGUAGE_MODELS[name]
    torch.manual_seed(0)
    steps, batch, vocab, embedding = 256, 32, 49, 100
    tokens = torch.randint(vocab, (steps + 1, batch))
    model = DilatedRNNLanguageModel(vocab, embedding, hidden, dilations, cell=cell, backend=backend)
    peer = Peer(drnn, embedding, hidden, dilations, cell, vocab, vocab)
    columns = embedding + hidden + 2 * hidden * (len(dilations) - 1)
    products = steps * (GATES[cell] * hidden * columns + hidden * vocab) * 3
    return model, peer, (tokens[:-1], tokens[1:]), 2.0 * batch * products


def stepper(model: nn.Module, batch) -> Callable[[], float]:
    """A function that trains for one step and returns its CPU seconds."""
    optimizer = torch.optim.Adam(model.parameters())
    x, y = batch

    def step() -> float:
        start = time.process_time()
        optimizer.zero_grad()
        logits = model(x)
        logits = logits[0] if isinstance(logits, tuple) else logits
        functional.cross_entropy(logits.flatten(0, -2), y.flatten()).backward()
        optimizer.step()
        return time.process_time() - start

    return step


def sgemm(size: int = 1024, repeats: int = 5) -> float:
    """GFLOP/s of torch's matrix product on one thread."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    times = []
    for _ in range(repeats):
        start = time.process_time()
        a @ b
        times.append(time.process_time() - start)
    return 2e-9 * size**3 / median(times)


def check_same_model(model: nn.Module, peer: Peer, batch) -> float:
    """Copy our parameters into the peer; largest relative difference of the outputs."""
    for ours, theirs in zip(model.rnn.layers, peer.stack.cells, strict=True):
        theirs.load_state_dict(ours.cell.state_dict())
    head = model.output if isinstance(model, DilatedRNNClassifier) else model.decoder
    peer.output.load_state_dict(head.state_dict())
    if peer.embedding is not None:
        peer.embedding.load_state_dict(model.embedding.state_dict())
    with torch.no_grad():
        ours, theirs = model(batch[0]), peer(batch[0])
    ours = ours[0] if isinstance(ours, tuple) else ours
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[*CLASSIFIERS, *LANGUAGE_MODELS])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--backend", default="auto")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    drnn = load_peer(arguments.peer)
    print(
        f"{'':15} {'peer s':>8} {'ours s':>8} {'ratio':>6} {'GFLOP/s':>8} {'sgemm':>6} {'%':>4}"
        f" {'difference':>10}"
    )
    for name in arguments.only:
        make = classifier if name in CLASSIFIERS else language_model
        model, peer, batch, flop = make(drnn, name, arguments.backend)
        difference = check_same_model(model, peer, batch)
        ours, theirs = stepper(model, batch), stepper(peer, batch)
        ours(), theirs()
        our_times, peer_times, gemm = [], [], []
        for _ in range(arguments.repeats):
            peer_times.append(theirs())
            our_times += [ours() for _ in range(3)]
            gemm.append(sgemm(repeats=1))
        fast, slow, roof = median(our_times), median(peer_times), median(gemm)
        rate = flop / fast / 1e9
        print(
            f"{name:15} {slow:8.3f} {fast:8.4f} {slow / fast:6.1f} {rate:8.1f} {roof:6.1f} "
            f"{100 * rate / roof:4.0f} {difference:10.1e}"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
