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
from optuna_mi._analyze_command import add_reading, add_real, reading_of
from optuna_mi._interruption import Interrupted
from optuna_mi._terminal import any_terminal, say
from optuna_mi._window_command import add_window
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
# Repeated from _presets for the same reason.
_SIZES = {
    "trials": "trials of the whole study (default: 12; digits 20)",
    "epochs": "epochs a trial (default: 8; digits 20)",
    "steps": "batches an epoch at most (default: 60; smnist 100, digits all)",
    "batch-size": "sequences or parallel streams a batch (default: 32; smnist 128, digits 64)",
    "hidden-size": "units a layer (default: 64; smnist and digits 20)",
    "window": "steps a gradient flows through, of a text (default: 256)",
    "max-layers": "the most layers a trial may have (default: 12)",
}
_STORAGE_HELP = (
    "sqlite:///PATH, journal:PATH, grpc://HOST:PORT or postgresql://...; env:NAME or file:PATH for "
    "a URL that others must not see"
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
    with any_terminal():
        return _run(_parser().parse_args(argv))


def _run(arguments: argparse.Namespace) -> int:
    try:
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
    if not isinstance(error, OSError) or error.errno is None:
        return None  # as most errors, and without the imports of a storage
    from optuna_mi._storage_trouble import FULL, trouble

    found = trouble(error) if error.errno in FULL else None
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

    source = argparse.ArgumentParser(add_help=False)
    source.add_argument(
        "dataset",
        nargs="?",
        default="digits",
        help="digits (default), pdigits, smnist, psmnist, ptb-char, ptb-word, or a file: text, "
        "FASTA, .csv, .tsv, .parquet, .jsonl, .npy or .npz, packed by gzip or not",
    )
    source.add_argument("--out", type=Path, help="output folder (default: optuna-mi-out/DATASET)")
    add_reading(source)
    data = argparse.ArgumentParser(add_help=False, parents=[source])
    data.add_argument(
        "--max-lag",
        type=int,
        help="largest distance of the decay curve (default: a tenth of the data, at most 16384)",
    )
    data.add_argument(
        "--threshold",
        type=float,
        default=1e-5,
        help="nats below which dependence ends (default: 1e-05)",
    )
    data.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")

    analyze = commands.add_parser("analyze", parents=[data], help="the decay curve alone")
    add_real(analyze)
    analyze.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object on standard output, and the rest on standard error",
    )
    analyze.set_defaults(run=_analyze)

    window = commands.add_parser("window", parents=[source], help="how long a window should be")
    add_window(window)
    window.set_defaults(run=_window)

    search = commands.add_parser("search", parents=[data], help="measure, design, search, report")
    for name, what in _SIZES.items():
        search.add_argument(f"--{name}", type=int, help=what)
    search.add_argument("--cell", choices=("gru", "rnn", "lstm"), help="default: gru")
    search.add_argument("--storage", help=f"{_STORAGE_HELP} (default: OUT/study.db)")
    search.add_argument("--study-name", help="default: the data set's name")
    search.add_argument("--sampler", choices=_SAMPLERS, default="mi", help="default: mi")
    search.add_argument("--pruner", choices=_PRUNERS, default="ihyll", help="default: ihyll")
    search.add_argument(
        "--policy",
        choices=_POLICIES,
        default="reference",
        help="how information sets the learning rate; none: constant (default: reference)",
    )
    search.add_argument("--device", default="cpu", help="where to train (default: cpu)")
    search.add_argument(
        "--workers", type=int, default=1, help="local processes that run trials (default: 1)"
    )
    search.set_defaults(run=_search)

    report = commands.add_parser("report", help="the report of a study, also while it runs")
    report.add_argument("study", help="the study's name")
    report.add_argument("--storage", required=True, help=_STORAGE_HELP)
    report.add_argument(
        "--out", type=Path, default=Path("report.html"), help="default: report.html"
    )
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
    from optuna_mi import _analyze_command as command

    # errors come before the imports that measuring needs
    contents = command.read(arguments)
    command.say_contents(arguments, contents)
    _quiet()
    folder = _folder(arguments)
    analysis = command.measure(arguments, contents)
    contents = dataclasses.replace(contents, sequences=())  # the report needs memory too
    if not arguments.json:
        say(f"{analysis.summary()}\n")
        say(command.lag_table(analysis))
    from optuna_mi._analysis_files import write_analysis, write_figure
    from optuna_mi._next_step import next_step, say_next

    step = next_step(arguments, analysis, folder / "analysis.json")
    if not arguments.json:
        say(f"\n{say_next(step, analysis.law, analysis.curve.notes)}")
    paths = [*write_analysis(analysis, folder), write_figure(analysis, folder)]
    if arguments.json:
        say(command.as_json(arguments, contents, analysis, step))
    else:
        _print_paths(paths)


def _window(arguments: argparse.Namespace) -> None:
    from optuna_mi import _analyze_command as reading
    from optuna_mi import _window_command as command

    contents = reading.read(arguments)
    reading.say_contents(arguments, contents)
    _quiet()
    folder = _folder(arguments)
    window = command.recommend(arguments, contents)
    say(window.to_json() if arguments.json else window.summary())
    paths = command.write_window(window, folder)
    if not arguments.json:
        _print_paths(paths)


def _search(arguments: argparse.Namespace) -> None:
    from optuna_mi import _interruption
    from optuna_mi import _main_job as main_job
    from optuna_mi import _shared_study as shared_study
    from optuna_mi._analysis_files import write_analysis
    from optuna_mi._command_parts import make_objective
    from optuna_mi._local_workers import run_workers
    from optuna_mi._storage_url import safe_url
    from optuna_mi._workers import n_ended, run_trials
    from optuna_mi.report import write_report

    dataset = _load(arguments)
    _quiet()
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
    write = write_analysis if known is None else main_job.complete_analysis
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
        reading=reading_of(arguments),
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
    study = _study(arguments)
    from optuna_mi.report import write_report

    _print_trials(study)
    _print_paths([write_report(study, arguments.out)])


def _status(arguments: argparse.Namespace) -> None:
    study = _study(arguments)
    from optuna_mi._status_and_requeue import status_text

    say(status_text(study))


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

    _quiet()
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
    from optuna_mi.datasets._load import load

    dataset = load(arguments.dataset, reading_of(arguments))
    say(f"Data set {dataset.name}: {dataset.task}, objective {dataset.metric}")
    return dataset


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


def _print_trials(study: optuna.Study) -> None:
    from optuna_mi.report import COLUMNS, trial_table

    table = trial_table(study)
    if table.empty:
        say("\nNo trial has a value yet")
        return
    say("\nBest trials")
    say(table.to_string(index=False, float_format=lambda x: f"{x:.4g}", na_rep="-"))
    say(COLUMNS)


def _print_paths(paths: Sequence[Path]) -> None:
    say("\nWritten")
    for path in paths:
        say(f"  {path}")


def _folder(arguments: argparse.Namespace) -> Path:
    from optuna_mi._folder import check_folder

    # Of "...txt" the stem is "..", which would lead out of the folder.
    stem = Path(arguments.dataset).stem.strip(".") or "data"
    folder: Path = arguments.out or Path("optuna-mi-out") / stem
    check_folder(folder)
    return folder
