"""The command ``optuna-mi``."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna_mi import __version__
from optuna_mi._interruption import Interrupted
from optuna_mi._terminal import say
from optuna_mi.exceptions import MissingExtraError

if TYPE_CHECKING:
    import optuna

    from optuna_mi._main_job import Job
    from optuna_mi.datasets import Dataset
    from optuna_mi.decay import DecayAnalysis

# Repeated from _command_parts, whose import takes a second that --help need not.
_SAMPLERS = ("mi", "grid", "tpe", "random")
_PRUNERS = ("ihyll", "median", "hyperband", "none")
_POLICIES = ("reference", "change", "none")
_STORAGE_HELP = (
    "sqlite:///PATH, journal:PATH, grpc://HOST:PORT or postgresql://…; env:NAME or file:PATH for a "
    "URL that others must not see"
)
_INTERRUPTED = "optuna-mi: interrupted; run the same command again to go on"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments; those of the process when None.

    Returns:
        0, or 2 after bad input, which is told in one message on standard error; 128 and
        the signal's number after one, which is 130 after Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    try:
        _quiet()
        arguments.run(arguments)
    except (ValueError, OSError, MissingExtraError) as error:
        # What this package raises at the door; anything else is a defect and keeps its traceback.
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
    from optuna_mi._storage_trouble import FULL, trouble

    found = trouble(error) if isinstance(error, OSError) and error.errno in FULL else None
    return None if found is None else found.text


def _quiet() -> None:
    """Leave the terminal to the progress bar and the results."""
    import optuna
    from optuna.exceptions import ExperimentalWarning

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Our own messages are few, and tell why something takes long (downloads, compilation).
    optuna.logging.get_logger("optuna.mi").setLevel(optuna.logging.INFO)
    warnings.simplefilter("ignore", ExperimentalWarning)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="optuna-mi", description="Look at the data, then search the network's time scales."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    data = argparse.ArgumentParser(add_help=False)
    data.add_argument(
        "dataset",
        nargs="?",
        default="digits",
        help="digits (default), pdigits, smnist, psmnist, ptb-char, ptb-word, or a text, .npy or "
        ".csv file",
    )
    data.add_argument("--unit", help="of a text file: char (default), word or byte")
    data.add_argument("--max-lag", type=int, help="largest distance of the decay curve")
    data.add_argument(
        "--threshold", type=float, default=1e-5, help="nats below which dependence ends"
    )
    data.add_argument("--seed", type=int, default=0)
    data.add_argument("--out", type=Path, help="output folder (default: optuna-mi-out/DATASET)")

    analyze = commands.add_parser("analyze", parents=[data], help="the decay curve alone")
    analyze.set_defaults(run=_analyze)

    search = commands.add_parser("search", parents=[data], help="measure, design, search, report")
    search.add_argument("--trials", type=int, help="trials of the whole study")
    search.add_argument("--epochs", type=int, help="epochs a trial")
    search.add_argument("--steps", type=int, help="batches an epoch at most")
    search.add_argument("--batch-size", type=int, help="sequences or parallel streams a batch")
    search.add_argument("--hidden-size", type=int, help="units a layer")
    search.add_argument("--cell", choices=("gru", "rnn", "lstm"))
    search.add_argument("--window", type=int, help="steps a gradient flows through (text)")
    search.add_argument("--max-layers", type=int, help="the most layers a trial may have")
    search.add_argument("--storage", help=f"{_STORAGE_HELP} (default: OUT/study.db)")
    search.add_argument("--study-name", help="default: the data set's name")
    search.add_argument("--sampler", choices=_SAMPLERS, default="mi")
    search.add_argument("--pruner", choices=_PRUNERS, default="ihyll")
    search.add_argument(
        "--policy",
        choices=_POLICIES,
        default="reference",
        help="how information sets the learning rate; none: constant",
    )
    search.add_argument("--device", default="cpu")
    search.add_argument("--workers", type=int, default=1, help="local processes that run trials")
    search.set_defaults(run=_search)

    report = commands.add_parser("report", help="the report of a study, also while it runs")
    report.add_argument("study", help="the study's name")
    report.add_argument("--storage", required=True, help=_STORAGE_HELP)
    report.add_argument("--out", type=Path, default=Path("report.html"), help="the HTML file")
    report.set_defaults(run=_report)

    status = commands.add_parser("status", help="how far a study is, and who is at work")
    status.set_defaults(run=_status)
    requeue = commands.add_parser(
        "requeue", help="run the trials of killed workers again (where there is no heartbeat)"
    )
    requeue.add_argument(
        "--older-than",
        type=float,
        default=0.0,
        metavar="MINUTES",
        help="only trials that started longer ago (default: all that are running)",
    )
    requeue.set_defaults(run=_requeue)
    for command in (status, requeue):
        command.add_argument("study", help="the study's name")
        command.add_argument("--storage", required=True, help=_STORAGE_HELP)
    return parser


def _analyze(arguments: argparse.Namespace) -> None:
    from optuna_mi._main_job import write_analysis, write_figure

    folder = _folder(arguments)
    analysis = _measured(arguments, _sequences(arguments))
    say(_lag_table(analysis))
    _print_paths([*write_analysis(analysis, folder), write_figure(analysis, folder)])


def _search(arguments: argparse.Namespace) -> None:
    from optuna_mi import _interruption
    from optuna_mi import _main_job as main_job
    from optuna_mi import _shared_study as shared_study
    from optuna_mi._command_parts import make_objective
    from optuna_mi._local_workers import run_workers
    from optuna_mi._storage_url import safe_url
    from optuna_mi._workers import n_ended, run_trials
    from optuna_mi.report import write_report

    dataset = _load(arguments)
    job = _job(arguments, dataset)
    study = main_job.existing_study(job)
    known = None if study is None else shared_study.remembered(study, job, dataset)
    if known is None:
        analysis = _measured(arguments, dataset.sequences)
        space = main_job.design(job, dataset, analysis)
    else:
        analysis, space = known
        say(f"{analysis.summary()}\n")
    say(f"{space.describe()}\n")
    objective = make_objective(job, dataset, space)
    study = shared_study.create_study(job, dataset, space, analysis)
    write = main_job.write_analysis if known is None else main_job.complete_analysis
    written = write(analysis, job.folder)
    if known is None:  # there is a curve to look at while the trials run
        write_report(study, job.folder / "report.html", analysis=analysis)
    say(f"Study {job.study_name!r} in {safe_url(job.storage)}")
    if n_ended(study) >= job.preset.trials:
        say(f"It already has {job.preset.trials} trials; ask for more with --trials.")
    try:
        with _interruption.handled():
            if arguments.workers == 1:
                run_trials(job, study, objective)
            else:
                run_workers(job, study, arguments.workers)
    finally:
        written.append(_finish(study, job.folder, analysis))
    _print_trials(study)
    _print_paths(written)
    say(f"  {safe_url(job.storage)}")


def _job(arguments: argparse.Namespace, dataset: Dataset) -> Job:
    from optuna_mi._main_job import Job, default_storage
    from optuna_mi._presets import Preset, preset_of
    from optuna_mi._storage_url import read_url

    options = {
        field.name: getattr(arguments, field.name)
        for field in dataclasses.fields(Preset)
        if getattr(arguments, field.name) is not None
    }
    preset = dataclasses.replace(preset_of(dataset), **options)
    for name, value in (("trials", preset.trials), ("workers", arguments.workers)):
        if value < 1:
            raise ValueError(f"--{name} {value}: at least 1 is needed")
    folder = _folder(arguments)
    return Job(
        dataset=arguments.dataset,
        unit=arguments.unit,
        preset=preset,
        storage=read_url(arguments.storage) if arguments.storage else default_storage(folder),
        study_name=arguments.study_name or dataset.name,
        folder=folder,
        sampler=arguments.sampler,
        pruner=arguments.pruner,
        policy=arguments.policy,
        max_lag=arguments.max_lag,
        threshold=arguments.threshold,
        seed=arguments.seed,
        device=arguments.device,
    )


def _report(arguments: argparse.Namespace) -> None:
    from optuna_mi.report import write_report

    study = _study(arguments)
    _print_trials(study)
    _print_paths([write_report(study, arguments.out)])


def _status(arguments: argparse.Namespace) -> None:
    from optuna_mi._status_and_requeue import status_text

    say(status_text(_study(arguments)))


def _requeue(arguments: argparse.Namespace) -> None:
    from optuna_mi._status_and_requeue import MAX_RETRIES, requeue

    queued, given_up = requeue(_study(arguments), older_than=60 * arguments.older_than)
    say(f"Requeued {_listed(queued)}")
    if given_up:
        say(
            f"Gave up {_listed(given_up)} (failed, not queued again: "
            f"already retried {MAX_RETRIES} times)"
        )


def _listed(numbers: Sequence[int]) -> str:
    return f"{len(numbers)} trials{': ' if numbers else ''}{', '.join(map(str, numbers))}"


def _study(arguments: argparse.Namespace) -> optuna.Study:
    import optuna

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


def _load(arguments: argparse.Namespace) -> Dataset:
    from optuna_mi.datasets import load_dataset

    dataset = load_dataset(arguments.dataset, unit=arguments.unit)
    say(f"Data set {dataset.name}: {dataset.task}, objective {dataset.metric}")
    return dataset


def _sequences(arguments: argparse.Namespace) -> Any:
    """Return what is measured: the training split of a data set, or all of a user's file."""
    import numpy as np

    from optuna_mi.datasets import NAMES
    from optuna_mi.datasets._load import find_path
    from optuna_mi.datasets._user_file import read_sequences

    if arguments.dataset in NAMES:
        return _load(arguments).sequences
    path = find_path(arguments.dataset)
    sequences = read_sequences(path, unit=arguments.unit)
    rows = [sequences] if isinstance(sequences, np.ndarray) and sequences.ndim == 1 else sequences
    count = "1 sequence" if len(rows) == 1 else f"{len(rows):,} sequences"
    say(f"File {path.name}: {count}, {sum(map(len, rows)):,} symbols in all")
    return sequences


