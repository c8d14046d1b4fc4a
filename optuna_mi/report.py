"""One HTML file that tells what a study found."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
import pandas as pd
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

import optuna_mi
from optuna_mi import _report_page as html
from optuna_mi._checks import new_file, whole
from optuna_mi._study_data import (
    check_single_objective,
    facts,
    metric_name,
    ranked,
    read_analysis,
    summary,
    weights_file,
)
from optuna_mi.decay._record import write_text
from optuna_mi.search_space._check_arguments import check_analysis
from optuna_mi.visualization import (
    plot_decay_curve,
    plot_dilations,
    plot_ihyll,
    plot_training,
)
from optuna_mi.visualization._style import finish

if TYPE_CHECKING:
    from optuna_mi.decay import DecayAnalysis

__all__ = ["trial_table", "write_report"]

_COLUMNS = ("trial", "state", "value", "dilations", "ihyll", "reference", "ratio", "epochs")
#: What the columns of a trial table mean.
COLUMNS = (
    "dilations: how many steps each layer looks back. ihyll: what the last layer tells about the "
    "outcome (mutual information, nats). reference: the most that ihyll can be. "
    "ratio: ihyll / reference."
)
_TEXT_COLUMNS = ("state", "dilations")


def trial_table(study: Study, n: int = 10) -> pd.DataFrame:
    """Return the best trials, best first: complete ones, then pruned, then running.

    Args:
        study: A study with one objective.
        n: How many trials at most; those without any value are left out.

    Returns:
        Columns ``trial`` (number), ``state``, ``value`` (of unfinished trials the last one
        reported), ``dilations`` ("1,2,4"), ``ihyll`` and ``reference`` (nats), ``ratio``
        (IHYLL / IXY), ``epochs``.

    Raises:
        ValueError: If ``n`` is below 1 or the study has several objectives.

    Example:
        >>> study = optuna.create_study()
        >>> study.optimize(lambda trial: trial.suggest_int("x", 1, 1), n_trials=2)
        >>> trial_table(study)[["trial", "state", "value"]].to_dict("list")
        {'trial': [0, 1], 'state': ['complete', 'complete'], 'value': [1.0, 1.0]}
    """
    n = whole("n", n, 1)
    return _table(ranked(study)[:n])


def _table(trials: list[FrozenTrial]) -> pd.DataFrame:
    rows = [
        (
            f.number,
            f.state,
            f.value,
            ",".join(map(str, f.dilations)),
            f.ihyll_final,
            f.ihyll_reference,
            f.ratio,
            f.epochs,
        )
        for f in map(facts, trials)
    ]
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    numbers = dict.fromkeys(("value", "ihyll", "reference", "ratio"), "float64")
    return frame.astype({"trial": "int64", "epochs": "int64", **numbers})


def write_report(
    study: Study, path: str | os.PathLike[str], *, analysis: DecayAnalysis | None = None
) -> Path:
    """Write a study's report: one HTML file that needs no network.

    Shown are the headline facts, the decay curve with the best trial's dilations, the best
    trial's training, the study's history and the best trials. A study that still runs, or has no
    complete trial yet, is reported as it stands. Neither the storage nor any credential is
    mentioned.

    Args:
        study: A study with one objective, of any storage.
        path: The file to write; an older one is replaced when the new one is whole.
        analysis: The decay analysis; by default the one kept in the study (``mi:analysis``).

    Returns:
        The path.

    Raises:
        FileNotFoundError: If the folder does not exist.
        IsADirectoryError: If the path is a folder.
        ValueError: If the study has several objectives.
    """
    target = new_file("path", path)
    check_single_objective(study)
    if analysis is not None:
        check_analysis(analysis)
    else:
        analysis = read_analysis(study)
    trials = study.get_trials(deepcopy=False)
    order = ranked(study, trials)
    best = order[0] if order else None
    sections = [
        _decay_section(analysis, best),
        _training_section(study, best),
        _study_section(study, trials),
        _trials_section(study, order),
    ]
    lead = (
        f"Report of an Optuna study, written by optuna_mi {optuna_mi.__version__} on "
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC. All information is in nats "
        "(1 nat is 1.44 bits); MI is mutual information."
    )
    page = html.page(study.study_name, lead, _headline(study, trials, best, analysis), sections)
    return write_text(target, page)


def _headline(
    study: Study,
    trials: list[FrozenTrial],
    best: FrozenTrial | None,
    analysis: DecayAnalysis | None,
) -> list[html.Fact]:
    states = Counter(t.state.name.lower() for t in trials)
    name = metric_name(study)
    verb = study.direction.name.lower()
    cards = [
        html.Fact(
            "Trials",
            str(len(trials)),
            ", ".join(f"{count} {state}" for state, count in sorted(states.items())),
        )
    ]
    if best is None:
        cards.append(html.Fact(f"Best {name}", "none yet", verb))
    else:
        f = facts(best)
        state = "" if f.state == "complete" else f", {f.state}"
        cards.append(
            html.Fact(f"Best {name} ({verb})", f"{f.value:.4g}", f"trial {f.number}{state}")
        )
        test = best.user_attrs.get("test")
        if isinstance(test, float):
            epoch = best.user_attrs.get("best_epoch")
            weights = "" if epoch is None else f"with the weights of epoch {epoch}; "
            cards.append(
                html.Fact(
                    "The same trial on test data",
                    f"{test:.4g}",
                    f"{weights}it decided nothing",
                )
            )
        if f.dilations:
            joined = ", ".join(map(str, f.dilations))
            cards.append(html.Fact("Its dilations", joined, f"{len(f.dilations)} layers"))
        if f.ihyll_final is not None:
            against = ""
            if f.ratio is not None:
                share = f"{100 * f.ratio:.0f} %"
                against = f"{share} of its reference {f.ihyll_reference:.3g}"
            told = "what its last layer tells about the outcome"
            against = f"{told}; {against}" if against else told
            cards.append(html.Fact("Its last IHYLL", f"{f.ihyll_final:.3g} nats", against))
    epochs = sum(facts(t).epochs for t in trials)
    cards.append(html.Fact("Epochs trained", f"{epochs:,}", "all trials together"))
    if analysis is not None:
        law = analysis.law.replace("_", " ")
        told = f"given: {', '.join(analysis.forced)}" if analysis.forced else "found in the data"
        cards.append(html.Fact("Law of the decay", law, told))
        cards.append(
            html.Fact("Max dilation", f"{analysis.max_dilation:,}", analysis.max_dilation_reason)
        )
    return cards


def _decay_section(analysis: DecayAnalysis | None, best: FrozenTrial | None) -> str:
    heading = "What the data remember"
    if analysis is None:
        text = (
            "The study holds no decay analysis, so the curve its space came from cannot be shown. "
            "Pass analysis= to write_report, or let `optuna-mi search` make the study."
        )
        return html.section(heading, html.paragraph(text))
    found = html.preformatted(summary(analysis))
    dilations = facts(best).dilations if best is not None else ()
    try:
        plot = plot_decay_curve(
            analysis.curve,
            analysis,
            {f"trial {best.number}": dilations} if best is not None and dilations else None,
            max_points=1000,
        )
    except ValueError as error:  # nothing positive to draw: the findings say why
        return html.section(heading, html.paragraph(f"No curve to draw: {error}."), found)
    caption = (
        "How much one symbol tells about another, against the distance between them, on log-log "
        "axes. Where the curve is above the threshold and the grey noise floor there is something "
        "to remember; its slope says how fast it fades."
    )
    if dilations:
        caption += (
            " Green circles are the best trial's dilations on the fitted law, one horizontal line "
            "per layer."
        )
        if analysis.law in ("power", "broken_power"):
            caption += (
                " Lines are spaced to lose equal shares of information from layer to layer, "
                "within each stretch of the law."
            )
    return html.section(heading, html.figure(plot, "decay", caption), found)


def _training_section(study: Study, best: FrozenTrial | None) -> str:
    heading = "How the best trial learned"
    if best is None:
        return html.section(heading, html.paragraph("No trial has reported a value yet."))
    plot = plot_training(best, target_name=metric_name(study))
    caption = (
        "IHYLL is what the last layer tells about the outcome (mutual information), measured once "
        "per epoch; it sets the learning rate. The dashed line is its reference, the most it can "
        "be. If the points of the last panel rise along a line (the star is the last epoch), IHYLL "
        "shows how far training has come."
    )
    return html.section(heading, html.figure(plot, "training", caption), *_how_to_use(best))


def _how_to_use(best: FrozenTrial) -> list[str]:
    """Return the trial's settings, and how to have its network where weights were kept."""
    settings = "\n".join(f"{name} = {value}" for name, value in best.params.items())
    parts = [html.paragraph("Its settings:"), html.preformatted(settings)] if settings else []
    kept = weights_file(best)
    if kept is not None:
        text = f"The weights of its best epoch are kept in {kept}. To have the network in Python:"
        parts += [html.paragraph(text), html.preformatted("model = optuna_mi.load_best(study)")]
    return parts


