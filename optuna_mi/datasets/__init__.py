"""Data sets: sequential images, text, and a user's own files, arrays and frames."""

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
