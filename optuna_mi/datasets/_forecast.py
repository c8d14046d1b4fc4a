"""Series cut into windows at whose steps the next values, or another column's, are predicted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from optuna_mi._logging import get_logger
from optuna_mi.datasets._array_splits import check_shares
from optuna_mi.datasets._array_values import padded
from optuna_mi.datasets._base import RegressionSplit, SequenceRegression
from optuna_mi.datasets._known_steps import Bools, naive_errors, next_are_known

_logger = get_logger(__name__)

Floats = npt.NDArray[np.float64]

# The longest window by default, and how many windows a short series is cut into to train on.
_WINDOW, _WINDOWS = 256, 256


@dataclasses.dataclass(frozen=True, eq=False)
class _Series:
    """One series in standard units, and which of its steps belong to which split.

    Attributes:
        inputs: (steps, features).
        targets: (steps, values): row t is what is predicted at step t.
        ranges: First step and end of training, validation and test.
        counts: bool (steps,), where all that is predicted is known.
        for_decay: The training steps, NaN where they are not known.
    """

    inputs: Floats
    targets: Floats
    ranges: tuple[tuple[int, int], ...]
    counts: Bools
    input_units: tuple[Floats, Floats]
    target_units: tuple[Floats, Floats]
    error_scale: Floats
    for_decay: Floats


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is predicted from what, and how it is scored.

    Attributes:
        horizon: How many next values each step predicts.
        columns: The features whose next values are predicted.
        window: Steps of a window; None for half the longest series, 256 at most.
        valid: Share of each series for validation.
        test: Share of each series, its end, for test.
        metric: "MAE", "MASE" or "MSE".
        loss: "mae" or "mse".
        season: Steps of the naive forecast that MASE compares with.
    """

    horizon: int
    columns: tuple[int, ...]
    window: int | None
    valid: float
    test: float
    metric: Literal["MAE", "MASE", "MSE"]
    loss: Literal["mae", "mse"]
    season: int


