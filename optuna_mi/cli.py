"""The command ``optuna-mi``: what was asked, and what becomes of an error."""

from __future__ import annotations

import argparse
import difflib
import signal
import traceback
from collections.abc import Sequence

from optuna_mi import __version__
from optuna_mi._commands import analyze, completion, report, requeue, search, status, window
from optuna_mi._interruption import Interrupted
from optuna_mi._terminal import any_terminal, say, talking
from optuna_mi.exceptions import MissingExtraError

_INTERRUPTED = "optuna-mi: interrupted; run the same command again to go on"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments; those of the process when None.

    Returns:
        0, or 2 after bad input, which is told in one message on standard error; 128 and
        the signal's number after one, which is 130 after Ctrl-C.
    """
    with any_terminal():
        arguments = _parsed(argv)
        with talking(quiet=arguments.quiet):
            return _run(arguments)


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments, or end with the command's usage and the option that may be meant."""
    arguments, unknown = _parser().parse_known_args(argv)
    if unknown:
        command: argparse.ArgumentParser = arguments.command
        known = [name for name in command._option_string_actions if name.startswith("--")]
        near = difflib.get_close_matches(unknown[0].partition("=")[0], known, 1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        command.error(
            f"unrecognized arguments: {' '.join(unknown)}{meant}; {command.prog} --help lists all"
        )
    return arguments


def _run(arguments: argparse.Namespace) -> int:
    try:
        arguments.run(arguments)
    except (ValueError, OSError, MissingExtraError) as error:
        # What this package raises at the door; anything else is a defect and keeps its traceback.
        if arguments.verbose:
            traceback.print_exc()
        say(f"optuna-mi: error: {_full_disk(error) or error}", error=True)
        return 2
    except (KeyboardInterrupt, Interrupted) as error:
        say(_INTERRUPTED, error=True)
        return 128 + getattr(error, "signum", signal.SIGINT)
    except Exception as error:
        # What Ctrl-C becomes within a compiled kernel.
        if isinstance(error, SystemError) and isinstance(error.__cause__, KeyboardInterrupt):
            say(_INTERRUPTED, error=True)
            return 128 + signal.SIGINT
        from optuna_mi._storage_trouble import trouble

        found = trouble(error)
        if found is None:
            raise
        say(f"optuna-mi: error: {found.text}", error=True)
        return 2
    return 0


def _full_disk(error: Exception) -> str | None:
    if not isinstance(error, OSError) or error.errno is None:
        return None  # as most errors, and without the imports of a storage
    from optuna_mi._storage_trouble import FULL, trouble

    found = trouble(error) if error.errno in FULL else None
    return None if found is None else found.text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="optuna-mi", description="Look at the data, then search the network's time scales."
    )
    parser.add_argument("--version", action="version", version=__version__)
    completion.add(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (analyze, window, search, report, status, requeue):
        command.add(commands)
    for subparser in commands.choices.values():
        subparser.set_defaults(command=subparser)
    return parser
