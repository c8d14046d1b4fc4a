"""The file in which a long run keeps its finished lags."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from optuna_mi._logging import get_logger
from optuna_mi.decay._record import write_text
from optuna_mi.decay.measure._sequences import Sequences
from optuna_mi.decay.measure._settings import Settings

_logger = get_logger(__name__)

# what a record means; records of another version are not read
_VERSION = 3


class Checkpoint:
    """Records of a curve's first lags, kept in a file if one is named.

    Args:
        path: The file; its records are taken up if it is there.
        sequences: The data.
        lags: All distances of the curve.
        settings: How it is estimated.

    Attributes:
        records: One a lag.

    Raises:
        FileNotFoundError: If the file's folder does not exist.
        ValueError: If the file is no checkpoint, or one of other data, lags or settings.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        sequences: Sequences,
        lags: npt.NDArray[np.int64],
        settings: Settings,
    ) -> None:
        self.records: list[dict[str, Any]] = []
        self._path = None if path is None else Path(path)
        self._written: list[str] = []
        if self._path is None:
            return
        if not self._path.parent.is_dir():
            # said before the work, not after it
            raise FileNotFoundError(f"cannot write {path}: there is no folder {self._path.parent}")
        self._stamp = _stamp(sequences, lags, settings)
        if self._path.exists():
            self._keep(_read(self._path, self._stamp))
            _logger.info(f"taking up {len(self.records)} finished lags from {path}")

    def add(self, records: list[dict[str, Any]]) -> None:
        """Keep the records of the next lags."""
        self._keep(records)
        if self._path is not None:
            head = json.dumps({"kind": "DecayCheckpoint", "stamp": self._stamp})[:-1]
            write_text(self._path, f'{head}, "lags": [{", ".join(self._written)}]}}')

    def _keep(self, records: list[dict[str, Any]]) -> None:
        self.records += records
        if self._path is not None:
            # as text: earlier lags are not encoded again with every wave
            self._written += [json.dumps(r, default=np.ndarray.tolist) for r in records]


def _stamp(sequences: Sequences, lags: npt.NDArray[np.int64], settings: Settings) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in (sequences.codes, sequences.offsets, lags):
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    how = (_VERSION, settings.estimator, settings.conditional, settings.baseline)
    digest.update(repr((*how, settings.n_surrogates, settings.seed)).encode())
    return digest.hexdigest()


def _read(path: Path, stamp: str) -> list[dict[str, Any]]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no checkpoint of a decay curve: {error}") from error
    if not isinstance(record, dict) or record.get("kind") != "DecayCheckpoint":
        raise ValueError(f"{path} is no checkpoint of a decay curve")
    if record.get("stamp") != stamp or not isinstance(record.get("lags"), list):
        raise ValueError(
            f"{path} was made for other data, lags or settings, or by another version; delete it, "
            "or name another file"
        )
    records: list[dict[str, Any]] = record["lags"]
    return records
