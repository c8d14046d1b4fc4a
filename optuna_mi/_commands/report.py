"""The command ``optuna-mi report``: the report of a study, also while it runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from optuna_mi._commands import common, options


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "report", parents=[options.talk()], help="the report of a study, also while it runs"
    )
    options.add_study(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("report.html"), help="default: report.html"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Write the report."""
    study = common.study_of(arguments)
    from optuna_mi.report import write_report

    common.say_trials(study)
    common.say_paths([write_report(study, arguments.out)])
