"""The settings of an objective: what is fixed, what is searched, and what is refused."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar, cast, get_args

import torch
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import BaseTrial

from optuna_mi._checks import flag, instance, one_of, real, shown, whole
from optuna_mi.datasets import Dataset, LanguageModeling
from optuna_mi.nn._check_arguments import Cell, Init
from optuna_mi.search_space import DilationSpace
from optuna_mi.search_space._suggest import suggest_value

T = TypeVar("T")

_SEARCHABLE = ("cell", "hidden_size", "dropout", "optimizer", "lr_min", "lr_max")

_LOWEST = {
    "epochs": 1,
    "steps": 1,
    "hidden_size": 1,
    "batch_size": 1,
    "window": 1,
    "embedding_size": 1,
    "valid_symbols": 2,
    "probe_size": 4,  # more than the three neighbours of its estimator
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
    if isinstance(value, BaseDistribution):
        return cast(T, suggest_value(trial, name, value))
    return value


def check_settings(settings: dict[str, Any], optimizers: Collection[str]) -> None:
    """Refuse settings of the objective that no trial could train with.

    Args:
        settings: By the names of the objective's arguments, others beside them; a distribution is
            refused if any of its values would be.
        optimizers: Names of those that there are.

    Raises:
        ValueError: A value is out of range or unknown.
    """
    possible = {
        name: _possible(value) if name in _SEARCHABLE else (value,)
        for name, value in settings.items()
    }
    for name, lowest in _LOWEST.items():
        for value in possible[name]:
            if not (name == "steps" and value is None):
                whole(name, value, lowest)
    flag("residual", settings["residual"])
    choices: dict[str, Collection[str | None]] = {
        "cell": get_args(Cell),
        "init": get_args(Init),
        "optimizer": optimizers,
        "policy": ("reference", "change", None),
    }
    if isinstance(settings["reference"], str):
        choices["reference"] = ("entropy", "ixy")
    for name, allowed in choices.items():
        for value in possible[name]:
            one_of(name, value, allowed)
    positive = {"clip", "lr_max", "lr_min", "reference"} - set(choices)
    for name in sorted(positive):
        for value in possible[name]:
            # with a constant rate lr_min is not used
            if not (name == "lr_min" and settings["policy"] is None):
                real(name, value, above=0)
    for value in possible["dropout"]:
        real("dropout", value, least=0, below=1)
    if settings["policy"] is not None and max(possible["lr_min"]) > min(possible["lr_max"]):
        raise ValueError(
            f"lr_min={settings['lr_min']}, lr_max={settings['lr_max']}: no lr_min may lie above an "
            "lr_max; lower lr_min, or train at a constant rate with policy=None"
        )


def check_cuda_graph(cuda_graph: bool, device: torch.device) -> None:
    """Refuse CUDA graphs where there is no CUDA.

    Raises:
        ValueError: The device is another.
    """
    if flag("cuda_graph", cuda_graph) and device.type != "cuda":
        raise ValueError(
            f"cuda_graph=True with device={str(device)!r}: graphs are CUDA's; pass device='cuda', "
            "or leave cuda_graph out"
        )


def check_span(space: DilationSpace, dataset: Dataset, window: int) -> None:
    """Refuse a space that reaches beyond what a layer can look back on.

    Raises:
        TypeError: The data set is none, or the space suggests nothing.
        ValueError: A dilation may be as long as the window, or as the sequences.
    """
    remedy = "load_dataset and from_arrays make one"
    instance("dataset", dataset, get_args(Dataset), "a data set", remedy)
    if not callable(getattr(space, "suggest", None)):
        raise TypeError(
            f"space must be a DilationSpace, or have a method suggest(trial), got {shown(space)}"
        )
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
    instance("device", name, (str, torch.device), "a str or a torch.device", "'cpu' is one")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(
            f"device={str(name)!r}: torch knows no such device; give 'cpu', 'cuda' or 'cuda:1'"
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
