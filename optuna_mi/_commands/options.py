"""Options that several subcommands share, and what they say."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna_mi.datasets._reading import Reading

STORAGE = (
    "sqlite:///PATH, journal:PATH, grpc://HOST:PORT or postgresql://...; env:NAME or file:PATH for "
    "a URL that others must not see"
)
_KINDS = (
    "text, FASTA, .csv, .tsv, .parquet, .json, .jsonl, .npy, .npz, .ts, .tsf or .arff, packed by "
    "gzip or not; - for standard input"
)
_SYMBOLS = {"auto": None, "symbols": True, "bins": False, "ksg": False, "real": False}


def talk() -> argparse.ArgumentParser:
    """Return what every subcommand can be told: how much to say."""
    parser = argparse.ArgumentParser(add_help=False)
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--quiet",
        action="store_true",
        help="only results, warnings and errors: no progress, no other messages",
    )
    how.add_argument(
        "--verbose",
        action="store_true",
        help="also what Optuna says of each trial, and where an error came from",
    )
    return parser


def source() -> argparse.ArgumentParser:
    """Return the options that say what is read, and where results go."""
    parser = argparse.ArgumentParser(add_help=False, parents=[talk()])
    parser.add_argument(
        "dataset",
        nargs="?",
        default="digits",
        help=f"digits (default), pdigits, smnist, psmnist, ptb-char, ptb-word, or a file: {_KINDS}",
    )
    parser.add_argument("--out", type=Path, help="output folder (default: optuna-mi-out/DATASET)")
    group = parser.add_argument_group("a file of your own")
    group.add_argument("--unit", help="read a text by char (default), word or byte")
    group.add_argument("--column", metavar="NAME", help="the column to read, by name or number")
    group.add_argument("--time-column", metavar="NAME", help="the column that orders the rows")
    group.add_argument(
        "--id-column", metavar="NAME", help="a column that names the series a row belongs to"
    )
    group.add_argument(
        "--label-column", metavar="NAME", help="a column of labels: search learns them"
    )
    group.add_argument(
        "--labels",
        metavar="FILE",
        help="a file with one label per line, for each sequence in order",
    )
    group.add_argument(
        "--rows", action="store_true", help="each row of a table, or line of a text, is a sequence"
    )
    group.add_argument(
        "--format", metavar="ENDING", help="read it as if its name ended so: csv, tsv, json, txt, …"
    )
    group.add_argument("--encoding", help="of a text or table (default: utf-8)")
    group.add_argument("--decimal", metavar="SIGN", help="the decimal sign of a table")
    return parser


def curve() -> argparse.ArgumentParser:
    """Return the options that say how the decay curve is measured."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--max-lag",
        type=int,
        help="largest distance of the decay curve (default: a tenth of the data, at most 16384)",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        default=1e-5,
        help="nats below which dependence ends (default: 1e-05)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of all random numbers (default: 0)"
    )
    real = parser.add_argument_group("real values")
    real.add_argument(
        "--values",
        choices=("auto", "symbols", "bins", "ksg"),
        default="auto",
        help="how numbers are read: as symbols; as real values in bins; as real values by nearest "
        "neighbours (ksg). By default whole numbers are symbols, unless they take many values "
        "and change little from step to step",
    )
    real.add_argument("--bins", type=int, metavar="N", help="quantile bins (default: 8)")
    return parser


def add_study(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a study that exists."""
    parser.add_argument("study", help="the study's name")
    parser.add_argument("--storage", required=True, help=STORAGE)


def reading_of(arguments: argparse.Namespace) -> Reading:
    """Return what the options say of the file."""
    from optuna_mi.datasets._reading import Reading

    names = [field.name for field in fields(Reading) if hasattr(arguments, field.name)]
    symbols = _SYMBOLS[arguments.values]
    if symbols is None and real_options(arguments):
        symbols = False
    return Reading(symbols=symbols, **{name: getattr(arguments, name) for name in names})


def real_options(arguments: argparse.Namespace) -> list[str]:
    """Return which options were given that are for real values alone."""
    names = ("bins", "difference", "detrend")
    asked = [f"--{name}" for name in names if getattr(arguments, name, None)]
    if arguments.values in ("bins", "ksg", "real"):
        asked.append(f"--values {arguments.values}")
    return asked
