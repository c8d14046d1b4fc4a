"""Checkpoints of a trial: written completely or not at all, resumed by that trial alone."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import math
import os
import re
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._pytree import tree_map_only

from optuna_mi._logging import get_logger

if TYPE_CHECKING:
    from optuna_mi.training._loop import History, Run

_logger = get_logger(__name__)

_LONGEST_NAME = 80
# A trial's attribute with a random key, which its checkpoint repeats. Retried trials inherit it; a
# trial of another study has another key, even if name, number and settings are the same.


def checkpoint_path(folder: Path, study_name: str, number: int) -> Path:
    """Return where a trial's checkpoint goes: ``STUDY-NUMBER.pt``.

    A file system may not distinguish some names, such as upper and lower case. Those get a digest
    behind a ``~``, which no other name contains.

    Example:
        >>> [checkpoint_path(Path(), name, 0).name for name in ("digits", "a b", "a/b")]
        ['digits-0.pt', 'a_b~c8687a08-0.pt', 'a_b~c14cddc0-0.pt']
    """
    safe = re.sub(r"[^a-z0-9_.-]+", "_", study_name.lower())[:_LONGEST_NAME]
    if safe != study_name or safe.startswith("."):
        safe += "~" + hashlib.sha256(study_name.encode(errors="replace")).hexdigest()[:8]
    return folder / f"{safe}-{number}.pt"


def fingerprint(settings: dict[str, Any]) -> str:
    """Return a short digest of plain settings."""
    text = json.dumps(settings, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint under a temporary name and move it into place.

    Args:
        path: Where it goes; missing folders are made.
        state: Tensors and plain Python values only.

    Raises:
        OSError: The folder cannot be written or the disk is full; the previous checkpoint stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def remove_checkpoint(path: Path) -> None:
    """Remove a checkpoint, and what a killed process left half written beside it."""
    for found in [path, *path.parent.glob(f"{path.name}?*")]:
        found.unlink(missing_ok=True)


def load_checkpoint(path: Path, device: torch.device) -> dict[str, Any] | None:
    """Return the checkpoint, or None where there is none.

    Args:
        path: Where it was saved.
        device: Where its tensors go.

    Raises:
        ValueError: The file is damaged.
    """
    if not path.is_file():
        return None
    try:
        # torch writes a checksum for every record, but does not check it when it reads.
        with zipfile.ZipFile(path) as archive:
            spoilt = archive.testzip()
        if spoilt is not None:
            raise ValueError(f"the checksum of its record {spoilt} is wrong")
        state = torch.load(path, map_location=device, weights_only=True)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # zipfile and torch raise a dozen kinds at a damaged file
        first = (str(error).splitlines() or [""])[0]
        raise ValueError(f"it is damaged ({type(error).__name__}: {first[:200]})") from error
    if not isinstance(state, dict):
        raise ValueError(f"it holds a {type(state).__name__}")
    return state


def resume(run: Run) -> None:
    """Resume from the run's checkpoint; if that cannot be done, warn and leave the run as it is.

    Afterwards the run is either as it was before, or entirely as in the checkpoint.
    """
    assert run.checkpoint is not None
    before = copy.deepcopy(_parts(run))
    try:
        state = load_checkpoint(run.checkpoint, run.task.device)
        if state is None:
            return
        history = _checked(run, state)
        best = type(run.best)(**state["best"])
        if not 0 <= best.epoch < len(history.values):
            raise ValueError(f"its best epoch is {best.epoch} of {len(history.values)}")
        _check_shapes(run, best.model)
        for name, part in _owners(run).items():
            part.load_state_dict(state[name])
        _check_optimizer(run.optimizer)
    except torch.OutOfMemoryError:
        raise
    # load_state_dict of a model, optimizer or policy can raise anything on a foreign state.
    except Exception as error:
        for name, part in _owners(run).items():
            part.load_state_dict(before[name])
        remove_checkpoint(run.checkpoint)
        _logger.warning(
            f"The checkpoint {run.checkpoint} cannot be taken up: {_reason(error)}. The trial "
            "starts from its first epoch."
        )
        return
    run.history, run.best = history, best
    _logger.info("Resumed after %d epochs from %s", len(history.lr), run.checkpoint)


def state_of(run: Run) -> dict[str, Any]:
    """Return what a checkpoint of the run holds."""
    state = _parts(run) | {
        "history": dataclasses.asdict(run.history),
        "identity": run.identity,
        "best": {"epoch": run.best.epoch, "model": run.best.model},
        "build": run.build,
    }
    return tree_map_only(torch.Tensor, _alone, state)  # type: ignore[no-any-return]


def _alone(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor that a file holds alone: a view would bring all of its memory along."""
    is_whole = tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
    return tensor if is_whole else tensor.clone()


def _owners(run: Run) -> dict[str, Any]:
    owners = {"model": run.model, "optimizer": run.optimizer, "policy": run.policy}
    return {name: part for name, part in owners.items() if part is not None}


def _parts(run: Run) -> dict[str, Any]:
    parts = {name: part.state_dict() for name, part in _owners(run).items()}
    return {"policy": None} | parts


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    return (str(error).splitlines() or [type(error).__name__])[0]


def _checked(run: Run, state: dict[str, Any]) -> History:
    """Return the history of a checkpoint that belongs to the run.

    Raises:
        KeyError: Something is missing.
        ValueError: It belongs to another trial or other settings, or does not hold together.
    """
    theirs = state["identity"]
    for name, ours in run.identity.items():
        if theirs.get(name) != ours:
            raise ValueError(
                f"it belongs to another {'trial' if name == 'key' else name} "
                f"({_described(theirs)}; this is {_described(run.identity)})"
            )
    _check_shapes(run, state["model"])
    history = type(run.history)(**state["history"])
    series = [history.values, history.ihyll, history.lr]
    lengths = sorted({len(one) for one in series})
    if len(lengths) > 1 or not lengths[0]:
        raise ValueError(f"its series have {lengths} epochs")
    if lengths[0] > run.epochs:
        raise ValueError(f"it was trained for {lengths[0]} epochs, and {run.epochs} are asked for")
    if not all(_are_numbers(one) for one in series):
        raise ValueError("its series hold something else than finite numbers")
    return history


def _check_shapes(run: Run, found: dict[str, Any]) -> None:
    ours = run.model.state_dict()
    for name in ours.keys() | found.keys():
        shapes = [tuple(side[name].shape) if name in side else None for side in (ours, found)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"its {name} has the shape {shapes[1]}, not {shapes[0]}")


def _described(identity: dict[str, Any]) -> str:
    key = str(identity.get("key"))[:8]
    return f"trial {identity.get('trial')} of study {identity.get('study')!r}, key {key}"


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(value, float) and math.isfinite(value) for value in values)


def _check_optimizer(optimizer: torch.optim.Optimizer) -> None:
    """Raise ValueError if an optimizer's moment differs in shape from its parameter."""
    for parameter, moments in optimizer.state.items():
        for name, moment in moments.items():
            is_scalar = not isinstance(moment, torch.Tensor) or moment.numel() == 1
            if not is_scalar and moment.shape != parameter.shape:
                raise ValueError(
                    f"its optimizer's {name} has the shape {tuple(moment.shape)}, not "
                    f"{tuple(parameter.shape)}"
                )
