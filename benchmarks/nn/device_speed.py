"""Milliseconds a training step on a GPU, each way of running it, with floors beside them.

    python -m benchmarks speed --device cuda [--peer drnn=PATH]

``drnn`` is a checkout of github.com/zalandoresearch/pytorch-dilated-rnn; FlashRNN takes part where
it is installed (``pip install flashrnn einops``; its compiler needs nvcc). A step is forward,
backward and Adam. Ways: Triton's kernels and PyTorch's over reshaped memory (``views``, cuDNN),
each launched kernel by kernel and as one CUDA graph; plain ``torch.nn`` layers over the reshaped
memory, which compute every position; the peers. Gradients are compared with PyTorch's in float64.
Works named "K of" are a population of K networks in one call; their time is of all K.

Each cell is measured in a process beside this one, which is replaced when a cell spoils it, and its
line is printed at once: what fails, hangs or crashes costs its own line only. It counts as done:
to measure it again, give another ``--storage``.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import math

import optuna
import pandas as pd
from tqdm.auto import tqdm

from benchmarks._experiment import Cell, Experiment, Request, Summary
from benchmarks._output import markdown
from benchmarks.nn.device_process import Apart
from benchmarks.nn.device_timing import measure
from benchmarks.nn.device_works import WORKS, Work
from optuna_mi.nn._positions import plan_stack
from optuna_mi.training._objective_settings import usable_device

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
# What is most asked for comes first: whoever ends the run early has that.
WAYS = (
    "triton, graph",
    "views, graph",
    "triton",
    "views",
    "cudnn",
    "pytorch-dilated-rnn",
    "FlashRNN",
)
# The most that a cell may take: kernels are compiled in it, FlashRNN's by nvcc.
LIMIT_SECONDS, FLASH_SECONDS = 90.0, 150.0


def cells(request: Request) -> list[Cell]:
    absent = {"pytorch-dilated-rnn"} if "drnn" not in request.peers else set()
    if importlib.util.find_spec("flashrnn") is None:
        absent.add("FlashRNN")
    return [
        {"work": name, "way": way, "seed": seed}
        for way in WAYS
        if way not in absent
        for name, work in WORKS.items()
        for seed in range(request.seeds)
        if work.models == 1 or way.startswith("triton")
    ]


@functools.cache
def _apart(device: str) -> Apart:
    usable_device(device)
    apart = Apart(measure)
    atexit.register(apart.close)
    return apart


def run(trial: optuna.Trial, cell: Cell, request: Request) -> float:
    """Return milliseconds a step; infinity where it does not run, and why as an attribute."""
    name = f"{cell['work']}, {cell['way']}"
    seconds = FLASH_SECONDS if cell["way"] == "FlashRNN" else LIMIT_SECONDS
    # On the CPU, where tests run it, nothing spoils a process.
    apart = None if request.device == "cpu" else _apart(request.device)
    try:
        if apart is None:
            found = measure(cell, request)
        else:
            found = apart.call(dict(cell), request, seconds=seconds)
    except Exception as error:  # of any kind: the others go on
        fault = str(error) if type(error) is RuntimeError else f"{type(error).__name__}: {error}"
        trial.set_user_attr("fault", fault[:300])
        tqdm.write(f"{name}: {fault.splitlines()[0] if fault else type(error).__name__}")
        return math.inf
    milliseconds = float(found.pop("ms"))
    for key, value in found.items():
        trial.set_user_attr(key, value)
    error = f", error {found['error']:.1e}" if "error" in found else ""
    tqdm.write(f"{name}: {milliseconds:.3g} ms{error}; ready after {found['first_s']:.0f} s")
    return milliseconds


def floors(work: Work) -> tuple[int, float]:
    """Return how many cells follow each other in a step's one direction, and its bytes.

    Bytes: each layer's inputs, projections, outputs and what a backward pass keeps, written once
    and read once in float32, and as much for their gradients.
    """
    plan = plan_stack(work.steps, work.dilations, None if work.language else 1)
    sequential = sum(len(layer.block_sizes) for layer in plan.layers)
    gates = GATES[work.cell]
    numbers = sum(
        len(layer.positions) * work.batch * work.hidden * (2 * gates + 4) for layer in plan.layers
    )
    return sequential, 4.0 * 2 * 2 * numbers * work.models


def summarize(frame: pd.DataFrame, request: Request) -> Summary:
    rows = []
    for name, work in WORKS.items():
        here = frame[frame["work"] == name]
        if here.empty:
            continue
        sequential, moved = floors(work)
        row: dict[str, object] = {"ms a step": name}
        for way in WAYS:
            values = here[(here["way"] == way) & here["value"].map(math.isfinite)]["value"]
            row[way] = f"{values.median():.3g}" if len(values) else "–"
        row["steps in sequence"] = 2 * sequential
        rates = here["bandwidth"].dropna() if "bandwidth" in here else pd.Series(dtype=float)
        row["ms to move its bytes"] = f"{1e3 * moved / rates.median():.2g}" if len(rates) else "–"
        if "error" in here:
            for way in ("triton", "views"):
                errors = here[here["way"] == way]["error"].dropna()
                row[f"error, {way}"] = f"{errors.iloc[0]:.1e}" if len(errors) else "–"
        rows.append(row)
    cards = sorted(set(frame["card"].dropna())) if "card" in frame else []
    how = (
        f"On {', '.join(cards) or 'no card'}. Wall time of a training step, median of five rounds "
        f"and of {request.seeds} seed(s). Steps in sequence: cells that wait for each other, "
        "forward and backward; what a launch a cell would cost is what a fused kernel saves. "
        "Bytes: at the rate of a large copy on that card. Products may use TF32 in all ways, as "
        'those of cuDNN do by default: `torch.set_float32_matmul_precision("high")`.'
    )
    faults = frame[frame["fault"].notna()] if "fault" in frame else frame[:0]
    failed = [f"- {f.work}, {f.way}: {f.fault}" for f in faults.itertuples()]
    ways = set(frame["way"])
    if "pytorch-dilated-rnn" not in ways:
        failed.append("- pytorch-dilated-rnn: left out, for want of its path (--peer drnn=PATH)")
    if "FlashRNN" not in ways:
        failed.append("- FlashRNN: left out, it is not installed (pip install flashrnn einops)")
    return Summary("\n".join([how, "", markdown(rows), "", *failed]).rstrip())


EXPERIMENT = Experiment(
    name="speed-gpu",
    title="A training step on a GPU, each way of running it",
    cells=cells,
    run=run,
    summarize=summarize,
    seconds=lambda cell: 8.0,
    direction="minimize",
    seeds=1,
)
