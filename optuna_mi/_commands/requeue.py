"""The command ``optuna-mi requeue``: run the trials of killed workers again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from optuna_mi._commands import common, options
from optuna_mi._terminal import say


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "requeue",
        parents=[options.talk()],
        help="run the trials of killed workers again (where there is no heartbeat)",
    )
    options.add_study(parser)
    parser.add_argument(
        "--older-than",
        type=float,
        default=0.0,
        metavar="MINUTES",
        help="only trials that started longer ago (default: 0, all that are running)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Queue them, and say which."""
    from optuna_mi._status_and_requeue import MAX_RETRIES, requeue

    queued, given_up = requeue(common.study_of(arguments), older_than=60 * arguments.older_than)
    say(f"Requeued {_listed(queued)}")
    if given_up:
        say(
            f"Gave up {_listed(given_up)} (failed, not queued again: "
            f"already retried {MAX_RETRIES} times)"
        )


def _listed(numbers: Sequence[int]) -> str:
    return f"{len(numbers)} trials{': ' if numbers else ''}{', '.join(map(str, numbers))}"
