"""``python -m benchmarks``: the papers' experiments and ours, one command each."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks._experiment import Experiment, Request, as_frame, key_of
from benchmarks._output import write
from benchmarks._runner import complete, quiet, study_of, work, work_together
from optuna_mi.exceptions import MissingExtraError

# name: the module that holds its EXPERIMENT
MODULES = {
    "table1": "benchmarks.papers.table1",
    "table2": "benchmarks.papers.table2",
    "table3": "benchmarks.papers.table3",
    "figure3": "benchmarks.papers.figure3",
    "sample-size": "benchmarks.papers.sample_size",
    "learning-rate": "benchmarks.papers.learning_rate",
    "all-cnn": "benchmarks.papers.all_cnn",
    "schedules": "benchmarks.schedules.compare",
    "search": "benchmarks.worth.search",
    "forecast": "benchmarks.worth.forecast",
    "ablation": "benchmarks.worth.ablation",
    "speed": "benchmarks.speed",
    "speed-gpu": "benchmarks.nn.device_speed",
}
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.name is None:
        for name, module in MODULES.items():
            print(f"{name:14} {importlib.import_module(module).EXPERIMENT.title}")
        return
    quiet()
    if arguments.name == "speed" and arguments.device != "cpu":
        arguments.name = "speed-gpu"
    module = MODULES[arguments.name]
    experiment: Experiment = importlib.import_module(module).EXPERIMENT
    seeds = arguments.seeds or experiment.seeds
    peers = {name: Path(path) for name, path in (pair.split("=", 1) for pair in arguments.peer)}
    request = Request(arguments.budget, seeds, arguments.device, peers)
    every = list(experiment.cells(request))
    only = dict(pair.split("=", 1) for pair in arguments.only)
    unknown = sorted(only.keys() - every[0].keys())
    if unknown:
        raise ValueError(f"--only {unknown[0]}: the cells have {', '.join(every[0])}")
    cells = [c for c in every if all(str(c[name]) == value for name, value in only.items())]
    if not cells:
        raise ValueError(f"--only {' '.join(arguments.only)}: no such cell")
    study = study_of(experiment, request, arguments.storage)
    done = {trial.user_attrs["key"] for trial in complete(study, cells)}
    missing = [cell for cell in cells if key_of(cell) not in done]
    minutes = sum(map(experiment.seconds, missing)) / 60
    print(
        f"{experiment.title}\n{len(cells)} cells, {len(missing)} to run: about {minutes:.0f} CPU "
        f"minutes, {minutes / arguments.workers:.0f} minutes with {arguments.workers} worker(s)"
    )
    if arguments.estimate:
        return
    if missing and not arguments.summary:
        if arguments.workers == 1:
            work(experiment, request, study, cells, bar=True)
        else:
            work_together(module, request, arguments.storage, cells, arguments.workers)
    frame = as_frame(complete(study, every))
    if frame.empty:
        raise ValueError("No cell is complete yet")
    if len(frame) < len(every):
        print(
            f"{len(every) - len(frame)} of {len(every)} cells are not complete (those of a killed "
            "worker are free again after two minutes)"
        )
    summary = experiment.summarize(frame, request)
    print(f"\n{summary.text}\n")
    paths = write(experiment, request, frame, summary, arguments.out, only=arguments.only)
    print("Written", *paths, sep="\n  ")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=MODULES, help="without one: list them")
    parser.add_argument("--budget", choices=("small", "paper"), default="small")
    parser.add_argument("--seeds", type=int, help="at least 3 for an average that means something")
    parser.add_argument("--storage", default="sqlite:///benchmarks.db", help="an Optuna storage")
    parser.add_argument("--workers", type=int, default=1, help="local processes")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="KEY=VALUE", help="only such cells"
    )
    parser.add_argument("--peer", nargs="*", default=[], metavar="NAME=PATH", help="checkouts")
    parser.add_argument(
        "--out", type=Path, default=RESULTS, help="never written over a table with other cells"
    )
    parser.add_argument("--estimate", action="store_true", help="say how long it takes, and end")
    parser.add_argument("--summary", action="store_true", help="run nothing; sum up what is there")
    return parser


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError, RuntimeError, MissingExtraError) as error:
        sys.exit(f"error: {error}")
