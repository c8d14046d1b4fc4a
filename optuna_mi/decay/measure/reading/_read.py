"""From what users have to one array of values and the places where its sequences begin."""

from __future__ import annotations

import numbers
import os
from collections.abc import Sequence as SequenceABC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from optuna_mi._pandas import is_column, is_frame
from optuna_mi._tensors import readable
from optuna_mi._warn import warn
from optuna_mi.decay.measure.reading._panel import Panel, as_pandas, is_panel, read_panel

if TYPE_CHECKING:
    import pandas as pd

# A hundred sequences of fewer than ten symbols on average are rather a text's words, or columns
# taken for rows: a warning says so. A choice.
_MANY, _SHORT = 100, 10
# kinds of dtype whose values are numbered: objects, str and bytes
_NO_NUMBERS = "OUS"


def flatten(x: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Return all values of x, 1-D, and the offsets of its sequences, int64, shape (n + 1,)."""
    x = unpacked(x)
    if isinstance(x, Path):
        x = _open(x)
    if isinstance(x, str):
        _check_no_path(x)
    if isinstance(x, str | bytes | bytearray):
        values = _characters(x)
        return values, _offsets([values.size])
    if is_frame(x):
        return _frame(x)
    if is_column(x):
        values = _column(x)
        return values, _offsets([values.size])
    if isinstance(x, memoryview) or hasattr(x, "__array__"):
        return _array(_as_array(x))
    if isinstance(x, SequenceABC):
        return _list(x)
    raise TypeError(
        f"sequences must be an array, bytes, str, a pandas column, the path of a .npy file or a "
        f"list of these, got {type(x).__name__}{_gathered(x)}"
    )


def flatten_vectors(x: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Like `flatten`, but steps may be vectors: values of shape (N,) or (N, features).

    Anything that is an array of shape (sequences, steps, features), the path of one, or a list of
    arrays (steps, features).
    """
    x = unpacked(x)
    if isinstance(x, Path):
        x = _open(x)
    if hasattr(x, "__array__") and not (is_frame(x) or is_column(x)):
        x = _as_array(x)
    if isinstance(x, list | tuple) and len(x) and all(np.ndim(s) == 2 for s in x):
        parts = [_reals(_as_array(s)) for s in x]
        if len({p.shape[1] for p in parts}) > 1:
            raise ValueError(
                "all sequences must have the same features, got "
                f"{sorted({p.shape[1] for p in parts})}"
            )
        return np.concatenate(parts), _offsets([len(p) for p in parts])
    if isinstance(x, np.ndarray) and x.ndim == 3:
        values = _reals(x).reshape(-1, x.shape[2])
        return values, _offsets([x.shape[1]] * x.shape[0])
    return flatten(x)


def unpacked(x: Any) -> Any:
    """Return a container of sequences as a list of them, and objects that are numbers as numbers.

    A column of polars' or pandas', an array of objects and any other sequence of Python's may hold
    one sequence in each entry. What holds symbols is returned as it is, of pandas'.
    """
    x = as_pandas(x)
    if is_column(x) and len(x) and isinstance(next(iter(x)), list | tuple | np.ndarray):
        return list(x)
    if isinstance(x, np.ndarray) and x.dtype.kind == "O" and x.size:
        if x.ndim == 1 and isinstance(x[0], list | tuple | np.ndarray | str):
            return x if all(isinstance(v, str) for v in x) else list(x)
        if all(isinstance(v, numbers.Real) for v in x.flat):
            found = np.array(x.tolist())
            whole = all(isinstance(v, numbers.Integral) for v in x.flat)
            return x if whole and found.dtype.kind == "f" else found  # reals would merge some
    if isinstance(x, str | bytes | bytearray | memoryview | list | tuple):
        return x
    return list(x) if isinstance(x, SequenceABC) else x


def _gathered(x: Any) -> str:
    """Say how to gather what gives its examples one by one."""
    if type(x).__module__.startswith("torch.utils.data") or hasattr(x, "__getitem__"):
        return (
            ". Of a map-style Dataset of pairs: X, y = zip(*dataset); of a DataLoader: "
            "X, y = map(torch.cat, zip(*loader))"
        )
    return ": list(...) gathers them" if hasattr(x, "__iter__") else ""


def _reals(x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    if x.dtype.kind not in "biufO":
        raise TypeError(f"features must be real numbers, got dtype {x.dtype}: convert them first")
    return np.asarray(x, dtype=np.float64)


def _check_no_path(x: str) -> None:
    """Refuse the name of a file, whose own characters nobody wants to measure."""
    try:
        is_file = len(x) < 4096 and Path(x).is_file()
    except (OSError, ValueError):  # no name that the system could know
        return
    if is_file:
        raise ValueError(
            f"{x!r} is the name of a file, and a str is read as its characters: pass "
            "pathlib.Path(...) of an .npy file, or what Path.read_text returns"
        )


def _warn_if_many_are_short(n_sequences: int, n_symbols: int, remedy: str) -> None:
    if n_sequences >= _MANY and n_symbols < _SHORT * n_sequences:
        warn(
            f"{n_sequences:,} sequences of {n_symbols / n_sequences:.1f} symbols on average: "
            f"distances cannot be longer than that. {remedy}"
        )


def _offsets(lengths: list[int]) -> npt.NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)


def _open(path: Path) -> npt.NDArray[Any]:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; give the path of a .npy file")
    if path.suffix != ".npy":
        raise ValueError(
            f"only .npy files are read here, got {path.name}; read the text yourself "
            "(Path.read_text) and pass it"
        )
    try:
        array: npt.NDArray[Any] = np.load(os.fspath(path), mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(
            f"{path.name} cannot be read as an array of numbers ({error}); write it anew with "
            "numpy.save"
        ) from error
    return array


def _as_array(x: Any) -> npt.NDArray[Any]:
    """Return anything that knows how to be an array as one, without a copy where it can be."""
    masked = int(np.count_nonzero(x.mask)) if isinstance(x, np.ma.MaskedArray) else 0
    if masked:
        raise ValueError(
            f"{masked} of {x.size} values are masked; fill them (x.filled(...)), or pass the "
            "pieces between them as a list: [x[s] for s in np.ma.clump_unmasked(x)]"
        )
    return np.asarray(readable(x))


def _characters(x: str | bytes | bytearray) -> npt.NDArray[Any]:
    if isinstance(x, str):
        if x.isascii():
            return np.frombuffer(x.encode("ascii"), dtype=np.uint8)
        return np.frombuffer(x.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return np.frombuffer(x, dtype=np.uint8)


def panel_values(panel: Panel) -> npt.NDArray[Any]:
    """Return a panel's values in order, or their numbers where they are tokens."""
    return _column(panel.rows["y"])


def _column(x: pd.Series[Any] | pd.Index[Any]) -> npt.NDArray[Any]:
    import pandas as pd

    values = _values(x)
    return np.asarray(pd.factorize(x)[0]).astype(np.uint32) if values is None else values


def _values(x: pd.Series[Any] | pd.Index[Any]) -> npt.NDArray[Any] | None:
    """Return a column's numbers, or ``None`` if it holds none; no value may be missing."""
    import pandas as pd

    missing = int(np.count_nonzero(x.isna()))
    if missing:
        raise ValueError(
            f"{missing} of {len(x)} values are missing; fill or drop them (Series.dropna) first"
        )
    if pd.api.types.is_numeric_dtype(x.dtype) or pd.api.types.is_bool_dtype(x.dtype):
        return np.asarray(x.to_numpy())
    return None


def _frame(x: pd.DataFrame) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    if is_panel(x):
        panel = read_panel(x)
        if panel.n_missing:
            warn(
                f"{panel.n_missing:,} steps of {panel.n_with_gaps:,} series have no value, and the "
                "rows beside them are taken for neighbours here: fill them first, or leave those "
                "series out"
            )
        return _column(panel.rows["y"]), panel.offsets
    if x.shape[1] == 1:
        values = _column(x.iloc[:, 0])
        return values, _offsets([values.size])
    raise ValueError(
        f"a DataFrame must have one column, or the columns unique_id, ds and y of a panel; got "
        f"{list(x.columns)}. Pass one column: frame['name']"
    )


def _array(x: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    if x.ndim not in (1, 2):
        raise ValueError(
            f"an array must have shape (steps,) or (sequences, steps), got {x.shape}; flatten "
            "images to x.reshape(len(x), -1)"
        )
    if x.ndim == 2:
        remedy = "If columns are series, pass x.T or one column; if rows are one-hot, x.argmax(1)"
        _warn_if_many_are_short(len(x), x.size, remedy)
    lengths = [x.size] if x.ndim == 1 else [x.shape[1]] * x.shape[0]
    if x.dtype.kind in _NO_NUMBERS:
        return _codes(x.ravel()), _offsets(lengths)
    if x.dtype.kind not in "biuf":
        raise TypeError(f"symbols must be integers, bytes or characters, got dtype {x.dtype}")
    return x.reshape(-1), _offsets(lengths)


def _codes(values: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """Number what is no number, shape (N,), in the order in which it first appears."""
    import pandas as pd

    codes = np.asarray(pd.factorize(values)[0], dtype=np.int64)
    missing = int(np.count_nonzero(codes < 0))
    if missing:
        raise ValueError(f"{missing} of {codes.size} symbols are missing; drop them first")
    kinds = {t.__name__ for t in set(map(type, values))} if values.dtype.kind == "O" else set()
    if len(kinds) > 1:
        raise TypeError(f"symbols must have one type, got {', '.join(sorted(kinds))}")
    return codes.astype(np.uint32)  # unsigned, as characters are: numbers that measure nothing


def _list(x: SequenceABC[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    if len(x) == 0:
        raise ValueError("there are no sequences: got an empty list, which needs at least one")
    scalars = [np.isscalar(v) and not isinstance(v, str | bytes) for v in x]
    if all(scalars):
        return _array(_homogeneous(x))
    if any(scalars):
        first = type(x[scalars.index(True)]).__name__
        other = type(x[scalars.index(False)]).__name__
        raise TypeError(f"a list must hold symbols or sequences, not both: got {first} and {other}")
    parts, kinds = [], set()
    for s in x:
        part = _characters(s) if isinstance(s, str | bytes) else _part(s)
        if part.ndim != 1:
            raise ValueError(f"every sequence of a list must be 1-D, got shape {part.shape}")
        parts.append(part)
        if part.size:
            kinds.add("characters" if isinstance(s, str | bytes) else _kind(part))
    if not (kinds <= {"integers", "reals"} or kinds in ({"characters"}, {"tokens"})):
        raise TypeError(
            "all sequences must hold one type of symbol: integers, reals, characters (a str or "
            f"bytes) or tokens (a list or column of str); got {', '.join(sorted(kinds))}"
        )
    offsets = _offsets([p.size for p in parts])
    if kinds == {"characters"}:
        remedy = "A str is read as its characters; if these are the tokens of one text, pass [x]"
        _warn_if_many_are_short(len(parts), int(offsets[-1]), remedy)
    if kinds == {"tokens"}:
        # numbered together: a token means the same in every sequence
        return _codes(np.concatenate([p.astype(object) for p in parts])), offsets
    if kinds == {"integers"} and np.result_type(*parts).kind == "f":
        # uint64 beside a signed type, which numpy would join to reals
        large = [int(p.max()) for p in parts if p.size and p.max() >= 2**63]
        if large:
            raise _too_large(large[0])
        parts = [p.astype(np.int64) for p in parts]
    return np.concatenate(parts), offsets


def _kind(part: npt.NDArray[Any]) -> str:
    if part.dtype.kind in _NO_NUMBERS:
        return "tokens"
    return {"f": "reals", "i": "integers", "u": "integers", "b": "integers"}.get(
        part.dtype.kind, str(part.dtype)
    )


def _part(x: Any) -> npt.NDArray[Any]:
    if is_column(x):
        values = _values(x)
        return x.to_numpy(dtype=object) if values is None else values
    if isinstance(x, list | tuple):
        return _homogeneous(x) if len(x) else np.empty(0, dtype=np.int64)
    return _as_array(x)


def _homogeneous(x: SequenceABC[Any]) -> npt.NDArray[Any]:
    array = np.asarray(x)
    if array.dtype.kind in _NO_NUMBERS:
        kinds = {
            next((t.__name__ for t in (str, bytes) if isinstance(v, t)), type(v).__name__)
            for v in x
        }
        if len(kinds) > 1 and kinds & {"str", "bytes"}:
            raise TypeError(f"symbols must have one type, got {', '.join(sorted(kinds))}")
    # numpy's word for integers that none of its types holds together
    mixed = array.dtype.kind == "f" and all(isinstance(v, numbers.Integral) for v in x)
    if array.dtype.kind == "O" or mixed:
        raise _too_large(max(x) if mixed else x[0])
    return array


def _too_large(value: Any) -> TypeError:
    return TypeError(
        f"symbols must be integers below 2**63, got {value!r}, ...; map them to 0..K-1 first"
    )
