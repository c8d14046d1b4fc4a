"""A benchmark of four cells that takes no time, for the runner's tests."""

from benchmarks._experiment import Experiment, Summary
from benchmarks._output import markdown, plus_minus


def run(trial, cell, request):
    if request.device == "broken" and cell["seed"] == 1:
        raise ZeroDivisionError
    trial.set_user_attr("curve", [cell["layers"], cell["seed"]])
    return cell["layers"] + cell["seed"]


def summarize(frame, request):
    groups = frame.groupby("layers")["value"]
    return Summary(markdown([{"layers": n, "value": plus_minus(v, 1)} for n, v in groups]))


EXPERIMENT = Experiment(
    name="toy",
    title="A toy",
    cells=lambda request: [
        {"layers": layers, "seed": seed} for layers in (2, 3) for seed in range(request.seeds)
    ],
    run=run,
    summarize=summarize,
    seconds=lambda cell: 6.0,
    seeds=2,
)
