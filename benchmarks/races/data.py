"""The data sets of the races: four that the project was made with, and those that it was not."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.io

from benchmarks.races.files import fetched
from benchmarks.worth._data import Training
from benchmarks.worth._data import load as load_known
from optuna_mi.datasets import (
    ClassificationSplit,
    Dataset,
    LanguageModeling,
    SequenceClassification,
    from_arrays,
)

#: Data sets that had no part in the making of any rule of the package, and those that had.
HELD_OUT = ("m4-hourly", "chorales", "spoken-digits")
#: Data sets that no earlier race had seen: the confirmation of the wide space.
CONFIRMATION = ("musedata", "blood-pressure", "piano-midi", "osuleaf")
KNOWN = ("ptb-char", "pdigits", "psmnist14", "stdlib")
#: The larger budget; the smaller is the first quarter of the same training's epochs.
TRAININGS = {
    "m4-hourly": Training("gru", 16, 4, 32, 32, 192, 1e-2, 1.1),
    "chorales": Training("gru", 24, 4, 32, 40, 64, 1e-2, 1.2),
    "spoken-digits": Training("gru", 16, 4, 32, 40, 128, 1e-2, 1.2),
    "musedata": Training("gru", 24, 4, 32, 40, 64, 1e-2, 0.7),
    "blood-pressure": Training("gru", 16, 8, 32, 32, 64, 1e-2, 0.5),
    "piano-midi": Training("gru", 24, 4, 32, 40, 64, 1e-2, 0.7),
    "osuleaf": Training("gru", 16, 16, 32, 7, 106, 1e-2, 1.0),
    "ptb-char": Training("gru", 32, 4, 32, 40, 64, 1e-2, 1.3),
    "pdigits": Training("gru", 16, 8, 64, 19, 64, 1e-2, 0.6),
    "psmnist14": Training("rnn", 20, 8, 50, 20, 196, 1e-2, 1.2),
    "stdlib": Training("gru", 32, 4, 32, 40, 64, 1e-2, 1.5),
}
DESCRIPTIONS = {
    "m4-hourly": "M4 hourly, every other series, the next value (MASE)",
    "chorales": "JSB chorales, the four voices interleaved, the next note (bits)",
    "spoken-digits": "Free Spoken Digits, raw audio in 16 mu-law levels, the next one (bits)",
    "musedata": "MuseData, the highest note of each step, the next one (bits)",
    "blood-pressure": "an arterial pressure, the next value (MASE)",
    "piano-midi": "Piano-midi.de, lowest and highest note interleaved, the next one (bits)",
    "osuleaf": "outlines of leaves, means of four steps (accuracy)",
    "pdigits": "permuted digits (accuracy)",
    "psmnist14": "permuted MNIST, 14 x 14 (accuracy)",
    "ptb-char": "Penn Treebank characters (bits)",
    "stdlib": "source text of Python's standard library (bits)",
}
_BLEEDING = "135_UCR_Anomaly_InternalBleeding16"
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
    if name == "musedata":
        return music(name, "MuseData.mat", _highest)
    if name == "piano-midi":
        return music(name, "Piano_midi.mat", _outer)
    if name == "blood-pressure":
        return blood_pressure()
    if name == "osuleaf":
        return osuleaf()
    return load_known(name)


def m4_hourly() -> Dataset:
    """Return every other hourly series of the M4 competition: predict the next value."""
    table = pd.read_csv(fetched("Hourly-train.csv")).iloc[::2, 1:].to_numpy(dtype=float)
    series = [row[~np.isnan(row)] for row in table]
    return from_arrays(
        series, kind="next", symbols=False, window=TRAININGS["m4-hourly"].window, name="m4-hourly"
    )


def chorales() -> Dataset:
    """Return Bach's chorales, a note a step: bass, tenor, alto, soprano, and again."""
    return music("chorales", "JSB_Chorales.mat", _voices)


def music(name: str, file: str, notes_of: Callable[[np.ndarray], np.ndarray]) -> Dataset:
    """Return pieces of a file of Boulanger-Lewandowski's collections, the next note to be told."""
    table = scipy.io.loadmat(fetched(file))
    parts = {
        split: [notes_of(piece) for piece in table[split][0]]
        for split in ("traindata", "validdata", "testdata")
    }
    names, codes = np.unique(np.concatenate(parts["traindata"]), return_inverse=True)
    cuts = np.cumsum([len(piece) for piece in parts["traindata"]])[:-1]

    def stream(split: str) -> np.ndarray:
        # the few notes that training never saw are sung as the nearest one it did
        notes = np.concatenate(parts[split])
        return np.abs(notes[:, None] - names).argmin(axis=1).astype(np.int64)

    return LanguageModeling(
        name=name,
        train=codes.astype(np.int64),
        valid=stream("validdata"),
        test=stream("testdata"),
        sequences=np.split(codes.astype(np.int64), cuts),
        vocabulary=tuple(map(str, names)),
        unit="note",
    )


def _voices(piece: np.ndarray) -> np.ndarray:
    """Return four notes a step; a voice that two sing is sung twice."""
    return _of_each_step(piece, 4)


def _outer(piece: np.ndarray) -> np.ndarray:
    """Return the lowest and the highest note of each step."""
    return _of_each_step(piece, 2)


def _highest(piece: np.ndarray) -> np.ndarray:
    return _of_each_step(piece, 2)[1::2]


def _of_each_step(piece: np.ndarray, n: int) -> np.ndarray:
    rows = []
    for frame in piece:
        notes = np.flatnonzero(frame) if frame.any() else np.zeros(1, dtype=np.int64)  # a rest
        rows.append(notes[np.linspace(0, notes.size - 1, n).round().astype(int)])
    return np.concatenate(rows)


def blood_pressure() -> Dataset:
    """Return one arterial pressure of the UCR anomaly archive: predict the next value."""
    parts = [pd.read_csv(fetched(f"{_BLEEDING}_{split}.csv")) for split in ("TRAIN", "TEST")]
    series = np.concatenate([part["value"].to_numpy(dtype=float) for part in parts])
    window = TRAININGS["blood-pressure"].window
    return from_arrays([series], kind="next", symbols=False, window=window, name="blood-pressure")


def osuleaf() -> Dataset:
    """Return outlines of leaves, means of four steps, and their species.

    Every other sequence of the published test split is for validation.
    """
    train, held = (_outlines(fetched(f"OSULeaf_{split}.ts")) for split in ("TRAIN", "TEST"))
    splits = [train, *((held[0][i::2], held[1][i::2]) for i in (0, 1))]
    return SequenceClassification(
        "osuleaf",
        *(ClassificationSplit(x[:, :, None].astype(np.float32), y) for x, y in splits),
        sequences=train[0],
        n_classes=6,
    )


def _outlines(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return outlines (sequences, steps) and classes counted from 0."""
    lines = [line for line in path.read_text().splitlines() if line[:1] not in ("#", "@", "")]
    values = np.array([[float(v) for v in line.split(":")[0].split(",")] for line in lines])
    classes = np.array([int(line.split(":")[1]) - 1 for line in lines])
    n = values.shape[1] // 4
    return values[:, : 4 * n].reshape(len(values), n, 4).mean(axis=2), classes


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
