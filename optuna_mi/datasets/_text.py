"""Text as symbols: the Penn Treebank and a user's own text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optuna_mi.datasets._base import LanguageModeling
from optuna_mi.datasets._fetch import find_file


def load_ptb(*, unit: str = "char") -> LanguageModeling:
    """Return the Penn Treebank, Mikolov's split.

    Characters are read as in Table 3 of [MK20]: ``<unk>`` stays spelled out and every newline
    becomes ``<eos>``, spelled out, which gives 49 types. Words are the tokens and one ``<eos>`` a
    line, 10,000 types.

    Args:
        unit: "char" or "word".

    Raises:
        ValueError: Another unit.
    """
    if unit not in ("char", "word"):
        raise ValueError(f"unit={unit!r}: the Penn Treebank is read by 'char' or 'word'")
    texts = [
        find_file(f"ptb/ptb.{split}.txt").read_text(encoding="utf-8")
        for split in ("train", "valid", "test")
    ]
    streams: list[NDArray[Any]]
    if unit == "char":
        streams = [tokenize(text.replace("\n", "<eos>"), "char") for text in texts]
    else:
        streams = [tokenize(text.replace("\n", " <eos> "), "word") for text in texts]
    return _model(f"ptb-{unit}", streams, unit)


def tokenize(text: str, unit: str) -> NDArray[Any]:
    """Return the text's characters as code points, or its words as an object array."""
    if unit == "char":
        if text.isascii():
            return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
        return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    return np.array(text.split(), dtype=object)


def split_stream(name: str, symbols: NDArray[Any]) -> list[NDArray[Any]]:
    """Cut one stream into 90 %, 5 % and 5 %, in order.

    Raises:
        ValueError: Fewer than 1,000 symbols.
    """
    if len(symbols) < 1000:
        raise ValueError(
            f"{name} has {len(symbols)} symbols: too few to train on and to measure a decay; "
            "at least 1,000 are needed"
        )
    return np.split(symbols, [int(0.9 * len(symbols)), int(0.95 * len(symbols))])


def encode(streams: Sequence[NDArray[Any]]) -> tuple[list[NDArray[np.int64]], pd.Index[Any]]:
    """Number the symbols 0, 1, … by falling frequency over all streams.

    The vocabulary covers validation and test too, as the published vocabularies do: a symbol that
    only occurs there is never trained, but has a code.
    """
    codes, types = pd.factorize(np.concatenate(streams))
    by_count = np.argsort(-np.bincount(codes), kind="stable")
    rank = np.empty_like(by_count)
    rank[by_count] = np.arange(len(by_count))
    bounds = np.cumsum([len(stream) for stream in streams])[:-1]
    return np.split(rank[codes].astype(np.int64), bounds), pd.Index(types)[by_count]


def _model(name: str, streams: Sequence[NDArray[Any]], unit: str) -> LanguageModeling:
    codes, types = encode(streams)
    if unit == "char":
        vocabulary = tuple(chr(int(symbol)) for symbol in types)
    else:
        vocabulary = tuple(str(symbol) for symbol in types)
    if len(vocabulary) < 2:
        raise ValueError(
            f"{name} consists of one symbol only ({vocabulary[0]!r}); give two or more"
        )
    train, valid, test = codes
    return LanguageModeling(
        name,
        train,
        valid,
        test,
        sequences=train,
        vocabulary=vocabulary,
        unit={"char": "character"}.get(unit, unit),
    )
