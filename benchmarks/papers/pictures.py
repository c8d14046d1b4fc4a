"""A benchmark's figures as PNG, for the docs; needs kaleido and a Chrome.

    python -m benchmarks.papers.pictures learning-rate --storage URL --out docs/images

Runs nothing: what the study holds is drawn, NAME-0.png, NAME-1.png, ... in the page's order.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from benchmarks.__main__ import MODULES
from benchmarks._experiment import Request, as_frame
from benchmarks._runner import complete, study_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=MODULES)
    parser.add_argument("--budget", choices=("small", "paper"), default="small")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--storage", default="sqlite:///benchmarks.db")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", type=int, help="numbers of the figures")
    arguments = parser.parse_args()
    experiment = importlib.import_module(MODULES[arguments.name]).EXPERIMENT
    request = Request(arguments.budget, arguments.seeds or experiment.seeds)
    study = study_of(experiment, request, arguments.storage)
    frame = as_frame(complete(study, list(experiment.cells(request))))
    figures = experiment.summarize(frame, request).figures
    for number, figure in enumerate(figures.values()):
        if arguments.only is None or number in arguments.only:
            width, height = figure.layout.width or 900, figure.layout.height or 450
            path = arguments.out / f"{experiment.name}-{number}.png"
            figure.write_image(path, width=width, height=height)
            print(path)


if __name__ == "__main__":
    main()
