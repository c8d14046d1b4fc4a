"""What a benchmark is: cells to run once each, and a summary of what they gave."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import plotly.graph_objects as go

Cell = Mapping[str, str | int | float]


@dataclasses.dataclass(frozen=True)
class Request:
    """What the user asked for on the command line.

    Attributes:
        budget: "small" ends within an hour on two cores; "paper" is what the paper did.
        seeds: Seeds a cell is repeated with.
        device: Where to train.
        peers: Folders of peers' checkouts by name.
    """

    budget: str = "small"
    seeds: int = 3
    device: str = "cpu"
    peers: Mapping[str, Path] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a benchmark found.

    Attributes:
        text: Markdown: tables and what they say.
        figures: Plotly figures by title.
    """

    text: str
    figures: Mapping[str, go.Figure] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A benchmark as a resumable study: every cell is one trial.

    Attributes:
        name: The command, the study's name and the results' file name.
        title: One line.
        cells: Request to cells; a cell holds all that decides its result, a seed included.
        run: Runs one cell; returns the trial's value. What else it found it writes into the
            trial's user attributes, which become columns of the frame.
        summarize: The frame, one row a complete cell (the cell's settings, ``value``, the user
            attributes), to a summary.
        seconds: CPU seconds a cell takes on one core of a common machine.
        direction: Of the study.
        seeds: How many seeds where the user does not say.
    """

    name: str
    title: str
    cells: Callable[[Request], Sequence[Cell]]
    run: Callable[[optuna.Trial, Cell, Request], float]
    summarize: Callable[[pd.DataFrame, Request], Summary]
    seconds: Callable[[Cell], float]
    direction: str = "maximize"
    seeds: int = 3


def key_of(cell: Cell) -> str:
    """Return the cell in words, by which a study knows it.

    Example:
        >>> key_of({"layers": 4, "seed": 0})
        'layers=4 seed=0'
    """
    return " ".join(f"{name}={value}" for name, value in cell.items())


def as_frame(trials: Sequence[optuna.trial.FrozenTrial]) -> pd.DataFrame:
    """Return a row a trial: cell, value, other user attributes and CPU seconds."""
    rows: list[dict[str, Any]] = []
    for trial in trials:
        attributes = dict(trial.user_attrs)
        cell = attributes.pop("cell")
        attributes.pop("key")
        rows.append({**cell, "value": trial.value, **attributes})
    return pd.DataFrame(rows)
