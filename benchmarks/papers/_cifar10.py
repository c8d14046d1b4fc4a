"""CIFAR-10 from the folder cifar-10-batches-py, the original's Python version."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np

ADDRESS = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
FOLDER = "cifar-10-batches-py"
_NEEDED = {
    ("_codecs", "encode"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
}
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class _Unpickler(pickle.Unpickler):
    """Builds arrays only: a pickle may otherwise run anything."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NEEDED:
            raise ValueError(f"a CIFAR-10 batch holds arrays only, not {module}.{name}")
        return super().find_class(module, name)


def cifar10_folder() -> Path | None:
    """Return the folder, or None where it is absent."""
    folder = Path(os.environ.get("OPTUNA_MI_DATA", ".")) / FOLDER
    return folder if folder.is_dir() else None


def cifar10() -> Arrays:
    """Return training and test images, uint8, shape (N, 3, 32, 32), each with labels, int64.

    Raises:
        FileNotFoundError: The data are not at hand.
        ValueError: A file holds something else.
    """
    folder = cifar10_folder()
    if folder is None:
        raise FileNotFoundError(
            f"CIFAR-10 is not at hand: unpack {ADDRESS} (170 MB) so that {FOLDER}/ lies in the "
            "folder that OPTUNA_MI_DATA names"
        )
    parts = [_read(folder / f"data_batch_{i}") for i in range(1, 6)]
    x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return (x, y, *_read(folder / "test_batch"))


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with path.open("rb") as file:
        batch = _Unpickler(file, encoding="bytes").load()
    images, labels = np.asarray(batch[b"data"]), np.asarray(batch[b"labels"], dtype=np.int64)
    if images.shape != (len(labels), 3072) or images.dtype != np.uint8:
        raise ValueError(
            f"{path} holds {images.dtype} of shape {images.shape} for {len(labels)} labels; "
            "expected uint8 of 3072 a label"
        )
    return images.reshape(-1, 3, 32, 32), labels
