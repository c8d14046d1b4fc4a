"""A user's ``.arff`` file, as Weka and the UCR archive write them: scipy reads it."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optuna_mi.datasets._features import of_features
from optuna_mi.datasets._open_file import not_in_encoding, open_text
from optuna_mi.datasets._reading import FileContents, Reading


def read_arff_file(path: Path, reading: Reading) -> pd.DataFrame | FileContents:
    """Return the table, or the sequences of several dimensions with their labels.

    Raises:
        ValueError: It cannot be read.
    """
    from scipy.io import arff

    try:
        with open_text(path, reading.encoding) as file:
            found, _ = arff.loadarff(io.StringIO(file.read()))
    except UnicodeError as error:
        raise not_in_encoding(path, reading.encoding, error) from error
    except NotImplementedError as error:
        raise ValueError(
            f"{path.name} has an attribute that is neither number nor class ({error}): save a .csv"
        ) from error
    except (arff.ArffError, ValueError, StopIteration, IndexError, TypeError) as error:
        raise ValueError(
            f"{path.name} cannot be read as .arff: {str(error) or 'it lacks a header or @data'}"
        ) from error
    names = list(found.dtype.names or ())
    relational = [n for n in names if found.dtype[n].kind == "O"]
    if relational:
        return _of_dimensions(found, relational[0], names[-1], reading)
    columns = {n: found[n] for n in names}
    return pd.DataFrame(
        {n: np.char.decode(v, "utf-8") if v.dtype.kind == "S" else v for n, v in columns.items()}
    )


def _of_dimensions(found: Any, relational: str, label: str, reading: Reading) -> FileContents:
    """Return sequences whose dimensions are the rows of a relational attribute."""
    parts = []
    for instance in found[relational]:
        rows = [list(row) for row in instance.tolist()]
        parts.append(np.array(rows, dtype=np.float64).T)
    labels = None if label == relational else np.char.decode(found[label], "utf-8")
    contents = of_features(parts, reading, what="dimension")
    aside = "" if labels is None else f"column {label} holds labels"
    return dataclasses.replace(contents, aside=aside, labels=labels)
