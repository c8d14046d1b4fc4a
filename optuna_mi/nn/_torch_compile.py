"""Keeping torch.compile out of code that it cannot trace."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")

_WHY = (
    "DilatedRNN runs uncompiled inside a compiled model: leave fullgraph=True out, and export with "
    "torch.export.export(..., strict=False)"
)


def uncompiled(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function run as it is where a model is compiled, what surrounds it being compiled.

    The compiler takes none of PyTorch's recurrent modules anyway, and would trace numba itself.
    ``torch.compiler.disable`` alone would import the compiler, which takes as long as PyTorch.
    """
    disabled: list[Any] = []  # the compiler sees through functools.cache, and warns of it

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        if torch.compiler.is_compiling():
            torch._dynamo.graph_break(msg=_WHY)
            if not disabled:
                disabled.append(torch.compiler.disable(function, reason=_WHY))  # type: ignore[no-untyped-call]
            result: T = disabled[0](*args, **kwargs)
            return result
        return function(*args, **kwargs)

    return checked
