"""What several subcommands do: read, say what was read, find the folder and the study."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optuna_mi._commands.options import reading_of, real_options
from optuna_mi._commands.standard_input import saved
from optuna_mi._terminal import inform, say

if TYPE_CHECKING:
    import optuna

    from optuna_mi.datasets import Dataset
    from optuna_mi.datasets._reading import FileContents


def read(arguments: argparse.Namespace) -> FileContents:
    """Return what is measured: all of a user's file, or the training split of a data set of ours.

    Raises:
        ValueError: It cannot be read, or an option does not go with it.
    """
    from optuna_mi.datasets._load import NAMES, check_named, find_path, load_named
    from optuna_mi.datasets._reading import FileContents

    reading = reading_of(arguments)
    if arguments.dataset in NAMES:
        check_named(arguments.dataset, reading)
        dataset = load_named(arguments.dataset)
        return FileContents(dataset.sequences, _named(dataset))
    from optuna_mi.datasets._user_file import read_file

    path = saved() if arguments.dataset == "-" else find_path(arguments.dataset)
    contents = read_file(path, reading)
    _check_real(arguments, path, contents)
    return contents


def load(arguments: argparse.Namespace) -> Dataset:
    """Return the data set that is searched on, and say what it was taken for.

    Raises:
        ValueError: It cannot be read, or an option does not go with it.
    """
    from optuna_mi.datasets._load import NAMES, check_named, find_path, load_named

    reading = reading_of(arguments)
    if arguments.dataset == "-":
        raise ValueError("search reads the data again in every worker and every run: save a file")
    if arguments.dataset in NAMES:
        check_named(arguments.dataset, reading)
        dataset = load_named(arguments.dataset)
    else:
        from optuna_mi.datasets._user_file import read_unchecked

        path = find_path(arguments.dataset)
        contents = read_unchecked(path, reading)
        _check_real(arguments, path, contents)
        say_contents(arguments, contents)
        from optuna_mi.datasets._file_dataset import dataset_of

        dataset = dataset_of(path, contents, reading)
    inform(_named(dataset))
    return dataset


def _check_real(arguments: argparse.Namespace, path: Path, contents: FileContents) -> None:
    asked = real_options(arguments)
    if asked and contents.unit != "value":
        raise ValueError(f"{asked[0]} is for real values, and {path.name} holds symbols")


def _named(dataset: Dataset) -> str:
    return f"Data set {dataset.name}: {dataset.task}, objective {dataset.metric}"


def say_contents(arguments: argparse.Namespace, contents: FileContents) -> None:
    """Say in one line what the file was taken for, and what to look out for."""
    from optuna_mi.datasets._load import NAMES

    error = bool(getattr(arguments, "json", False))
    file = "" if arguments.dataset in NAMES else f"File {arguments.dataset}: "
    file = "standard input: " if arguments.dataset == "-" else file
    inform(f"{file}{contents.description}", error=error)
    for note in contents.notes:
        say(f"note: {note}", error=error)


def set_logging(arguments: argparse.Namespace) -> None:
    """Leave the terminal to the progress bar and the results, unless more or less is wanted."""
    import optuna
    from optuna.exceptions import ExperimentalWarning

    optuna.logging.set_verbosity(
        optuna.logging.INFO if arguments.verbose else optuna.logging.WARNING
    )
    # Our own messages are few, and tell why something takes long (downloads, compilation).
    level = optuna.logging.WARNING if arguments.quiet else optuna.logging.INFO
    optuna.logging.get_logger("optuna.mi").setLevel(level)
    warnings.simplefilter("ignore", ExperimentalWarning)


def folder_of(arguments: argparse.Namespace) -> Path:
    """Return where results go, after a look whether they can."""
    from optuna_mi._folder import check_folder

    # Of "...txt" the stem is "..", which would lead out of the folder.
    stem = Path(arguments.dataset).stem.strip(".") or "data"
    stem = "stdin" if stem == "-" else stem
    folder: Path = arguments.out or Path("optuna-mi-out") / stem
    check_folder(folder)
    return folder


def study_of(arguments: argparse.Namespace) -> optuna.Study:
    """Return the study that was named.

    Raises:
        ValueError: There is none of that name.
    """
    import optuna

    set_logging(arguments)
    from optuna_mi._storage import find_study, open_existing
    from optuna_mi._storage_url import read_url, safe_url

    url = read_url(arguments.storage)
    storage = open_existing(url)
    study = find_study(storage, arguments.study)
    if study is None:
        names = ", ".join(optuna.get_all_study_names(storage)) or "none"
        raise ValueError(
            f"There is no study {arguments.study!r} in {safe_url(url)}; studies there: {names}"
        )
    return study


def say_trials(study: optuna.Study) -> None:
    """Say which trials are the best."""
    from optuna_mi.report import COLUMNS, trial_table

    table = trial_table(study)
    if table.empty:
        say("\nNo trial has a value yet")
        return
    say("\nBest trials")
    say(table.to_string(index=False, float_format=lambda x: f"{x:.4g}", na_rep="-"))
    say(COLUMNS)


def say_paths(paths: Sequence[Path]) -> None:
    """Say which files were written."""
    inform("\nWritten")
    for path in paths:
        inform(f"  {path}")
