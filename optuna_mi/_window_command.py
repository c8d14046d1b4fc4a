"""The command ``optuna-mi window``: how long a model's window should be."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna_mi.context import Window
    from optuna_mi.datasets._reading import FileContents


def add_window(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--horizon", type=int, default=1, help="steps ahead that are predicted (default: 1)"
    )
    parser.add_argument(
        "--max-context", type=int, help="the longest window to consider (default: by the data)"
    )
    parser.add_argument(
        "--values",
        choices=("auto", "symbols", "real"),
        default="auto",
        help="what numbers are; by default whole ones are symbols, unless they are many and near "
        "each other",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def recommend(arguments: argparse.Namespace, contents: FileContents) -> Window:
    """Return the window for what was read.

    Raises:
        ValueError: The data are too short for the horizon or the window.
    """
    from optuna_mi.context import recommend_window

    try:
        return recommend_window(
            contents.sequences,
            horizon=arguments.horizon,
            max_context=arguments.max_context,
            values="real" if contents.unit == "value" else "symbols",
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
