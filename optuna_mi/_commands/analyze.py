"""The command ``optuna-mi analyze``: what a file holds, and how its dependence decays."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from optuna_mi._commands import common, options
from optuna_mi._terminal import say

if TYPE_CHECKING:
    from optuna_mi.datasets._reading import FileContents
    from optuna_mi.decay import DecayAnalysis


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "analyze", parents=[options.source(), options.curve()], help="the decay curve alone"
    )
    parser.add_argument(
        "--baseline",
        choices=("auto", "shuffle", "within", "across"),
        default="auto",
        help="what counts as chance: all orders of the symbols (shuffle), the orders within each "
        "sequence, so that what sequences consist of is no dependence (within), or the same places "
        "of other sequences (across). By default across where all have one length, else shuffle",
    )
    parser.add_argument(
        "--difference",
        type=int,
        nargs="?",
        const=1,
        default=0,
        metavar="TIMES",
        help="difference a real series first (default: 0; once without a number)",
    )
    parser.add_argument(
        "--detrend", action="store_true", help="take a straight line away from a real series first"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object on standard output, and the rest on standard error",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Read, measure, say what was found and what to do, and write it down."""
    # errors come before the imports that measuring needs
    contents = common.read(arguments)
    common.say_contents(arguments, contents)
    common.set_logging(arguments)
    folder = common.folder_of(arguments)
    analysis = measure(arguments, contents)
    contents = dataclasses.replace(contents, sequences=())  # the report needs memory too
    if not arguments.json:
        say(f"{analysis.summary()}\n")
        say(lag_table(analysis))
    from optuna_mi._analysis_files import write_analysis, write_figure
    from optuna_mi._next_step import next_step, say_next

    step = next_step(arguments, analysis, folder / "analysis.json")
    if not arguments.json:
        say(f"\n{say_next(step, analysis.law, analysis.curve.notes)}")
    paths = [*write_analysis(analysis, folder), write_figure(analysis, folder)]
    if arguments.json:
        say(as_json(arguments, contents, analysis, step))
    else:
        common.say_paths(paths)


def measure(arguments: argparse.Namespace, contents: FileContents) -> DecayAnalysis:
    """Return the analysis of what was read.

    Raises:
        ValueError: An option does not go with the data.
    """
    from optuna_mi.decay import analyze_decay, decay_curve

    settings: dict[str, Any] = {"max_lag": arguments.max_lag, "seed": arguments.seed}
    settings["baseline"] = arguments.baseline
    if contents.unit == "value":
        real = {"values": arguments.values, "difference": arguments.difference}
        settings |= real | {"detrend": arguments.detrend}
        if arguments.bins is not None:
            settings["n_bins"] = arguments.bins
        if arguments.values == "auto":
            settings["values"] = "bins"
    else:
        settings["values"] = "symbols"
    try:
        curve = decay_curve(
            contents.sequences, progress=not (arguments.json or arguments.quiet), **settings
        )
    except TypeError as error:
        # of a script it is a wrong type, of a command a wrong file
        raise ValueError(str(error)) from error
    return analyze_decay(curve, threshold=arguments.threshold, seed=arguments.seed)


# of the curve's columns those that a person needs; curve.csv has all
_COLUMNS = ("lag", "mi", "baseline", "mi_corrected", "std_error", "floor", "n_pairs")


def lag_table(analysis: DecayAnalysis, n: int = 16) -> str:
    """Return the curve at about ``n`` log-spaced lags, and at those that the verdict names."""
    curve = analysis.curve
    rows = {round(len(curve) ** (i / (n - 1))) - 1 for i in range(n)}
    named = {c.period for c in analysis.periods} | {d.distance for d in analysis.delays}
    if analysis.period is not None:
        named.add(analysis.period)
    rows |= {i for i, lag in enumerate(curve.lags.tolist()) if lag in named}
    found = curve.to_columns()
    columns = []
    for name in (c for c in _COLUMNS if c in found):
        few = found[name][sorted(rows)].tolist()
        columns.append([name, *(f"{v:.3g}" if isinstance(v, float) else str(v) for v in few)])
    widths = [max(map(len, cells)) for cells in columns]
    lines = (" " + "  ".join(map(str.rjust, line, widths)) for line in zip(*columns, strict=True))
    units = "MI in nats (1 nat is 1.44 bits); mi_corrected = mi - baseline; below floor is chance"
    return "\n".join((units, *lines))


def as_json(
    arguments: argparse.Namespace,
    contents: FileContents,
    analysis: DecayAnalysis,
    step: dict[str, Any],
) -> str:
    """Return for machines what the command says to people."""
    import json

    found = json.loads(analysis.to_json())
    told = {"file": arguments.dataset, "read_as": contents.description, "notes": contents.notes}
    told |= {"next": step, "summary": analysis.summary()}
    return json.dumps(told | {"analysis": found})
