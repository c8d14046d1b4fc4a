"""Checks at the door, one for each kind of argument: all public functions refuse alike.

A wrong type is a TypeError, a wrong value a ValueError. Each message names the argument, says what
it must be and shows what came.
"""

from __future__ import annotations

import inspect
import math
import operator
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, SupportsFloat, SupportsIndex

import numpy as np
import numpy.typing as npt

# kinds of dtype that are real numbers; a bool is a mistake wherever a number is wanted
_REAL_KINDS = "iuf"


def shown(value: Any) -> str:
    """Return how a message shows a value: short, on one line, with its type."""
    text = " ".join(repr(value).split())
    if len(text) > 60:
        shape = getattr(value, "shape", None)
        text = f"{text[:57]}..." if shape is None else f"shape {tuple(shape)}"
    return f"{text} ({type(value).__name__})"


def _range(least: float, most: float | None) -> str:
    return f"of at least {least}" if most is None else f"from {least} to {most}"


def whole(name: str, value: Any, least: int = 0, most: int | None = None) -> int:
    """Return an integer as Python's own; numpy's are accepted, bools and floats are not.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it is out of range.
    """
    try:
        if isinstance(value, bool) or not isinstance(value, SupportsIndex):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name} must be an integer {_range(least, most)}, got {shown(value)}"
        ) from None
    if number < least or (most is not None and number > most):
        raise ValueError(f"{name} must be an integer {_range(least, most)}, got {number}")
    return number


def no_padding(name: str, labels: npt.NDArray[Any]) -> None:
    """Refuse class labels in which -100 marks padding, as in PyTorch and Hugging Face.

    Raises:
        ValueError: If -100 is the only negative one.
    """
    if labels.dtype.kind != "i":
        return
    negative = labels[labels < 0]
    if negative.size and (negative == -100).all():
        raise ValueError(
            f"{name} hold -100, which marks padding in PyTorch, {negative.size:,} times in "
            f"{labels.size:,}: leave those samples out (keep = {name} != -100); if it is a class, "
            f"name the classes by text ({name}.astype(str))"
        )


def wholes(name: str, values: Any, least: int = 0, most: int | None = None) -> tuple[int, ...]:
    """Return a sequence of integers as a tuple of Python's own; it may be empty.

    Raises:
        TypeError: If it is no sequence, or an entry no integer.
        ValueError: If an entry is out of range.
    """
    return tuple(
        whole(f"{name}[{i}]", value, least, most)
        for i, value in enumerate(listed(name, values, "integers such as (1, 2, 4)"))
    )


def listed(name: str, values: Any, of: str) -> tuple[Any, ...]:
    """Return the entries of a list, tuple or array.

    Raises:
        TypeError: If it is none of these; a str is none.
    """
    is_array = hasattr(values, "__array__") and getattr(values, "ndim", 0) == 1
    if not is_array and (isinstance(values, str | bytes) or not isinstance(values, Sequence)):
        raise TypeError(f"{name} must be a sequence of {of}, got {shown(values)}")
    return tuple(values)


def sentences(name: str, values: Any) -> tuple[str, ...]:
    """Return a sequence of str as a tuple.

    Raises:
        TypeError: If it is none; a single str is none.
    """
    given = listed(name, values, "sentences (str)")
    for i, value in enumerate(given):
        instance(f"{name}[{i}]", value, str, "a str")
    return given


def real(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
) -> float:
    """Return a finite real number within its bounds, as a float.

    Raises:
        TypeError: If it is no real number.
        ValueError: If it is NaN or infinite, or out of range.
    """
    bounds = ((">", above), (">=", least), ("<", below), ("<=", most))
    rule = " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)
    wanted = f"{name} must be a finite number {rule}".rstrip()
    no_number = isinstance(value, bool | np.bool_ | complex | str | np.complexfloating)
    if no_number or not isinstance(value, SupportsFloat) or getattr(value, "ndim", 0) != 0:
        raise TypeError(f"{wanted}, got {shown(value)}")
    number = float(value)
    if (
        not math.isfinite(number)
        or (above is not None and not number > above)
        or (least is not None and number < least)
        or (below is not None and not number < below)
        or (most is not None and number > most)
    ):
        raise ValueError(f"{wanted}, got {number!r}")
    return number


