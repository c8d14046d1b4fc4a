"""A user's ``.json`` file: records, columns, sequences, or a series by itself."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optuna_mi.datasets._columns import from_columns
from optuna_mi.datasets._open_file import not_in_encoding, open_text
from optuna_mi.datasets._reading import FileContents, Reading, check_unit, count_of

_NUMBER = (bool, int, float, type(None))


def read_json_file(path: Path, reading: Reading) -> FileContents:
    """Return what a JSON file holds.

    An array of records and an object of arrays of one length are tables; an array of arrays, or an
    object of arrays of different lengths, are sequences; an array, or an object, of numbers is a
    series. An array within an object of other things is found.

    Raises:
        ValueError: It is no JSON, or none of these.
    """
    try:
        with open_text(path, reading.encoding) as file:
            value = json.load(file)
    except UnicodeError as error:
        raise not_in_encoding(path, reading.encoding, error) from error
    except ValueError as error:
        if "Extra data" in str(error):  # one object per line, as databases export
            return read_json_lines(path, reading)
        raise ValueError(f"{path.name} cannot be read as JSON: {error}") from error
    except RecursionError as error:
        raise ValueError(f"{path.name} is nested too deeply to hold a table") from error
    return _contents(path.name, value, reading)


def read_json_lines(path: Path, reading: Reading) -> FileContents:
    """Return what a file with one JSON object, array or value per line holds.

    Raises:
        ValueError: A line is no JSON, or lines hold different things.
    """
    found = []
    with open_text(path, reading.encoding) as file:
        for number, line in enumerate(file, start=1):
            try:
                if line.strip():
                    found.append(json.loads(line))
            except ValueError as error:
                raise ValueError(
                    f"{path.name} cannot be read as one JSON object per line: line {number} is "
                    f"{line[:40].rstrip()!r} ({error})"
                ) from error
    if all(isinstance(v, dict) for v in found):
        frame = pd.DataFrame.from_records(found)
        check_unit(path, reading, frame)
        return from_columns(path.name, frame, reading)
    return _contents(path.name, found, reading)


def _contents(name: str, value: Any, reading: Reading) -> FileContents:
    if isinstance(value, dict):
        return _of_object(name, value, reading)
    if not isinstance(value, list) or not value:
        raise ValueError(f"{name} holds {_short(value)}: an array or an object of arrays is needed")
    if all(isinstance(v, dict) for v in value):
        return from_columns(name, pd.DataFrame.from_records(value), reading)
    if all(isinstance(v, list) for v in value):
        return _sequences(name, value, count_of(len(value), "sequence") + ", one an array")
    if any(isinstance(v, list | dict) for v in value):
        raise ValueError(f"{name} holds an array of different things: one kind is needed")
    return from_columns(name, pd.DataFrame({"value": value}), reading)


def _of_object(name: str, value: dict[str, Any], reading: Reading) -> FileContents:
    if set(value) == {"columns", "index", "data"}:  # as pandas writes it with orient="split"
        frame = pd.DataFrame(value["data"], value["index"], value["columns"])
        return from_columns(name, frame, reading)
    found: dict[str, Any] = {k: v for k, v in value.items() if isinstance(v, list | dict) and v}
    if not found:
        if len(value) > 1 and all(isinstance(v, _NUMBER) for v in value.values()):
            frame = pd.DataFrame({"time": list(value), "value": list(value.values())})
            return from_columns(name, frame, reading)
        raise ValueError(f"{name} holds {_short(value)}: no array of values is in it")
    if len(found) < len(value) or len(found) == 1:
        if reading.column in found and not isinstance(found[str(reading.column)], dict):
            return _contents(name, found[str(reading.column)], _without_column(reading))
        if len(found) > 1:
            raise ValueError(
                f"{name} holds {', '.join(map(str, found))}, among other things: choose one by "
                "--column NAME"
            )
        (key,) = found
        if len(value) == 1 and _is_column(found[key]):
            return from_columns(name, pd.DataFrame(found), reading)
        return _contents(name, found[key], reading)
    if all(isinstance(v, dict) for v in found.values()):
        if all(not isinstance(x, list | dict) for v in found.values() for x in v.values()):
            return from_columns(name, pd.DataFrame(found), reading)
        raise ValueError(f"{name} is an object of objects that hold arrays: write records instead")
    columns = all(_is_column(v) for v in found.values())
    if columns and len(set(map(len, found.values()))) == 1:
        return from_columns(name, pd.DataFrame(found), reading)
    if reading.column is not None:
        if reading.column not in found:
            raise ValueError(f"{name} has no {reading.column!r}; it has {', '.join(found)}")
        return _contents(name, found[reading.column], _without_column(reading))
    if columns:
        what = f"{count_of(len(found), 'sequence')} of different lengths, one per name"
        return _sequences(name, list(found.values()), what)
    raise ValueError(f"{name} holds {', '.join(found)}: choose one by --column NAME")


def _is_column(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(v, list | dict) for v in value)


def _sequences(name: str, rows: list[list[Any]], what: str) -> FileContents:
    kinds = {isinstance(v, _NUMBER) for row in rows for v in row}
    if len(kinds) != 1 or any(isinstance(v, list | dict) for row in rows for v in row):
        raise ValueError(
            f"{name} holds arrays of other things than numbers, or than texts: each must be one "
            "sequence"
        )
    if kinds == {True}:
        sequences = [np.asarray(pd.to_numeric(pd.Series(row, dtype=object))) for row in rows]
    else:
        sequences = [np.array(row, dtype=object) for row in rows]
    return FileContents(sequences, what)


def _without_column(reading: Reading) -> Reading:
    return dataclasses.replace(reading, column=None)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 60 else f"{text[:57]}..."
