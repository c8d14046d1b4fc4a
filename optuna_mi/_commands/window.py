"""The command ``optuna-mi window``: how long a model's window should be."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from optuna_mi._commands import common, options
from optuna_mi._terminal import say

if TYPE_CHECKING:
    from optuna_mi.context import Window
    from optuna_mi.datasets._reading import FileContents


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "window", parents=[options.source()], help="how long a window should be"
    )
    parser.add_argument(
        "--horizon", type=int, default=1, help="steps ahead that are predicted (default: 1)"
    )
    parser.add_argument(
        "--max-context",
        "--max-lag",
        type=int,
        help="the longest window to consider (default: by the data)",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=0.01,
        metavar="SHARE",
        help="of all that can be learnt, what a shorter window may lose (default: 0.01)",
    )
    parser.add_argument(
        "--values",
        choices=("auto", "symbols", "real"),
        default="auto",
        help="how numbers are read; by default whole ones are symbols, unless they take many "
        "values and change little from step to step",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    for option, why in _OF_THE_CURVE.items():
        parser.add_argument(option, help=argparse.SUPPRESS, action=_OfTheCurve, why=why)
    parser.set_defaults(run=run)


# options of analyze that somebody may try here
_OF_THE_CURVE = {
    "--threshold": "a window ends by the share that it may lose: use --tolerance",
    "--seed": "nothing in window is random: leave it out",
}


class _OfTheCurve(argparse.Action):
    """An option that another command has."""

    def __init__(self, *names: Any, why: str, **rest: Any) -> None:
        super().__init__(*names, **rest)
        self._why = why

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        parser.error(f"{self.option_strings[0]} is not for this command: {self._why}")


def run(arguments: argparse.Namespace) -> None:
    """Read, recommend, and write it down."""
    contents = common.read(arguments)
    common.say_contents(arguments, contents)
    common.set_logging(arguments)
    folder = common.folder_of(arguments)
    window = recommend(arguments, contents)
    say(window.to_json() if arguments.json else window.summary())
    paths = write_window(window, folder)
    if not arguments.json:
        common.say_paths(paths)


def recommend(arguments: argparse.Namespace, contents: FileContents) -> Window:
    """Return the window for what was read.

    Raises:
        ValueError: The data are too short for the horizon or the window.
    """
    from optuna_mi.context import recommend_window

    values: Literal["auto", "symbols", "real"] = "symbols"
    if contents.unit == "value":
        values = "real"
    elif contents.unit == "symbol" and arguments.values == "auto":
        values = "auto"
    try:
        return recommend_window(
            contents.sequences,
            horizon=arguments.horizon,
            max_context=arguments.max_context,
            tolerance=arguments.tolerance,
            values=values,
        )
    except TypeError as error:
        # of a script it is a wrong type, of a command a wrong file
        raise ValueError(str(error)) from error


def write_window(window: Window, folder: Path) -> list[Path]:
    """Write the window as JSON and its curve as a figure."""
    from optuna_mi.visualization import plot_context_curve

    folder.mkdir(parents=True, exist_ok=True)
    record, figure = folder / "window.json", folder / "window.html"
    window.save(record)
    plot_context_curve(window.curve).write_html(figure)
    return [record, figure]
