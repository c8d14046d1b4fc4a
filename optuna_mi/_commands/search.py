"""The command ``optuna-mi search``: measure, design, search, report."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna_mi._commands import common, options
from optuna_mi._terminal import inform, say
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
_RANGES = ("paper", "wide")
_SPACINGS = ("decay", "lags")
# Repeated from _presets for the same reason.
_SIZES = {
    "trials": "trials of the whole study (default: 12; digits 20)",
    "epochs": "epochs per trial (default: 8; digits, labelled and real sequences 20)",
    "steps": "batches per epoch at most (default: 60; smnist 100, digits, labelled and real all)",
    "batch-size": "sequences or parallel streams per batch (default: 32; smnist 128, digits 64, "
    "labelled and real 16)",
    "hidden-size": "units per layer (default: 64; smnist and digits 20, labelled and real 32)",
    "window": "for texts: steps through which a gradient flows (default: 256)",
    "max-layers": "the most layers that a trial may have (default: 12)",
}


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "search",
        parents=[options.source(), options.curve()],
        help="measure, design, search, report",
    )
    for name, what in _SIZES.items():
        parser.add_argument(f"--{name}", type=int, help=what)
    parser.add_argument(
        "--ranges",
        choices=_RANGES,
        default="paper",
        help="how far to look around the recommendation: near it as in the paper, or as wide as "
        "window and layers allow (default: paper)",
    )
    parser.add_argument(
        "--fill",
        choices=("previous",),
        help="where rows or values of a series are missing, let the network read the last one; "
        "such steps are neither predicted nor scored (by default they are refused)",
    )
    parser.add_argument(
        "--spacing",
        choices=_SPACINGS,
        default="decay",
        help="where layers stand: where the decay curve falls as in the paper, or at the lags that "
        "add most to a prediction of held-out data (default: decay)",
    )
    parser.add_argument("--cell", choices=("gru", "rnn", "lstm"), help="default: gru")
    parser.add_argument("--storage", help=f"{options.STORAGE} (default: OUT/study.db)")
    parser.add_argument("--study-name", help="default: the data set's name")
    parser.add_argument("--sampler", choices=_SAMPLERS, default="mi", help="default: mi")
    parser.add_argument("--pruner", choices=_PRUNERS, default="ihyll", help="default: ihyll")
    parser.add_argument(
        "--policy",
        choices=_POLICIES,
        default="reference",
        help="how information sets the learning rate; none: constant (default: reference)",
    )
    parser.add_argument("--device", default="cpu", help="where to train (default: cpu)")
    parser.add_argument(
        "--workers", type=int, default=1, help="local processes that run trials (default: 1)"
    )
    parser.add_argument(
        "--population",
        type=int,
        default=1,
        help="trials trained side by side in this process; 16 to 32 use a GPU well (default: 1)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Search until the study has its trials, and report."""
    # errors of the file come before the imports that searching needs
    dataset = common.load(arguments)
    from optuna_mi import _interruption
    from optuna_mi import _main_job as main_job
    from optuna_mi import _shared_study as shared_study
    from optuna_mi._analysis_files import write_analysis
    from optuna_mi._command_parts import make_objective
    from optuna_mi._compile_ahead import compiler
    from optuna_mi._local_workers import run_workers
    from optuna_mi._storage_url import safe_url
    from optuna_mi._workers import n_ended, run_trials
    from optuna_mi.report import write_report

    common.set_logging(arguments)
    job = _job(arguments, dataset)
    with compiler(dataset.task, job.preset.cell, job.device) as compiling:
        study = main_job.existing_study(job)
        known = None if study is None else shared_study.remembered(study, job, dataset)
        if known is None:
            analysis = main_job.measure(job, dataset)
            say(f"{analysis.summary()}\n")
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
        inform(f"Study {job.study_name!r} in {safe_url(job.storage)}")
        if n_ended(study) >= job.preset.trials:
            inform(f"It already has {job.preset.trials} trials; ask for more with --trials.")
        else:
            compiling.wait()
        try:
            with _interruption.handled():
                if arguments.workers == 1:
                    run_trials(job, study, objective)
                else:
                    run_workers(job, study, arguments.workers)
        finally:
            written.append(_finish(study, job.folder, analysis))
    common.say_trials(study)
    common.say_paths(written)
    inform(f"  {safe_url(job.storage)}")


def _job(arguments: argparse.Namespace, dataset: Dataset) -> Job:
    from optuna_mi._main_job import Job, default_storage
    from optuna_mi._presets import Preset, preset_of
    from optuna_mi._storage_url import read_url

    sizes = {
        field.name: getattr(arguments, field.name)
        for field in dataclasses.fields(Preset)
        if getattr(arguments, field.name) is not None
    }
    preset = dataclasses.replace(preset_of(dataset), **sizes)
    for name, value in (
        ("trials", preset.trials),
        ("workers", arguments.workers),
        ("population", arguments.population),
    ):
        if value < 1:
            raise ValueError(f"--{name} {value}: at least 1 is needed")
    if arguments.workers > 1 and arguments.population > 1:
        raise ValueError(
            "--workers and --population: a population is trained in one process; give one of both, "
            "and start the command once per GPU for several populations"
        )
    folder = common.folder_of(arguments)
    return Job(
        dataset=arguments.dataset,
        reading=options.reading_of(arguments),
        preset=preset,
        storage=read_url(arguments.storage) if arguments.storage else default_storage(folder),
        study_name=arguments.study_name or dataset.name,
        folder=folder,
        sampler=arguments.sampler,
        pruner=arguments.pruner,
        policy=arguments.policy,
        max_lag=arguments.max_lag,
        threshold=arguments.threshold,
        values=arguments.values,
        n_bins=arguments.bins,
        seed=arguments.seed,
        device=arguments.device,
        population=arguments.population,
        ranges=arguments.ranges,
        spacing=arguments.spacing,
        quiet=arguments.quiet,
        verbose=arguments.verbose,
    )


def _finish(study: optuna.Study, folder: Path, analysis: DecayAnalysis) -> Path:
    """Write the report and publish to the dashboard, where that is installed."""
    from optuna_mi.dashboard import publish
    from optuna_mi.report import write_report

    path = write_report(study, folder / "report.html", analysis=analysis)
    try:
        publish(study, analysis=analysis)
    except MissingExtraError as error:
        inform(f"No dashboard figures: {error}")
    return path
