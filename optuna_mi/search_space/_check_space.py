from __future__ import annotations

from typing import Any

from optuna_mi._checks import instance
from optuna_mi.search_space._space import DilationSpace


def check_space(space: Any) -> DilationSpace:
    """Return the space.

    Raises:
        TypeError: It is none.
    """
    remedy = "make one with DilationSpace.from_sequences or from_analysis"
    instance("space", space, DilationSpace, "a DilationSpace", remedy)
    checked: DilationSpace = space
    return checked