def forecasting(
    name: str,
    parts: Sequence[Floats],
    plan: Plan,
    targets: Sequence[Floats] | None = None,
    known: Sequence[Bools] | None = None,
) -> SequenceRegression:
    """Return series as a data set whose every step predicts.

    Every series is split by time: its beginning trains, its end tests, and what a held-out step
    predicts lies in its own split, while what it looks back on may lie before. Each series has its
    own standard units, of its training steps.

    Args:
        name: The data set's name.
        parts: (steps, features) of each series.
        plan: What is predicted.
        targets: (steps, values) of each series where another variable is predicted at its own step;
            None for the next values.
        known: Of each series, bool (steps,): False where a stand-in is read, and nothing predicted.

    Raises:
        ValueError: The series are too short to be split, or all constant.
    """
    check_shares(plan.valid, plan.test)
    if known is None:
        known = [np.ones(len(part), dtype=bool) for part in parts]
    prepared = (
        _prepare(part, None if targets is None else targets[i], plan, known[i])
        for i, part in enumerate(parts)
    )
    series = [found for found in prepared if found is not None]
    dropped = len(parts) - len(series)
    if not series:
        raise ValueError(
            f"none of the {len(parts)} series varies and has the steps for training, and then for "
            f"validation ({plan.valid:g}) and test ({plan.test:g}) of {plan.horizon} values "
            "ahead: give longer series, larger shares or a shorter horizon"
        )
    if dropped:
        _logger.warning(
            f"{dropped} of {len(parts)} series are left out: constant, or too short to train on"
        )
    if not any(start < stop for s in series for start, stop in s.ranges[1:]):
        longest = max(len(part) for part in parts)
        raise ValueError(
            f"no series is long enough to hold out {plan.valid:g} and {plan.test:g} of its steps "
            f"and predict {plan.horizon} ahead; the longest has {longest}: give longer series, "
            "larger shares or a shorter horizon"
        )
    longest = max(s.ranges[0][1] for s in series)
    window = plan.window or max(2, min(_WINDOW, longest // 2))
    train, valid, test = (_split(series, i, window) for i in range(3))
    return SequenceRegression(
        name,
        train,
        valid,
        test,
        sequences=_for_decay(series),
        metric=plan.metric,
        loss=plan.loss,
        input_center=np.stack([s.input_units[0] for s in series]),
        input_scale=np.stack([s.input_units[1] for s in series]),
        target_center=np.stack([s.target_units[0] for s in series]),
        target_scale=np.stack([s.target_units[1] for s in series]),
    )


def standard_units(values: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation (1 where there is none) along the first axis."""
    scale = values.std(axis=0)
    return values.mean(axis=0), np.where(scale > 0, scale, 1.0)


def _prepare(part: Floats, target: Floats | None, plan: Plan, known: Bools) -> _Series | None:
    """Return a series ready to be cut, or None if there is nothing to train on."""
    steps, ahead = len(part), plan.horizon if target is None else 0
    held = [round(share * steps) for share in (plan.valid, plan.test)]
    if min(held) < max(ahead, 1):
        held = [0, 0]  # too short to hold anything out
    first, second = steps - sum(held), steps - held[1]
    if first < ahead + 2:
        return None
    values = part[:, list(plan.columns)] if target is None else target
    if np.ptp(values[:first], axis=0).max() == 0:
        return None
    there = known[:first]
    input_units = standard_units(part[:first][there])
    center, scale = standard_units(values[:first][there])
    standard = (values - center) / scale
    # row t of the targets: the values at t + 1 .. t + horizon, or the other variable's at t
    rows = (
        standard
        if target is not None
        else np.concatenate(
            [np.roll(standard, -(h + 1), axis=0) for h in range(plan.horizon)], axis=1
        )
    )
    repeats = plan.horizon if target is None else 1
    gap = 1 if target is None else 0
    return _Series(
        inputs=(part - input_units[0]) / input_units[1],
        targets=rows,
        ranges=(
            (0, first - ahead),
            (first - gap, max(second - ahead, first - gap)),
            (second - gap, max(steps - ahead, second - gap)),
        ),
        counts=known if target is not None else next_are_known(known, plan.horizon),
        input_units=input_units,
        target_units=(np.tile(center, repeats), np.tile(scale, repeats)),
        error_scale=np.tile(_error_scale(values[:first], scale, plan, there), repeats),
        for_decay=np.where(there[:, None], part[:first], np.nan),
    )


def _error_scale(values: Floats, scale: Floats, plan: Plan, known: Bools) -> Floats:
    if plan.metric != "MASE":
        return scale
    season = plan.season if plan.season < len(values) else 1
    naive = naive_errors(values, known, season)
    if (naive == 0).any():  # repeats itself exactly, or is constant
        naive = np.where(naive > 0, naive, naive_errors(values, known, 1))
    return np.where(naive > 0, scale / np.where(naive > 0, naive, 1.0), 0.0)


def _split(series: Sequence[_Series], which: int, window: int) -> RegressionSplit:
    """Cut the windows of one split.

    Held out, each step is scored once, with half a window of past where there is so much. Training
    windows overlap more where there are few.
    """
    half = window // 2
    inputs, targets, scored, once, scales = [], [], [], [], []
    total = sum(s.ranges[0][1] for s in series)
    for s in series:
        first, end = s.ranges[which]
        if which == 0:
            stride = max(1, min(half, total // _WINDOWS))
            last = max(0, end - window)
            # the beginning counts in the first window alone: only there has it no more past
            spans = [
                (start, min(start + window, end), start and start + half)
                for start in sorted({*range(0, last, stride), last})
            ]
        else:
            spans = [
                (max(0, start - half), min(start + half, end), start)
                for start in range(first, end, half)
            ]
        counted = first
        for start, stop, begin in spans:
            step = np.arange(start, start + window)
            here = (step >= begin) & (step < stop)
            here[: stop - start] &= s.counts[start:stop]
            first_time = here & (step >= counted)
            counted = stop
            if not here.any():
                continue
            inputs.append(s.inputs[start:stop])
            targets.append(s.targets[start:stop])
            scored.append(here)
            once.append(first_time)
            scales.append(s.error_scale)
    if not inputs:
        raise ValueError(
            f"the {('training', 'validation', 'test')[which]} split has no step of which all that "
            "is predicted is known: give longer series, larger shares or a shorter horizon"
        )
    return RegressionSplit(
        inputs=padded(inputs, window),
        targets=padded(targets, window),
        error_scale=np.array(scales, dtype=np.float32),
        scored=np.array(scored),
        once=np.array(once),
    )


def _for_decay(series: Sequence[_Series]) -> Any:
    """Return the training steps as `decay_curve` takes them: one series, or a panel of features."""
    if len(series) == 1 and series[0].for_decay.shape[1] == 1:
        values = series[0].for_decay[:, 0]
        if not np.isnan(values).any():
            return values
    columns = {
        f"{i}/{j}": column for i, s in enumerate(series) for j, column in enumerate(s.for_decay.T)
    }
    return pd.DataFrame(
        {
            "unique_id": np.repeat(list(columns), [len(c) for c in columns.values()]),
            "ds": np.concatenate([np.arange(len(c)) for c in columns.values()]),
            "y": np.concatenate(list(columns.values())),
        }
    )
