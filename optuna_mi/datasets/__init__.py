"""Data sets: sequential images, text, and a user's own files."""

from optuna_mi.datasets._base import (
    ClassificationSplit,
    Dataset,
    LanguageModeling,
    SequenceClassification,
)
from optuna_mi.datasets._load import NAMES, load_dataset

__all__ = [
    "NAMES",
    "ClassificationSplit",
    "Dataset",
    "LanguageModeling",
    "SequenceClassification",
    "load_dataset",
]
