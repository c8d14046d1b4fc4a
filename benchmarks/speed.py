"""Speed against peers: every piece of work and its peer in turn, one process, one thread, medians.

Peers that are no packages are checkouts given by path:

    python -m benchmarks speed --peer drnn=PATH npeet=PATH lddcalc=PATH infomeasure=PATH

``drnn`` is github.com/zalandoresearch/pytorch-dilated-rnn, ``npeet`` github.com/gregversteeg/NPEET,
``lddcalc`` the ``src`` folder of github.com/silentknight/LM_Analysis with its extension built;
``infomeasure`` needs a path only where it is not installed. What has no peer at hand is left out,
and the summary says so. CPU time is counted, which other work on the machine disturbs least.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
import optuna
import pandas as pd
import torch

from benchmarks._experiment import Cell, Experiment, Request, Summary
from benchmarks._output import markdown
from benchmarks.decay.reference import data_folder, ptb_letters, ptb_words
from benchmarks.information import speed as information
from benchmarks.nn import step_time
from benchmarks.samplers import ask_cost
from optuna_mi import DilatedRNNObjective, DilationSpace, MIGridSampler, MISampler, load_dataset
from optuna_mi.datasets import ClassificationSplit
from optuna_mi.decay.measure.counting._engine import PooledEngine
from optuna_mi.decay.measure.reading._read import flatten
from optuna_mi.decay.measure.reading._sequences import encode
from optuna_mi.search_space import DecayGeometry, IntRange

Call = Callable[[], object]
# What ours and the peer's do in one call: seconds are divided by ``units``.
Pair = tuple[Call, Call, float, str]

STEPS = ("rnn-9x20", "gru-9x20", "lstm-9x20", "gru-5x20", "gru-11x20", "rnn-9x50", "gru-9x50")
MODELS = ("lm-gru-7x256", "lm-gru-12x256")
INFORMATION = {
    "IHYLL, untrained": "IHYLL, N = 1000, 10-D, 10 classes, untrained network",
    "IHYLL, trained": "IHYLL, N = 1000, 10-D, 10 classes, trained network",
    "IXY, 784 pixels": "IXY, N = 1000, 784-D",
    "KSG, 10-D": "KSG, N = 1000, 10-D against 10-D",
}
# Peer that needs a path, or None: works compared with it.
WORKS: dict[str, Sequence[tuple[str, str | None]]] = {
    "decay, 5.6e6 characters": (("numpy.bincount", None), ("lddcalc", "lddcalc")),
    "decay, 1.1e6 words": (("numpy.unique", None), ("lddcalc", "lddcalc")),
    **dict.fromkeys(INFORMATION, (("NPEET", "npeet"), ("infomeasure", "infomeasure"))),
    **{f"step, {name}": (("pytorch-dilated-rnn", "drnn"),) for name in (*STEPS, *MODELS)},
    "ask, MISampler, 1,000 trials": (("TPESampler alone", None),),
    "ask, MIGridSampler, 1,000 cells": (("GridSampler", None),),
    "trial, psMNIST, RNN-9x20": (("plain PyTorch (views)", None), ("pytorch-dilated-rnn", "drnn")),
}


def cells(request: Request) -> list[Cell]:
    _add_paths(request)
    return [
        {"work": work, "peer": peer, "seed": seed}
        for work, peers in WORKS.items()
        for peer, path in peers
        if path is None or path in request.peers or importlib.util.find_spec(path)
        for seed in range(request.seeds)
    ]


def run(trial: optuna.Trial, cell: Cell, request: Request) -> float:
    """Return how many times as long the peer takes: the median of neighbouring measurements."""
    _add_paths(request)
    torch.set_num_threads(1)
    ours, theirs, units, unit = _pair(str(cell["work"]), str(cell["peer"]), int(cell["seed"]))
    found: list[tuple[float, float]] = []
    # the first calls compile, load and say how often to repeat
    repeats = [_repeats(call) for call in (ours, theirs)]
    started = time.process_time()
    while not found or (len(found) < 7 and time.process_time() - started < 10):
        found.append((_cpu(ours, repeats[0]), _cpu(theirs, repeats[1])))
    own, other = (median(times) / units for times in zip(*found, strict=True))
    trial.set_user_attr("ours_s", own)
    trial.set_user_attr("peer_s", other)
    trial.set_user_attr("unit", unit)
    return median(b / a for a, b in found)


def summarize(frame: pd.DataFrame, request: Request) -> Summary:
    rows = []
    for (work, peer), group in frame.groupby(["work", "peer"], sort=False):
        ratios = group["value"]
        rows.append(
            {
                "work": work,
                "ours": _time(group["ours_s"].median(), group["unit"].iloc[0]),
                "against": peer,
                "takes": _time(group["peer_s"].median(), group["unit"].iloc[0]),
                "ratio": f"{ratios.median():.3g}",
                "range": f"{ratios.min():.3g} to {ratios.max():.3g}",
            }
        )
    out = sorted({path for peers in WORKS.values() for _, path in peers if path} - _found(request))
    left = f"\n\nLeft out, for want of their path: {', '.join(out)}." if out else ""
    how = (
        "CPU time on one thread. Ratio: the peer's time over ours, both in turn in one process, "
        f"the median of up to seven pairs; median and range over {request.seeds} such rounds."
    )
    return Summary(f"{how}\n\n{markdown(rows)}{left}")


def _pair(work: str, peer: str, seed: int) -> Pair:
    kind = work.partition(",")[0]
    if kind == "decay":
        return _decay(words="words" in work, peer=peer)
    if kind == "step":
        return _step(work.removeprefix("step, "))
    if kind == "ask":
        return _ask_mi() if "MISampler" in work else _ask_grid()
    if kind == "trial":
        return _trial(peer, seed)
    functions = {"NPEET": _npeet, "infomeasure": _infomeasure}
    calls = information.works({peer: functions[peer]()})[INFORMATION[work]]
    return calls["optuna_mi"], calls[peer], 1, "call"


def _npeet() -> Callable[..., object]:
    from npeet import entropy_estimators

    return lambda x, y: entropy_estimators.mi(x, y, k=3)


def _infomeasure() -> Callable[..., object]:
    import infomeasure

    return lambda x, y: infomeasure.mutual_information(x, y, approach="ksg", k=3)


def _decay(*, words: bool, peer: str) -> Pair:
    folder = data_folder()
    sequences = encode(*flatten(ptb_words(folder) if words else ptb_letters(folder)))
    n, k = sequences.n_total, sequences.n_symbols
    engine = PooledEngine(sequences, "grassberger")
    # grouped counting measures errors at 32 lags only: enough lags to show the usual cost
    lags = np.arange(100, 356) if words else np.array([1, 2, 5, 10, 20, 50, 100, 1000])
    ours = _Scaled(lambda: engine.run(lags, n_threads=1), lags.size)
    if peer == "lddcalc":
        extension = importlib.import_module("analysis.lddcalc")
        data = sequences.codes.astype(np.uint64)
        lines = np.array([n], dtype=np.uint64)
        return ours, lambda: extension.getJointCounts(data, lines, n, 7, 1), n, "pair"
    codes = sequences.codes[:-7].astype(np.int64) * k + sequences.codes[7:]
    if words:
        return ours, lambda: np.unique(codes, return_counts=True), n, "pair"
    return ours, lambda: np.bincount(codes, minlength=k * k), n, "pair"


class _Scaled:
    """A call that does the work ``times`` over; its time counts once."""

    def __init__(self, call: Call, times: int) -> None:
        self._call, self.times = call, times

    def __call__(self) -> object:
        return self._call()


def _step(name: str) -> Pair:
    drnn = step_time.load_peer(_PATHS["drnn"])
    make = step_time.classifier if name in step_time.CLASSIFIERS else step_time.language_model
    model, peer, batch, _ = make(drnn, name, "auto")
    assert step_time.check_same_model(model, peer, batch) < 1e-4
    return step_time.stepper(model, batch), step_time.stepper(peer, batch), 1, "step"


def _ask_mi() -> Pair:
    base = optuna.samplers.TPESampler
    inside = ask_cost.finished_study(MISampler(ask_cost.SPACE, base(seed=0), seed=0), 1000)
    alone = ask_cost.finished_study(base(seed=0), 1000)
    return lambda: ask_cost.one_ask(inside), lambda: ask_cost.one_ask(alone), 1, "ask"


def _ask_grid(n_cells: int = 1000, n_finished: int = 100) -> Pair:
    settings = ask_cost.SPACE.grid(6)[:100]
    ours = MIGridSampler(ask_cost.SPACE, {"hidden": list(range(n_cells // 100))}, settings=settings)
    peer = optuna.samplers.GridSampler({"x": list(range(ours.n_cells))}, seed=0)
    studies = [optuna.create_study(sampler=sampler) for sampler in (ours, peer)]
    for study in studies:
        for _ in range(n_finished):
            study.tell(study.ask(), 0.0)
    return (
        lambda: studies[0].tell(studies[0].ask(), 0.0),
        lambda: studies[1].tell(studies[1].ask(), 0.0),
        1,
        "ask and tell",
    )


def _trial(peer: str, seed: int) -> Pair:
    """One epoch of ten batches with its probe and validation, through the objective."""
    data = load_dataset("psmnist")
    parts = {name: _first(getattr(data, name), 1280) for name in ("train", "valid", "test")}
    small = dataclasses.replace(data, **parts)
    space = DilationSpace(
        DecayGeometry("power"), (IntRange(9, 9, 9),), IntRange(256, 256, 256), max_layers=9
    )

    def objective() -> DilatedRNNObjective:
        return DilatedRNNObjective(
            small, space, cell="rnn", hidden_size=20, epochs=1, steps=10, batch_size=128, seed=seed
        )

    ours, theirs = objective(), objective()
    build = theirs.task.build
    if peer == "pytorch-dilated-rnn":
        drnn = step_time.load_peer(_PATHS["drnn"])

        def other(dilations: Sequence[int], hidden_size: int, **_: object) -> torch.nn.Module:
            model = step_time.Peer(drnn, 1, hidden_size, dilations, "rnn", 10)
            return _BatchFirst(model)

    else:

        def other(dilations: Sequence[int], hidden_size: int, **settings: object) -> object:
            return build(dilations, hidden_size, backend="views", **settings)

    theirs.task.build = other

    def call(objective: DilatedRNNObjective) -> None:
        study = optuna.create_study(study_name="speed", direction="maximize")
        study.optimize(objective, n_trials=1)

    return lambda: call(ours), lambda: call(theirs), 1, "trial"


def _first(split: ClassificationSplit, n: int) -> ClassificationSplit:
    return ClassificationSplit(split.inputs[:n], split.targets[:n])


class _BatchFirst(torch.nn.Module):
    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x.transpose(0, 1))


def _repeats(call: Call) -> int:
    first = _cpu(call, 1)
    return 1 if first > 2 else min(100, max(1, int(0.1 / max(_cpu(call, 1), 1e-6))))


def _cpu(call: Call, repeats: int) -> float:
    started = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - started) / repeats / getattr(call, "times", 1)


def _time(seconds: float, unit: str) -> str:
    scales = ((1.0, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns"))
    factor, name = next((s for s in scales if seconds * s[0] >= 0.1), scales[-1])
    return f"{seconds * factor:.3g} {name} per {unit}"


_PATHS: dict[str, object] = {}


def _add_paths(request: Request) -> None:
    for name, path in request.peers.items():
        _PATHS[name] = path
        if name != "drnn" and str(path) not in sys.path:
            sys.path.insert(0, str(path))


def _found(request: Request) -> set[str]:
    paths = {path for peers in WORKS.values() for _, path in peers if path}
    return {path for path in paths if path in request.peers or importlib.util.find_spec(path)}


EXPERIMENT = Experiment(
    name="speed",
    title="Speed against peers",
    cells=cells,
    run=run,
    summarize=summarize,
    seconds=lambda cell: 60.0 if "11x20" in str(cell["work"]) else 20.0,
)
