"""The command ``optuna-mi status``: how far a study is, and who is at work."""

from __future__ import annotations

import argparse
from typing import Any

from optuna_mi._commands import common, options
from optuna_mi._terminal import say


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "status", parents=[options.talk()], help="how far a study is, and who is at work"
    )
    options.add_study(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Say how far the study is."""
    study = common.study_of(arguments)
    from optuna_mi._status_and_requeue import status_text

    say(status_text(study))
