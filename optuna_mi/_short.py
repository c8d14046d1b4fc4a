"""What a result or a data set is called in a notebook: shapes of its arrays, not their numbers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

# longer collections are told by their size
_FEW = 8


class Short:
    """A dataclass whose text tells of arrays their type and shape."""

    def __repr__(self) -> str:
        """Return the fields that are not None; of arrays and long lists the size."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]
        told = ", ".join(f"{n}={_told(v)}" for n, v in values.items() if v is not None)
        return f"{type(self).__name__}({told})"


def _told(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} array of shape {value.shape}>"
    if isinstance(value, list | tuple) and (
        len(value) > _FEW or any(isinstance(v, np.ndarray) for v in value)
    ):
        return f"<{type(value).__name__} of {len(value):,}>"
    if isinstance(value, str | int | float | list | tuple | Short):
        return repr(value)
    return f"<{type(value).__name__}>"
