"""Parameter groups for layer-wise learning rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from optuna_mi._checks import instance, listed


def layer_parameter_groups(model: nn.Module, layers: Sequence[str]) -> list[dict[str, Any]]:
    """Return one named parameter group per layer, for an optimizer and a layer-wise policy.

    With ``InformationProbe(..., layers=names)``, ``policy.step(probe.measure().layers)`` then gives
    every layer the rate that follows from its own information ([V] Fig. 6).

    Args:
        model: The network.
        layers: Names as in ``model.named_modules()``; together they must hold every parameter that
            is trained, each once.

    Returns:
        Groups ``{"params": [...], "name": layer}`` in the order of ``layers``.

    Raises:
        KeyError: If the model has no layer of that name.
        ValueError: If a parameter is in two layers or in none, or a layer has no parameters.

    Example:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        >>> [group["name"] for group in layer_parameter_groups(model, ["0", "2"])]
        ['0', '2']
    """
    instance("model", model, nn.Module, "a torch module")
    modules = dict(model.named_modules())
    owner: dict[int, str] = {}
    groups = []
    for name in listed("layers", layers, "names of layers"):
        if name not in modules:
            raise KeyError(f"the model has no layer {name!r}; it has {sorted(modules)[1:]}")
        params = [p for p in modules[name].parameters() if p.requires_grad]
        if not params:
            raise ValueError(f"layer {name!r} has no parameters to train; leave it out")
        for parameter in params:
            if id(parameter) in owner:
                raise ValueError(
                    f"layers {owner[id(parameter)]!r} and {name!r} share a parameter; name the "
                    "outer or the inner one, not both"
                )
            owner[id(parameter)] = name
        groups.append({"params": params, "name": name})
    left = [n for n, p in model.named_parameters() if p.requires_grad and id(p) not in owner]
    if left:
        raise ValueError(f"no layer holds the parameters {left}; name their layers too")
    return groups
