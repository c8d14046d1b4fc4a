"""What a probe is given: tensors that belong together, and classes that are integers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optuna_mi._checks import as_array

# Floats that are whole and take no more values than this are class numbers.
_MOST_CLASSES = 20


def as_tensor(name: str, values: Any) -> Tensor:
    """Return values as a tensor, or raise TypeError or ValueError if they are no array."""
    if isinstance(values, Tensor):
        return values
    several = isinstance(values, tuple | list) and any(isinstance(v, Tensor) for v in values)
    if isinstance(values, Mapping) or several:
        raise TypeError(
            f"{name} must be one tensor, got a {type(values).__name__} of several: give the "
            "numbers of the examples, inputs=torch.arange(n), and forward=lambda model, rows: "
            "model(a[rows], b[rows])"
        )
    array = as_array(name, values)
    if array.dtype.kind not in "biufc":
        remedy = ""
        if array.dtype.kind in "OSU":
            remedy = ": numpy.unique(values, return_inverse=True)[1] numbers them"
        raise TypeError(
            f"{name} must be a tensor or an array of numbers, got dtype {array.dtype}{remedy}"
        )
    # Arrays stay on the CPU, whatever torch.set_default_device says.
    return torch.as_tensor(array, device="cpu")


def without_last_axis(inputs: Tensor, targets: Tensor) -> Tensor:
    """Return classes of shape (N, 1) as (N,), where no axis of steps is meant."""
    column = not targets.is_floating_point() and targets.dim() == 2 and targets.shape[1] == 1
    steps = inputs.dim() > 1 and inputs.shape[1] == 1
    return targets[:, 0] if column and not steps else targets


def check_pair(inputs: Tensor, targets: Tensor, batch_dim: int, burn_in: int) -> None:
    """Raise unless inputs and targets belong together (see `InformationProbe`).

    Raises:
        TypeError: If the targets are complex, or floats that are class numbers.
        ValueError: If shapes do not match, there is nothing, or ``burn_in`` leaves no step.
    """
    shape = tuple(targets.shape)
    if targets.is_complex():
        raise TypeError(f"targets must be integer classes or real values, got {targets.dtype}")
    real = targets.is_floating_point()
    if targets.dim() not in ((1, 2, 3) if real else (1, 2)) or targets.numel() == 0:
        dims = "of 1 to 3 axes" if real else "1-D or 2-D"
        raise ValueError(
            f"targets must be {dims} and not empty, got shape {shape}. Of maps probe one place: "
            "targets[:, i, j] with forward=lambda model, x: model(x)[..., i, j]"
        )
    if real and (remedy := _as_classes(targets)):
        raise TypeError(
            f"targets must be integer classes or real values, got class numbers as "
            f"{targets.dtype}: pass {remedy}"
        )
    by_position = targets.dim() == (3 if real else 2)
    if not by_position:
        if inputs.dim() <= batch_dim or inputs.shape[batch_dim] != len(targets):
            raise ValueError(
                f"inputs of shape {tuple(inputs.shape)} do not hold {len(targets)} examples "
                f"along axis {batch_dim} (batch_dim), one for each of targets: give as many"
            )
        return
    if inputs.shape[:2] != targets.shape[:2]:
        raise ValueError(
            f"targets have shape {shape}, which are not the first two axes of inputs "
            f"{tuple(inputs.shape)}: one class per step is meant. Of several labels per example "
            "number the combinations, torch.unique(targets, dim=0, return_inverse=True)[1]; where "
            "steps are the last axis of inputs, probe one of them: targets[:, i] with "
            "forward=lambda model, x: model(x)[..., i]"
        )
    if not 0 <= burn_in < shape[1 - batch_dim]:
        raise ValueError(f"burn_in must be in 0..{shape[1 - batch_dim] - 1}, got {burn_in}")


def _as_classes(targets: Tensor) -> str | None:
    """Return how to make classes of floats that are class numbers, or None if they are none."""
    values = np.unique(targets.detach().cpu().double().numpy())
    values = values[np.isfinite(values)]
    if not 0 < len(values) <= _MOST_CLASSES or not (values == np.rint(values)).all():
        return None
    if targets.dim() == 1:
        return "targets.long()"
    if not set(values.tolist()) <= {0.0, 1.0}:
        return None  # counts and grades may be predicted as numbers
    if targets.shape[-1] == 1:
        return "targets[..., 0].long()"
    if bool((targets.sum(dim=-1) == 1).all()):
        return "targets.argmax(dim=-1)"
    return "torch.unique(targets, dim=0, return_inverse=True)[1], which numbers combinations"