def reals(
    name: str, values: Any, *, least: float | None = None, most: float | None = None
) -> npt.NDArray[np.float64]:
    """Return finite real numbers as a new float64 array of any shape.

    Raises:
        TypeError: If they are no real numbers.
        ValueError: If they are ragged, masked, NaN, infinite or out of range.
    """
    array = as_array(name, values)
    if array.dtype.kind not in _REAL_KINDS:
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    numbers = np.array(array, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} must hold finite numbers, but holds NaN or infinity")
    for bound, sign, wrong in ((least, ">=", np.less), (most, "<=", np.greater)):
        if bound is not None and (outside := numbers[wrong(numbers, bound)]).size:
            raise ValueError(f"{name} must hold numbers {sign} {bound:g}, got {outside[0]:g}")
    return numbers


def as_array(name: str, values: Any) -> npt.NDArray[Any]:
    """Return anything as an array, no entry of which may be masked.

    Raises:
        TypeError: If it is nothing that holds entries.
        ValueError: If it is ragged, or entries are masked.
    """
    masked = int(np.count_nonzero(values.mask)) if isinstance(values, np.ma.MaskedArray) else 0
    if masked:
        raise ValueError(
            f"{masked} of {values.size} values of {name} are masked: leave those samples out, in "
            "every array alike (x[~mask]), or fill them (x.filled(...))"
        )
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(
            f"{name} must be one array, got sequences of different lengths: {shown(values)}"
        ) from None
    if array.dtype.kind == "O" and array.ndim == 0:
        raise TypeError(f"{name} must be an array of numbers, got {shown(values)}")
    return array


def flag(name: str, value: Any) -> bool:
    """Return a bool; numpy's is accepted, 0, 1 and text are not.

    Raises:
        TypeError: If it is none.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def one_of(name: str, value: Any, allowed: Collection[str | None]) -> None:
    """Refuse what is not among the names allowed, of which ``None`` may be one.

    Raises:
        ValueError: If it is not.
    """
    if not (value is None or isinstance(value, str)) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")


def instance(
    name: str, value: Any, kind: type[Any] | tuple[type[Any], ...], wanted: str, remedy: str = ""
) -> None:
    """Refuse an object of another class.

    Args:
        name: The argument's name.
        value: The object.
        kind: What it must be an instance of.
        wanted: The same in words: "a DecayCurve".
        remedy: How to get one.

    Raises:
        TypeError: If it is of another class.
    """
    if not isinstance(value, kind):
        got = f"the class {value.__name__}" if isinstance(value, type) else shown(value)
        raise TypeError(f"{name} must be {wanted}, got {got}{remedy and f'; {remedy}'}")


def check_keywords(name: str, options: Any, function: Callable[..., Any]) -> None:
    """Refuse keywords that a function does not have; ``None`` stands for no options.

    Raises:
        TypeError: If they are no mapping, or the function lacks one.
    """
    if options is None:
        return
    instance(name, options, Mapping, "a mapping of keywords")
    known = inspect.signature(function).parameters
    unknown = sorted(str(key) for key in options if key not in known)
    if unknown:
        raise TypeError(
            f"{name}: {function.__name__} has no keyword {', '.join(unknown)}; it takes "
            f"{', '.join(known)}"
        )


def file_path(name: str, value: Any) -> Path:
    """Return a path.

    Raises:
        TypeError: If it is neither a str nor a ``pathlib.Path``.
    """
    instance(name, value, (str, os.PathLike), "a path (str or pathlib.Path)")
    return Path(value)


def new_file(name: str, value: Any) -> Path:
    """Return the path of a file that can be written: its folder is there, and it is none itself.

    Raises:
        TypeError: If it is no path.
        FileNotFoundError: If there is no such folder.
        IsADirectoryError: If the path is a folder.
    """
    target = file_path(name, value)
    if target.is_dir():
        raise IsADirectoryError(f"{name} must name a file, and {target} is a folder")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"{name}: cannot write {target}: there is no folder {target.parent}; make it first"
        )
    return target


def random_generator(name: str, seed: Any) -> np.random.Generator:
    """Return the generator, or one from a seed.

    Raises:
        TypeError: If it is neither a generator nor an integer.
        ValueError: If the seed is negative.
    """
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.default_rng(whole(name, seed))