def _study_section(study: Study, trials: list[FrozenTrial]) -> str:
    heading = "How the search went"
    running = sum(t.state == TrialState.RUNNING for t in trials)
    parts = []
    if running:
        text = f"Still running: {running} of {len(trials)} trials. This is the study as it stood."
        parts.append(html.paragraph(text))
    if not any(t.state == TrialState.COMPLETE for t in trials):
        parts.append(html.paragraph("No trial is complete yet, so there is no history to draw."))
        return html.section(heading, *parts)
    history = optuna.visualization.plot_optimization_history(study, target_name=metric_name(study))
    finish(history, f"{escape(metric_name(study)).capitalize()} by trial", height=440)
    caption = "Each complete trial, and the best value so far."
    parts.append(html.figure(history, "history", caption))
    caption = (
        "Each trial's objective against its last IHYLL. If the points lie along a line, IHYLL "
        "ranks networks as the objective does."
    )
    parts.append(html.figure(plot_ihyll(study), "ihyll", caption))
    return html.section(heading, *parts)


def _trials_section(study: Study, order: list[FrozenTrial]) -> str:
    heading = "The best trials"
    if not order:
        return html.section(heading, html.paragraph("No trial has reported a value yet."))
    table = _table(order[:10])
    caption = "Which distances the best networks connect, layer by layer."
    return html.section(
        heading,
        html.paragraph(COLUMNS),
        html.table(table, _TEXT_COLUMNS),
        html.figure(plot_dilations(study), "dilations", caption),
    )
