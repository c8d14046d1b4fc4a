"""The model that a probe reads: without its wrappers, in eager mode, fed in its own dtype."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

_WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel)


def unwrap(model: nn.Module) -> nn.Module:
    """Return the model inside of what compiles, parallelises or averages it.

    The names of layers are those of the inner model; hooks on layers are not seen by compiled code;
    and a forward pass of one process alone must not wait for the others.
    """
    while True:
        # torch.compile's and Lightning Fabric's wrappers have no public class.
        names = ("module",) if isinstance(model, _WRAPPERS) else ("_orig_mod", "_original_module")
        found = [getattr(model, name, None) for name in names]
        inner = [module for module in found if isinstance(module, nn.Module)]
        if not inner:
            return model
        model = inner[0]


def get_layer(model: nn.Module, name: str) -> nn.Module:
    """Return the layer of that name.

    Raises:
        KeyError: The model has none.
    """
    modules: dict[str, nn.Module] = dict(model.named_modules())
    if name not in modules:
        raise KeyError(f"the model has no layer {name!r}; it has {sorted(modules)[1:]}")
    return modules[name]


def takes_model(forward: Callable[..., Any]) -> bool:
    """Whether a function wants ``(model, inputs)`` rather than ``(inputs)``."""
    if isinstance(forward, nn.Module):
        return False
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):  # written in C
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is p.empty for p in parameters) == 2


def as_parameters(inputs: Tensor, model: nn.Module) -> Tensor:
    """Return inputs on the device, and real ones in the dtype, of the model's parameters."""
    # Parameters that are loaded only when their layer runs are on the device "meta" until then.
    parameters = [p for p in model.parameters() if p.device.type != "meta"]
    if not parameters:
        return inputs
    dtype = next((p.dtype for p in parameters if p.is_floating_point()), None)
    if dtype is None or not inputs.is_floating_point():
        dtype = inputs.dtype
    return inputs.to(parameters[0].device, dtype)


@contextlib.contextmanager
def eager(model: nn.Module) -> Iterator[None]:
    """Run compiled parts of a model uncompiled: hooks are seen, and no shape is compiled anew."""
    compiled = any(
        getattr(module, "_compiled_call_impl", None) is not None or hasattr(module, "_orig_mod")
        for module in model.modules()
    )
    # Only then: the compiler takes a second to import.
    with torch.compiler.set_stance("force_eager") if compiled else contextlib.nullcontext():
        yield
