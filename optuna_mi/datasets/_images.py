"""Images read pixel by pixel: digits (offline), sequential and permuted MNIST."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optuna_mi.datasets._base import ClassificationSplit, SequenceClassification
from optuna_mi.datasets._fetch import find_file
from optuna_mi.exceptions import MissingExtraError

# The permutation of the DilatedRNN authors' public code [MK20, Table 2].
PERMUTATION_SEED = 92916


def load_digits(*, permute: bool = False) -> SequenceClassification:
    """Return scikit-learn's 1,797 handwritten 8x8 digits as sequences of 64 pixels.

    No download: the scans come with scikit-learn. They are shuffled once with a fixed seed and
    split into 1,197 / 300 / 300 for training, validation and test.

    Args:
        permute: Apply one fixed permutation to the pixels of every image.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits as sklearn_digits
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "datasets") from error
    bunch = sklearn_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    pixels = bunch.data[order].astype(np.uint8)
    targets = bunch.target[order].astype(np.int64)
    name = "pdigits" if permute else "digits"
    return _images(name, pixels, targets, sizes=(1197, 300, 300), brightest=16, permute=permute)


def load_smnist(*, permute: bool = False) -> SequenceClassification:
    """Return MNIST as sequences of 784 pixels, in scan order or permuted.

    55,000 training images, 5,000 validation images (the last of the training file), and the
    10,000 test images.

    Args:
        permute: Apply the permutation of the DilatedRNN authors' public code,
            ``RandomState(92916).permutation(784)``.
    """
    images, labels = zip(
        *(
            (
                _read_idx(f"mnist/{split}-images-idx3-ubyte.gz"),
                _read_idx(f"mnist/{split}-labels-idx1-ubyte.gz"),
            )
            for split in ("train", "t10k")
        ),
        strict=True,
    )
    pixels = np.concatenate(images).reshape(70_000, 784)
    targets = np.concatenate(labels).astype(np.int64)
    name = "psmnist" if permute else "smnist"
    return _images(
        name, pixels, targets, sizes=(55_000, 5_000, 10_000), brightest=255, permute=permute
    )


def _images(
    name: str,
    pixels: NDArray[np.uint8],
    targets: NDArray[np.int64],
    *,
    sizes: tuple[int, int, int],
    brightest: int,
    permute: bool,
) -> SequenceClassification:
    if permute:
        order = np.random.RandomState(PERMUTATION_SEED).permutation(pixels.shape[1])
        pixels = pixels[:, order]
    bounds = np.cumsum(sizes)[:-1]
    train, valid, test = (
        ClassificationSplit((part[:, :, None] / np.float32(brightest)).astype(np.float32), labels)
        for part, labels in zip(np.split(pixels, bounds), np.split(targets, bounds), strict=True)
    )
    return SequenceClassification(
        name, train, valid, test, sequences=pixels[: sizes[0]], n_classes=10
    )


def _read_idx(relative: str) -> NDArray[Any]:
    """Read an IDX file: big-endian magic number, dimensions, then bytes."""
    with gzip.open(find_file(relative)) as file:
        data = file.read()
    n_dimensions = data[3]
    shape = np.frombuffer(data, dtype=">i4", count=n_dimensions, offset=4)
    return np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * n_dimensions).reshape(shape)
