"""The command ``optuna-mi analyze``: what a file holds, and how its dependence decays."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from optuna_mi._terminal import say

if TYPE_CHECKING:
    from optuna_mi.datasets._reading import FileContents, Reading
    from optuna_mi.decay import DecayAnalysis

_SYMBOLS = {"auto": None, "symbols": True, "bins": False, "ksg": False, "real": False}


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a file is read."""
    group = parser.add_argument_group("a file of your own")
    group.add_argument("--unit", help="of a text: char (default), word or byte")
    group.add_argument("--column", metavar="NAME", help="the column to read, by name or number")
    group.add_argument("--time-column", metavar="NAME", help="the column that orders the rows")
    group.add_argument(
        "--id-column", metavar="NAME", help="a column that names the series a row belongs to"
    )
    group.add_argument(
        "--label-column", metavar="NAME", help="a column of labels: search learns them"
    )
    group.add_argument("--rows", action="store_true", help="each row is a sequence")
    group.add_argument("--encoding", help="of a text or table (default: utf-8)")
    group.add_argument("--decimal", metavar="SIGN", help="the decimal sign of a table")


def add_real(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is done with real values."""
    group = parser.add_argument_group("real values")
    group.add_argument(
        "--values",
        choices=("auto", "symbols", "bins", "ksg"),
        default="auto",
        help="what numbers are: symbols; real, cut into bins; real, by nearest neighbours (ksg). "
        "By default whole numbers are symbols, unless they are many and near each other",
    )
    group.add_argument("--bins", type=int, metavar="N", help="quantile bins (default: 8)")
    group.add_argument(
        "--difference",
        type=int,
        nargs="?",
        const=1,
        default=0,
        metavar="TIMES",
        help="difference the series first (default: 0; once without a number)",
    )
    group.add_argument("--detrend", action="store_true", help="take a straight line away first")


def reading_of(arguments: argparse.Namespace) -> Reading:
    """Return what the options say of the file."""
    from optuna_mi.datasets._reading import Reading

    names = [field.name for field in fields(Reading) if field.name != "symbols"]
    symbols = _SYMBOLS[getattr(arguments, "values", "auto")]
    if symbols is None and _real_options(arguments):
        symbols = False
    return Reading(symbols=symbols, **{name: getattr(arguments, name) for name in names})


def _real_options(arguments: argparse.Namespace) -> list[str]:
    names = ("bins", "difference", "detrend")
    return [f"--{name}" for name in names if getattr(arguments, name, None)]


def read(arguments: argparse.Namespace) -> FileContents:
    """Return what is measured: all of a user's file, or the training split of a data set of ours.

    Raises:
        ValueError: It cannot be read, or an option does not go with it.
    """
    from optuna_mi.datasets._load import NAMES, check_named, find_path, load
    from optuna_mi.datasets._reading import FileContents, Reading

    reading = reading_of(arguments)
    if arguments.dataset in NAMES:
        check_named(arguments.dataset, reading)
        dataset = load(arguments.dataset, Reading())
        what = f"Data set {dataset.name}: {dataset.task}, objective {dataset.metric}"
        return FileContents(dataset.sequences, what)
    from optuna_mi.datasets._user_file import read_file

    path = find_path(arguments.dataset)
    contents = read_file(path, reading)
    asked = _real_options(arguments)
    if arguments.values in ("bins", "ksg"):
        asked.append(f"--values {arguments.values}")
    if asked and contents.unit != "value":
        raise ValueError(f"{asked[0]} is for real values, and {path.name} holds symbols")
    return contents


def measure(arguments: argparse.Namespace, contents: FileContents) -> DecayAnalysis:
    """Return the analysis of what was read.

    Raises:
        ValueError: An option does not go with the data.
    """
    from optuna_mi.decay import analyze_decay, decay_curve

    options: dict[str, Any] = {"max_lag": arguments.max_lag, "seed": arguments.seed}
    if contents.unit == "value":
        real = {"values": arguments.values, "difference": arguments.difference}
        options |= real | {"detrend": arguments.detrend}
        if arguments.bins is not None:
            options["n_bins"] = arguments.bins
        if arguments.values == "auto":
            options["values"] = "bins"
    else:
        options["values"] = "symbols"
    try:
        curve = decay_curve(contents.sequences, progress=not arguments.json, **options)
    except TypeError as error:
        # of a script it is a wrong type, of a command a wrong file
        raise ValueError(str(error)) from error
    return analyze_decay(curve, threshold=arguments.threshold, seed=arguments.seed)


def say_contents(arguments: argparse.Namespace, contents: FileContents) -> None:
    """Say in one line what the file was taken for, and what to look out for."""
    from optuna_mi.datasets._load import NAMES

    error = bool(arguments.json)
    if arguments.dataset in NAMES:
        say(contents.description, error=error)
    else:
        say(f"File {arguments.dataset}: {contents.description}", error=error)
    for note in contents.notes:
        say(f"note: {note}", error=error)


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
