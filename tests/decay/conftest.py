"""Published curves and the symbols behind them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest


def read_published(path: Path) -> tuple[np.ndarray, np.ndarray]:
    rows = [line[2:].split(":") for line in path.read_text().splitlines() if line[:2] == "d:"]
    lags = np.array([int(d) for d, _ in rows])
    return lags, np.array([[float(v) for v in values.split(",")] for _, values in rows])


@pytest.fixture(scope="session")
def published(data_dir):
    return lambda name: read_published(data_dir / "reference_curves" / f"{name}.dat")


def _lines(data_dir: Path) -> list[str]:
    names = [data_dir / "ptb" / f"ptb.{split}.txt" for split in ("train", "valid", "test")]
    return [line for name in names for line in name.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="session")
def ptb_letters(data_dir) -> str:
    return "".join(line.strip().replace("<unk>", "^") + " " for line in _lines(data_dir))


@pytest.fixture(scope="session")
def ptb_words(data_dir) -> np.ndarray:
    tokens = [t for line in _lines(data_dir) for t in [*line.split(), "<eos>"]]
    return np.array(tokens, dtype=object)


def _images(data_dir: Path, part: str) -> np.ndarray:
    with gzip.open(data_dir / "mnist" / f"{part}-images-idx3-ubyte.gz") as file:
        raw = file.read()
    return np.frombuffer(raw, dtype=np.uint8, offset=16).reshape(-1, 784)


@pytest.fixture(scope="session")
def mnist_train(data_dir) -> np.ndarray:
    return _images(data_dir, "train")


@pytest.fixture(scope="session")
def mnist_pixels(data_dir, mnist_train) -> np.ndarray:
    flat = np.concatenate([mnist_train.ravel(), _images(data_dir, "t10k").ravel()])
    return np.append(flat.astype(np.uint16), np.uint16(256))
