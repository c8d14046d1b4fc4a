"""The data sets of [MK20] Fig. 3, as arrays for `decay_curve`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.decay.reference import mnist_images, ptb_letters, ptb_words
from optuna_mi.datasets import load_dataset
from optuna_mi.datasets._fetch import find_file
from optuna_mi.datasets._images import PERMUTATION_SEED
from optuna_mi.decay.measure._lags import log_lags

IMAGES = ("mnist", "pmnist", "digits")
# places under OPTUNA_MI_DATA, unit, address: too large to be downloaded unasked
FILES = {
    "text8": (("text8/text8", "text8"), "char", "http://mattmahoney.net/dc/text8.zip"),
    "enwik8": (("enwik8/enwik8", "enwik8"), "byte", "http://mattmahoney.net/dc/enwik8.zip"),
    "wikitext-2": (("wikitext-2/wiki.train.tokens",), "char", "wikitext-2-v1.zip"),
    "wikitext-103": (("wikitext-103/wiki.train.tokens",), "char", "wikitext-103-v1.zip"),
}

# how far the paper's author went, and where our tables look
LONGEST = {"ptb-letters": 15_001, "ptb-words": 10_000, "mnist": 5_304, "pmnist": 5_304}
LOOKED_AT = [300, 500, 600, 700, 780, 783]  # beyond 128


def file_of(name: str) -> Path | None:
    """Return where a large text is, or None."""
    root = Path(os.environ.get("OPTUNA_MI_DATA", "."))
    return next((root / place for place in FILES[name][0] if (root / place).is_file()), None)


def absent() -> list[str]:
    """Return a line for every large text that is not at hand."""
    return [
        f"{name} is absent: put it at {places[0]} in the folder that OPTUNA_MI_DATA names "
        f"(from {source})"
        for name, (places, _, source) in FILES.items()
        if file_of(name) is None
    ]


def load(name: str) -> Any:
    """Return one sequence of symbols, or images of shape (images, pixels), integers."""
    if name in FILES:
        dataset = load_dataset(file_of(name) or name, unit=FILES[name][1])
        return np.concatenate([dataset.train, dataset.valid, dataset.test])
    if name.startswith("ptb"):
        folder = _folder_of(*(f"ptb/ptb.{split}.txt" for split in ("train", "valid", "test")))
        return ptb_letters(folder) if name == "ptb-letters" else ptb_words(folder)
    if name == "digits":
        from sklearn.datasets import load_digits

        return load_digits().data.astype(np.uint8)
    parts = ("train", "t10k")
    folder = _folder_of(*(f"mnist/{part}-images-idx3-ubyte.gz" for part in parts))
    images = np.concatenate([mnist_images(folder, part) for part in parts])
    if name == "pmnist":
        images = images[:, np.random.RandomState(PERMUTATION_SEED).permutation(784)]
    return images


def _folder_of(*files: str) -> Path:
    """Return the data folder, once every file is in it."""
    return [find_file(file) for file in files][-1].parents[1]


def lags_of(name: str, convention: str, thinned: bool, longest: int) -> np.ndarray:
    """Return distances up to where the author or, within an image, the image ends."""
    last = min(longest, LONGEST.get(name, 10_000))
    if name in IMAGES and convention != "published":
        last = longest
    if not thinned:
        return np.arange(1, last + 1)
    chosen = np.union1d(log_lags(last), np.r_[np.arange(1, 129), LOOKED_AT])
    return chosen[chosen <= last]
