"""``optuna-mi --completion bash``: the script that lets a shell complete commands and options."""

from __future__ import annotations

import argparse
from typing import Any

from optuna_mi._terminal import say
from optuna_mi.exceptions import MissingExtraError

_FILES = ("dataset", "labels", "out")


def add(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--completion",
        choices=("bash", "zsh", "tcsh"),
        action=_Print,
        help="print the script that completes commands and options in a shell",
    )


class _Print(argparse.Action):
    def __call__(
        self, parser: argparse.ArgumentParser, _: argparse.Namespace, shell: Any, *__: Any
    ) -> None:
        try:
            import shtab
        except ImportError:
            parser.error(str(MissingExtraError("shtab", "completion")))
        for command in _commands(parser):
            for action in command._actions:
                if action.dest in _FILES:
                    action.complete = shtab.FILE  # type: ignore[attr-defined]
        say(shtab.complete(parser, shell))
        parser.exit()


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    actions = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return [command for action in actions for command in action.choices.values()]
