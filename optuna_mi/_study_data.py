"""What figures, report and dashboard read out of a study: one place that knows the attributes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from optuna_mi._attributes import (
    ANALYSIS_ATTR,
    CHECKPOINT_FILE_ATTR,
    LEARNING_RATES_ATTR,
    SPACE_ATTR,
    ihyll_reference,
)
from optuna_mi.decay import DecayAnalysis
from optuna_mi.pruners import ihyll_series
from optuna_mi.search_space import DilationSpace, parse_dilations
from optuna_mi.search_space._check_arguments import check_study

if TYPE_CHECKING:
    import pandas as pd

_RANK = {TrialState.COMPLETE: 0, TrialState.PRUNED: 1, TrialState.RUNNING: 2}


@dataclass(frozen=True)
class TrialFacts:
    """What a trial of :class:`~optuna_mi.DilatedRNNObjective` left behind.

    Attributes:
        number: The trial's number.
        state: "complete", "pruned", "running", "waiting" or "fail".
        value: The objective; of an unfinished trial its last intermediate value; None before.
        dilations: One dilation per layer; empty when the trial has none.
        values: The objective by epoch.
        lr: The learning rate by epoch.
        ihyll: IHYLL by epoch, in nats.
        ihyll_final: IHYLL after the last epoch, in nats.
        ihyll_reference: What IHYLL is compared with (IXY or H(Y)), in nats.
        epochs: Epochs run.
    """

    number: int
    state: str
    value: float | None
    dilations: tuple[int, ...]
    values: dict[int, float]
    lr: dict[int, float]
    ihyll: dict[int, float]
    ihyll_final: float | None
    ihyll_reference: float | None
    epochs: int

    @property
    def ratio(self) -> float | None:
        """IHYLL over its reference, or None when either is missing."""
        if self.ihyll_final is None or not self.ihyll_reference:
            return None
        return self.ihyll_final / self.ihyll_reference


def facts(trial: FrozenTrial) -> TrialFacts:
    """Read a trial; what it lacks, or what is not finite, is None or left out."""
    values = {s: v for s, v in sorted(trial.intermediate_values.items()) if math.isfinite(v)}
    ihyll = {s: v for s, v in sorted(ihyll_series(trial).items()) if math.isfinite(v)}
    first = min([*trial.intermediate_values, *ihyll], default=0)
    rates = trial.user_attrs.get(LEARNING_RATES_ATTR)
    lr = {
        first + i: float(rate)
        for i, rate in enumerate(rates if isinstance(rates, list) else [])
        if _number(rate) is not None
    }
    final = _number(trial.user_attrs.get("ihyll_final"))
    if final is None and ihyll:
        final = ihyll[max(ihyll)]
    epochs = trial.user_attrs.get("epochs")
    return TrialFacts(
        number=trial.number,
        state=trial.state.name.lower(),
        value=_value(trial, values),
        dilations=_dilations(trial.user_attrs.get("dilations")),
        values=values,
        lr=lr,
        ihyll=ihyll,
        ihyll_final=final,
        ihyll_reference=_number(ihyll_reference(trial.user_attrs)),
        epochs=epochs if isinstance(epochs, int) else len(trial.intermediate_values),
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _value(trial: FrozenTrial, values: dict[int, float]) -> float | None:
    final = trial.values
    if final:
        return _number(final[0])
    return values[max(values)] if values else None


def _dilations(text: Any) -> tuple[int, ...]:
    """Read ``"1,2,4"``; anything else, which only a foreign study holds, counts as no dilations."""
    try:
        found = parse_dilations(text) if isinstance(text, str) else ()
    except ValueError:
        return ()
    return found if max(found, default=0) < 2**53 else ()


def weights_file(trial: FrozenTrial) -> str | None:
    """Return the name of the file with a complete trial's weights, without its folder."""
    kept = trial.user_attrs.get(CHECKPOINT_FILE_ATTR)
    if trial.state != TrialState.COMPLETE or not isinstance(kept, str):
        return None
    return PurePath(kept).name


def check_single_objective(study: Study) -> None:
    """Raise unless the study has one objective.

    Raises:
        ValueError: If it has several.
    """
    check_study(study)
    if len(study.directions) != 1:
        raise ValueError(
            f"the study has {len(study.directions)} objectives; reports and figures of optuna_mi "
            "rank trials by one. For several use optuna.visualization.plot_pareto_front."
        )


def ranked(study: Study, trials: Sequence[FrozenTrial] | None = None) -> list[FrozenTrial]:
    """Sort the trials that have a value: complete ones, then pruned, then running; best first.

    Args:
        study: A study with one objective.
        trials: Its trials, where they have been read already.
    """
    check_single_objective(study)
    sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
    scored = []
    for trial in study.get_trials(deepcopy=False) if trials is None else trials:
        value = facts(trial).value if trial.state in _RANK else None
        if value is not None:
            scored.append((_RANK[trial.state], sign * value, trial.number, trial))
    return [trial for *_, trial in sorted(scored, key=lambda item: item[:3])]


def metric_name(study: Study) -> str:
    """Return the objective's name, "objective value" when the study has none."""
    names = study.metric_names
    return names[0] if names else "objective value"


def read_analysis(study: Study) -> DecayAnalysis | None:
    """Return the decay analysis kept in the study (attribute ``mi:analysis``), if any."""
    text = study.user_attrs.get(ANALYSIS_ATTR)
    return DecayAnalysis.from_json(text) if isinstance(text, str) else None


def summary(analysis: DecayAnalysis, width: int = 100) -> str:
    """Return the analysis' summary, its long lines wrapped under their own column."""
    return "\n".join(
        textwrap.fill(line, width, subsequent_indent=" " * 14, break_long_words=False)
        for line in analysis.summary().splitlines()
    )


def read_space(study: Study) -> DilationSpace | None:
    """Return the dilation space frozen into the study, if any."""
    return DilationSpace.from_study(study) if SPACE_ATTR in study.user_attrs else None


def training_frame(trial: FrozenTrial) -> pd.DataFrame:
    """Return a trial's series: one row per epoch, columns ``value``, ``lr``, ``ihyll`` (nats)."""
    import pandas as pd

    f = facts(trial)
    columns = {"value": f.values, "lr": f.lr, "ihyll": f.ihyll}
    frame = pd.DataFrame({name: pd.Series(s, dtype="float64") for name, s in columns.items()})
    return frame.sort_index().rename_axis("epoch")
