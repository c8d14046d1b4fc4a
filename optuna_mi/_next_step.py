"""What to do with an analysis: dilations, ranges, a window, and the lines that use them."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna_mi.decay import DecayAnalysis

# options of analyze that search does not have: it would measure something else
_NOT_OF_SEARCH = {"difference": 0, "detrend": False}
# what a curve's note says of the series, and the option that helps
_FIRST = {"look like a random walk": "--difference", "look like a trend": "--detrend"}


def next_step(
    arguments: argparse.Namespace, analysis: DecayAnalysis, saved: Path
) -> dict[str, Any]:
    """Return what to do with an analysis, for ``--json`` and for the terminal.

    Args:
        arguments: Of ``optuna-mi analyze``.
        analysis: What it found.
        saved: Its ``analysis.json``.

    Returns:
        ``dilations`` (list of int), ``window`` (steps that hold the largest of them),
        ``ranges`` (parameter to lowest and highest value), ``reason``, ``python``, and
        ``command``, which is ``None`` where ``optuna-mi search`` cannot read the data so.
    """
    from optuna_mi.search_space import DilationSpace

    space = DilationSpace.from_analysis(analysis)
    dilations = space.dilations(space.recommended)
    ranges = {f"n_layers_{i}": (r.low, r.high) for i, r in enumerate(space.layers)}
    ranges["max_dilation"] = (space.max_dilation.low, space.max_dilation.high)
    return {
        "dilations": list(dilations),
        "window": max(dilations) + 1,
        "ranges": ranges,
        "reason": analysis.max_dilation_reason,
        "python": (
            "space = optuna_mi.DilationSpace.from_analysis("
            f"optuna_mi.decay.DecayAnalysis.load({saved.as_posix()!r}))"
        ),
        "command": _search(arguments, analysis.curve.notes),
    }


def _search(arguments: argparse.Namespace, notes: tuple[str, ...]) -> str | None:
    from optuna_mi.datasets._reading import Reading

    if arguments.dataset == "-":
        return None
    if any(getattr(arguments, name) != usual for name, usual in _NOT_OF_SEARCH.items()):
        return None
    command = ["optuna-mi", "search", arguments.dataset]
    usual: dict[str, Any] = {"max_lag": None, "threshold": 1e-5, "seed": 0, "out": None}
    usual |= {"values": "auto", "bins": None}
    usual |= {f.name: f.default for f in fields(Reading) if hasattr(arguments, f.name)}
    for name, default in usual.items():
        value = getattr(arguments, name)
        if value != default:
            option = f"--{name.replace('_', '-')}"
            command += [option] if value is True else [option, str(value)]
    if any("have no value" in note for note in notes):  # which a curve leaves out, and no network
        command += ["--fill", "previous"]
    return shlex.join(command)


def say_next(step: dict[str, Any], law: str, notes: tuple[str, ...] = ()) -> str:
    """Return the step as text; a note of the curve may call for another one first."""
    dilations = ", ".join(map(str, step["dilations"]))
    if law == "none":
        lines = [
            "Next: no dependence was found: there is nothing to connect. Check in the first line "
            "how the file was read, or measure more data. To go on all the same:"
        ]
    elif look := next((option for what, option in _FIRST.items() if what in " ".join(notes)), None):
        lines = [
            f"Next: measure again with {look} (see the warning); do not trust the rest before that:"
        ]
    else:
        lines = ["Next: train a network with one layer per distance below, or search around them."]
    ranges = ", ".join(
        f"{name} {low:,}" if low == high else f"{name} {low:,} to {high:,}"
        for name, (low, high) in step["ranges"].items()
    )
    lines += [
        f"  dilations  {dilations} (steps each layer looks back)",
        f"  window     at least {step['window']:,} steps per training sequence",
        f"  ranges     {ranges} (what a search tries)",
        f"  Python     {step['python']}",
    ]
    if step["command"] is not None:
        lines.append(f"  command    {step['command']}")
    return "\n".join(lines)