def _measured(arguments: argparse.Namespace, sequences: Any) -> DecayAnalysis:
    from optuna_mi._main_job import measure

    analysis = measure(
        sequences,
        max_lag=arguments.max_lag,
        threshold=arguments.threshold,
        seed=arguments.seed,
    )
    say(f"{analysis.summary()}\n")
    return analysis


def _finish(study: optuna.Study, folder: Path, analysis: DecayAnalysis) -> Path:
    """Write the report and publish to the dashboard, where that is installed."""
    from optuna_mi.dashboard import publish
    from optuna_mi.report import write_report

    path = write_report(study, folder / "report.html", analysis=analysis)
    try:
        publish(study, analysis=analysis)
    except MissingExtraError as error:
        say(f"No dashboard figures: {error}")
    return path


def _lag_table(analysis: DecayAnalysis, n: int = 16) -> str:
    """Return the curve at about ``n`` log-spaced lags."""
    frame = analysis.curve.to_frame()
    rows = sorted({round(len(frame) ** (i / (n - 1))) - 1 for i in range(n)})
    return str(frame.iloc[rows].to_string(index=False, float_format=lambda x: f"{x:.3g}"))


def _print_trials(study: optuna.Study) -> None:
    from optuna_mi.report import trial_table

    table = trial_table(study)
    if table.empty:
        say("\nNo trial has a value yet")
        return
    say("\nBest trials")
    say(table.to_string(index=False, float_format=lambda x: f"{x:.4g}", na_rep="-"))


def _print_paths(paths: Sequence[Path]) -> None:
    say("\nWritten")
    for path in paths:
        say(f"  {path}")


def _folder(arguments: argparse.Namespace) -> Path:
    from optuna_mi._storage import check_folder

    # Of "...txt" the stem is "..", which would lead out of the folder.
    stem = Path(arguments.dataset).stem.strip(".") or "data"
    folder: Path = arguments.out or Path("optuna-mi-out") / stem
    check_folder(folder)
    return folder
