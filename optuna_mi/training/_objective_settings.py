"""The settings of an objective: what is fixed, what is searched, and what is refused."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Collection
from typing import Any, TypeVar, cast, get_args

import torch
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import BaseTrial

from optuna_mi.datasets import Dataset, LanguageModeling
from optuna_mi.nn._check_arguments import Cell, Init
from optuna_mi.search_space import DilationSpace

T = TypeVar("T")

_LOWEST = {
    "epochs": 1,
    "steps": 1,
    "hidden_size": 1,
    "batch_size": 1,
    "window": 1,
    "embedding_size": 1,
    "valid_symbols": 2,
    "probe_size": 1,
    "n_threads": 1,
    "seed": 0,
}


def resolve(trial: BaseTrial, name: str, value: T | BaseDistribution) -> T:
    """Return the value itself, or what the trial suggests when it is a distribution.

    Args:
        trial: The trial that is asked.
        name: The parameter's name in the study.
        value: A fixed value or an Optuna distribution.
    """
    match value:
        case IntDistribution():
            found: Any = trial.suggest_int(
                name, value.low, value.high, step=value.step, log=value.log
            )
        case FloatDistribution():
            found = trial.suggest_float(name, value.low, value.high, step=value.step, log=value.log)
        case CategoricalDistribution():
            found = trial.suggest_categorical(name, value.choices)
        case _:
            found = value
    return cast(T, found)


def check_settings(settings: dict[str, Any], optimizers: Collection[str]) -> None:
    """Refuse settings of the objective that no trial could train with.

    Args:
        settings: By the names of the objective's arguments, others beside them; a distribution is
            refused if any of its values would be.
        optimizers: Names of those that there are.

    Raises:
        ValueError: A value is out of range or unknown.
    """
    for name, lowest in _LOWEST.items():
        if not (name == "steps" and settings[name] is None):
            _check_integer(settings, name, lowest)
    for name in ("clip", "lr_max"):
        _check_number(settings, name, "positive", lambda x: x > 0)
    _check_number(settings, "dropout", "at least 0 and below 1", lambda x: 0 <= x < 1)
    _check_choice(settings, "cell", get_args(Cell))
    _check_choice(settings, "init", get_args(Init))
    _check_choice(settings, "optimizer", optimizers)
    _check_choice(settings, "policy", ("reference", "change", None))
    if isinstance(settings["reference"], str):
        _check_choice(settings, "reference", ("entropy", "ixy"))
    else:
        _check_number(settings, "reference", "positive", lambda x: x > 0)
    if settings["policy"] is not None:  # lr_min has no part in a constant rate
        _check_number(settings, "lr_min", "positive", lambda x: x > 0)
        if max(_possible(settings["lr_min"])) > min(_possible(settings["lr_max"])):
            raise ValueError(
                f"lr_min={settings['lr_min']}, lr_max={settings['lr_max']}: no lr_min may lie "
                "above an lr_max; lower lr_min, or train at a constant rate with policy=None"
            )


def check_span(space: DilationSpace, dataset: Dataset, window: int) -> None:
    """Refuse a space that reaches beyond what a layer can look back on.

    Raises:
        ValueError: A dilation may be as long as the window, or as the sequences.
    """
    if isinstance(dataset, LanguageModeling):
        steps, what = window, "window="
    else:
        steps, what = dataset.length, "sequences of "
    # Anything that suggests dilations may be a space; only ours says how far it reaches.
    if isinstance(space, DilationSpace) and space.max_dilation.high >= steps:
        raise ValueError(
            f"the space reaches a dilation of {space.max_dilation.high}, which {what}{steps} "
            f"steps cannot hold: make it with DilationSpace.from_analysis(..., window={steps})"
        )


def check_inputs_of_one_size(dataset: Dataset) -> None:
    """Refuse a data set whose inputs, whole sequences, cannot be compared with the targets.

    Raises:
        ValueError: The inputs are symbols or of different lengths, or every step has a target.
    """
    if isinstance(dataset, LanguageModeling) or dataset.n_symbols is not None:
        why = "here the inputs are symbols"
    elif dataset.train.lengths is not None:
        why = "here their lengths differ"
    elif dataset.task == "regression" and dataset.every_step:
        why = "here every step has a target"
    else:
        return
    raise ValueError(
        "reference='ixy' compares whole sequences of real values with one target each, and "
        f"{why}: use 'entropy' or a number of nats"
    )


def usable_device(name: str | torch.device) -> torch.device:
    """Return the device, tried.

    Raises:
        ValueError: torch does not know it, or it cannot be used here.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(
            f"device={str(name)!r}: torch knows no such device; 'cpu', 'cuda' and 'cuda:1' are some"
        ) from None
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device={str(name)!r} cannot be used here ({str(error).splitlines()[0]}); "
            "'cpu' always can"
        ) from error
    return device


def _possible(value: Any) -> tuple[Any, ...]:
    """Return a fixed value, all choices, or both ends of a range: what has to be checked."""
    match value:
        case IntDistribution() | FloatDistribution():
            return (value.low, value.high)
        case CategoricalDistribution():
            return value.choices
    return (value,)


def _check_number(
    settings: dict[str, Any], name: str, rule: str, holds: Callable[[float], bool]
) -> None:
    for value in _possible(settings[name]):
        is_number = isinstance(value, numbers.Real) and not math.isnan(value)
        if not (is_number and holds(value)):
            raise ValueError(f"{name}={value!r}: it must be {rule}")


def _check_integer(settings: dict[str, Any], name: str, lowest: int) -> None:
    for value in _possible(settings[name]):
        if not (isinstance(value, numbers.Integral) and int(value) >= lowest):
            raise ValueError(f"{name}={value!r}: it must be an integer of at least {lowest}")


def _check_choice(settings: dict[str, Any], name: str, choices: Collection[str | None]) -> None:
    for value in _possible(settings[name]):
        if value not in choices:
            raise ValueError(f"{name}={value!r}: choose {', '.join(map(repr, choices))}")
