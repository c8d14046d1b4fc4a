"""The published curves and the symbols they were computed from."""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt


def data_folder() -> Path:
    """Return the folder that OPTUNA_MI_DATA names, or leave with a message."""
    value = os.environ.get("OPTUNA_MI_DATA")
    if not value:
        sys.exit("set OPTUNA_MI_DATA to a folder with mnist/, ptb/ and reference_curves/")
    return Path(value)


def read_curve(path: Path) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return lags, shape (L,), and MI, Hx, Hy, Hxy in nats, shape (L, 4)."""
    rows = [line[2:].split(":") for line in path.read_text().splitlines() if line[:2] == "d:"]
    lags = np.array([int(d) for d, _ in rows])
    return lags, np.array([[float(v) for v in values.split(",")] for _, values in rows])


def ptb_letters(folder: Path) -> str:
    """Return the Penn Treebank's characters in the published convention."""
    lines = []
    for split in ("train", "valid", "test"):
        text = (folder / "ptb" / f"ptb.{split}.txt").read_text(encoding="utf-8")
        lines += [line.strip().replace("<unk>", "^") + " " for line in text.splitlines()]
    return "".join(lines)


def ptb_words(folder: Path) -> npt.NDArray[np.object_]:
    """Return the Penn Treebank's tokens, one <eos> a line."""
    tokens: list[str] = []
    for split in ("train", "valid", "test"):
        text = (folder / "ptb" / f"ptb.{split}.txt").read_text(encoding="utf-8")
        for line in text.splitlines():
            tokens += [*line.split(), "<eos>"]
    return np.array(tokens, dtype=object)


def mnist_images(folder: Path, part: str = "train") -> npt.NDArray[np.uint8]:
    """Return the images of "train" or "t10k", shape (images, 784)."""
    with gzip.open(folder / "mnist" / f"{part}-images-idx3-ubyte.gz") as file:
        raw = file.read()
    return np.frombuffer(raw, dtype=np.uint8, offset=16).reshape(-1, 784)


def mnist_pixels(folder: Path) -> npt.NDArray[np.uint16]:
    """Return all images as one sequence with one trailing end token, as published."""
    parts = [mnist_images(folder, part).ravel() for part in ("train", "t10k")]
    return np.append(np.concatenate(parts).astype(np.uint16), np.uint16(256))


CURVES = {
    "ptb_letters_grassberger.dat": (ptb_letters, "grassberger"),
    "ptb_words_grassberger.dat": (ptb_words, "grassberger"),
    "ptb_words_plugin.dat": (ptb_words, "plugin"),
    "mnist_grassberger.dat": (mnist_pixels, "grassberger"),
}
