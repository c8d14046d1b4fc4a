"""Tables of which each row is a sequence, with or without a column of labels."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from optuna_mi.datasets._columns import find_column
from optuna_mi.datasets._reading import FileContents, Reading, count_of

# so many columns of one name and a number are the steps of a row
_STEPS = 10
# so many rows that are counted are no coincidence
_COUNTED = 10


def are_steps(names: list[str]) -> bool:
    """Return whether most names are one word and a number, as in t0, t1, t2."""
    found = [re.fullmatch(r"(\D*)(\d+)", name.strip()) for name in names]
    kinds = Counter(m.group(1) for m in found if m)
    return bool(kinds) and kinds.most_common(1)[0][1] >= max(_STEPS, 0.9 * (len(names) - 2))


def from_rows(name: str, frame: pd.DataFrame, reading: Reading) -> FileContents:
    """Return each row as a sequence, without a column of labels."""
    numbering = _numbering(frame)
    if numbering is not None and numbering != reading.label_column:
        contents = from_rows(name, frame.drop(columns=numbering), reading)
        said = f"column {numbering} numbers the rows"
        aside = ", ".join(filter(None, (said, contents.aside)))
        return dataclasses.replace(contents, aside=aside)
    label = find_column(name, frame, reading.label_column)
    aside = f"column {label} holds labels"
    labels = None if label is None else frame[label].to_numpy()
    if label is None:
        ends = (str(frame.columns[0]), str(frame.columns[-1]))
        label = next((c for c in ends if _are_labels(frame, c)), None)
        aside = f"column {label} looks like labels (--label-column {label}: search learns them)"
    if label is not None:
        frame = frame.drop(columns=label)
    texts = [c for c in frame if not pd.api.types.is_numeric_dtype(frame[c].dtype)]
    if texts:
        raise ValueError(
            f"{name} holds text in column {texts[0]} (such as {frame[texts[0]].iloc[0]!r}) where "
            "each row is read as a sequence of numbers: choose a column by --column NAME"
        )
    values = frame.to_numpy()
    what = f"{count_of(len(values), 'sequence')} of {values.shape[1]:,}, one per row"
    return FileContents(values, what, aside=aside if label is not None else "", labels=labels)


def _numbering(frame: pd.DataFrame) -> str | None:
    """Return the first column where it alone counts the rows."""
    if len(frame) < _COUNTED or frame.shape[1] < 3:
        return None
    first, *others = (frame.iloc[:, j] for j in range(3))

    def counts(values: pd.Series[Any]) -> bool:
        return pd.api.types.is_integer_dtype(values.dtype) and bool((values.diff()[1:] == 1).all())

    return str(first.name) if counts(first) and not any(map(counts, others)) else None


def _are_labels(frame: pd.DataFrame, column: str) -> bool:
    """Return whether a column beside the sequences holds classes: text, or few whole numbers."""
    values, others = frame[column], frame.drop(columns=column)
    if re.fullmatch(r"\W*(label|class|target|y)s?\W*", column.lower()):
        return True
    if not pd.api.types.is_numeric_dtype(values.dtype):
        return True
    numbers_only = others.select_dtypes("number").to_numpy(dtype=np.float64)
    if numbers_only.shape[1] < 2 or not (numbers_only % 1 != 0).mean() > 0.5:
        return False
    whole = bool((values % 1 == 0).all())
    return whole and values.nunique() <= max(2, len(values) // 2)
