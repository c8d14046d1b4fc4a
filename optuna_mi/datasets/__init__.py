"""Data sets: sequential images, text, and a user's own files, arrays and frames.

Names load when first used: the command reads a file's options without loading pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna_mi.datasets._arrays import from_arrays
    from optuna_mi.datasets._base import (
        ClassificationSplit,
        Dataset,
        LanguageModeling,
        RegressionSplit,
        SequenceClassification,
        SequenceRegression,
    )
    from optuna_mi.datasets._frame import from_frame
    from optuna_mi.datasets._load import NAMES, load_dataset

# name -> module that defines it (PEP 562: imported on first access)
_NAMES = {
    "from_arrays": "_arrays",
    "from_frame": "_frame",
    "NAMES": "_load",
    "load_dataset": "_load",
}

__all__ = [
    "NAMES",
    "ClassificationSplit",
    "Dataset",
    "LanguageModeling",
    "RegressionSplit",
    "SequenceClassification",
    "SequenceRegression",
    "from_arrays",
    "from_frame",
    "load_dataset",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_NAMES.get(name, '_base')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
