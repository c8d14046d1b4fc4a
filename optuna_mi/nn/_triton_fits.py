"""Whether Triton's kernels can run a stack here.

What does not compile on a card, or is wrong there (see ``_triton_check.py``), is not used.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Sequence

import torch

from optuna_mi._logging import get_logger
from optuna_mi.nn._check_arguments import Cell
from optuna_mi.nn._precision import Operands, autocast_dtype, operands

MAX_SIZE = 256
# In full float32 a product is three of TF32: above, they take as long as cuDNN's launches.
MAX_EXACT = 128
# About ten times the error that each operand's mantissa explains.
_TOLERANCES = {"float32": 1e-4, "tf32": 1e-2, "float16": 1e-2, "bfloat16": 8e-2}

_logger = get_logger(__name__)


def why_not_triton(
    cell: Cell, hidden_sizes: Sequence[int], x: torch.Tensor, weight: torch.Tensor
) -> str | None:
    """Say why Triton's kernels cannot run this; ``None`` where they can.

    Args:
        cell: ``"rnn"``, ``"gru"`` or ``"lstm"``.
        hidden_sizes: Of all layers.
        x: The input.
        weight: One of the parameters.
    """
    device = x.device
    if device != weight.device or weight.dtype != torch.float32:
        return f"it runs float32 parameters, but the model is {weight.dtype} on {weight.device}"
    if max(hidden_sizes) > MAX_SIZE:
        return f"a hidden size of {max(hidden_sizes)} is above {MAX_SIZE}"
    kinds = {size: operands(device.type, size) for size in set(hidden_sizes)}
    projected = autocast_dtype(device.type) or torch.float32
    if kinds[max(kinds)] == "float32" and max(kinds) > MAX_EXACT:
        return (
            f"above a hidden size of {MAX_EXACT} it does not multiply in full float32 (set "
            "torch.backends.cudnn.allow_tf32 = True)"
        )
    missing = _missing(device)
    if missing is not None:
        return missing
    if device.type != "cuda":
        return None
    for size, kind in kinds.items():
        key = cell, size, kind, projected, device
        if torch.cuda.is_current_stream_capturing() and key not in _checked:
            return "its first use on a card cannot be part of a CUDA graph (run a step before)"
        fault = _fault(*key)
        if fault is not None:
            return fault
    return None


@functools.cache
def _missing(device: torch.device) -> str | None:
    if not _has_triton():
        return "Triton is not installed (pip install triton)"
    if device.type != "cuda":
        if os.environ.get("TRITON_INTERPRET") == "1":
            return None
        return f"it runs on CUDA, but the input is on {device}"
    if torch.version.hip is not None:
        return "it was not tried on ROCm"
    if torch.cuda.get_device_capability(device) < (8, 0):
        return f"{torch.cuda.get_device_name(device)} is older than compute capability 8.0"
    return None


def _has_triton() -> bool:
    try:
        return importlib.util.find_spec("triton") is not None
    except ValueError:  # a module without a specification stands for it
        return False


_checked: dict[tuple[Cell, int, Operands, torch.dtype, torch.device], str | None] = {}
_warned: set[str] = set()


def _fault(
    cell: Cell, size: int, kind: Operands, projected: torch.dtype, device: torch.device
) -> str | None:
    """Check the kernels of one cell, size and precision on a card, once in a process."""
    key = (cell, size, kind, projected, device)
    if key not in _checked:
        fault: str | None = None
        try:
            from optuna_mi.nn._triton_check import largest_error

            error = largest_error(cell, size, kind, projected, device)
            if not error <= _TOLERANCES[kind]:  # a NaN is no error below anything
                fault = f"its kernels are wrong here (relative error {error:.1e})"
        except torch.OutOfMemoryError:
            raise
        # Whatever a compiler or a driver raises: without these kernels the model still runs.
        except Exception as caught:
            # A compiler's words can be a page.
            words = " ".join(str(caught).split())[:200]
            fault = f"its kernels do not run here ({type(caught).__name__}: {words})"
        if fault is not None and fault not in _warned:
            _warned.add(fault)
            name = torch.cuda.get_device_name(device)
            _logger.warning(
                "DilatedRNN does without Triton's kernels for %s of size %d (%s) on %s: %s. "
                'backend="views" runs instead. The same reason is not repeated.',
                *(cell, size, kind, name, fault),
            )
        _checked[key] = fault
    return _checked[key]
