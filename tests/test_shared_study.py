"""Many who start one study at once, alike or not."""

from __future__ import annotations

import dataclasses
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from optuna_mi import _shared_study
from optuna_mi._main_job import Job, design, measure
from optuna_mi._presets import Preset
from optuna_mi._storage import open_storage
from optuna_mi.datasets import Dataset, LanguageModeling
from optuna_mi.datasets._reading import Reading
from optuna_mi.decay import DecayAnalysis
from optuna_mi.exceptions import SpaceMismatchError
from optuna_mi.search_space import DilationSpace


def _job(url: str, **sizes: Any) -> Job:
    preset = Preset(window=32, **sizes)
    return Job(
        "x", Reading(), preset, url, "s", Path(), "mi", "none", "reference", None, 1e-5, 0, "cpu"
    )


@pytest.fixture(scope="module")
def made() -> tuple[Dataset, DecayAnalysis, DilationSpace]:
    rng = np.random.default_rng(0)
    symbols = (np.arange(3000) // 3 + rng.integers(0, 2, 3000)) % 4
    parts = np.split(symbols.astype(np.int64), [2000, 2500])
    dataset = LanguageModeling("own", *parts, sequences=parts[0], vocabulary=tuple("abcd"))
    job = dataclasses.replace(_job(""), max_lag=50, quiet=True)
    analysis = measure(job, dataset)
    return dataset, analysis, design(job, dataset, analysis)


def _create(url: str, number: int, made: Any, barrier: Any, queue: Any) -> None:
    dataset, analysis, space = made
    job = _job(url, hidden_size=8 * (1 + number // 2))
    barrier.wait()
    try:
        _shared_study.create_study(job, dataset, space, analysis)
        queue.put((number, ""))
    except Exception as error:
        queue.put((number, f"{type(error).__name__}: {error}"))


def _create_by_hand(url: str) -> None:
    # In a process of its own: no connection may be shared with those that are forked later.
    optuna.create_study(study_name="s", storage=open_storage(url), direction="minimize")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "by_hand"),
    [("sqlite", False), ("postgresql", False), ("journal", False), ("journal", True)],
)
def test_of_four_starters_with_two_sizes_one_size_is_taken(
    kind: str,
    by_hand: bool,
    tmp_path: Path,
    made: Any,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if kind == "postgresql":
        url = request.getfixturevalue("empty_postgresql")
    else:
        url = {"sqlite": "sqlite:///{}/x.db", "journal": "journal:{}/x.log"}[kind].format(tmp_path)
    context = multiprocessing.get_context("fork")
    if by_hand:  # or its creator died before it wrote anything
        monkeypatch.setattr(_shared_study, "_CREATION_SECONDS", 0.2)
        maker = context.Process(target=_create_by_hand, args=(url,))
        maker.start()
        maker.join()
    barrier, queue = context.Barrier(4), context.Queue()
    workers = [
        context.Process(target=_create, args=(url, number, made, barrier, queue))
        for number in range(4)
    ]
    for worker in workers:
        worker.start()
    told = dict(queue.get(timeout=100) for _ in workers)
    for worker in workers:
        worker.join()
    study = optuna.load_study(study_name="s", storage=open_storage(url))
    size = study.user_attrs["mi:training"]["hidden_size"]
    for number, text in told.items():
        if 8 * (1 + number // 2) == size:
            assert text == ""
        else:
            other = 24 - size
            assert text.startswith(
                f"SpaceMismatchError: Study 's' trains with --hidden-size {size}, not {other}"
            )


def test_other_held_out_data_are_refused(tmp_path: Path, made: Any) -> None:
    dataset, analysis, space = made
    job = _job(f"journal:{tmp_path}/x.log")
    study = _shared_study.create_study(job, dataset, space, analysis)
    assert _shared_study.remembered(study, job, dataset) is not None
    for split in ("valid", "test"):
        other = dataclasses.replace(dataset, **{split: dataset.valid[:100]})
        for attempt in (
            lambda other=other: _shared_study.remembered(study, job, other),
            lambda other=other: _shared_study.create_study(job, other, space, analysis),
        ):
            with pytest.raises(SpaceMismatchError, match="other validation or test data"):
                attempt()
    shorter = dataclasses.replace(job, preset=dataclasses.replace(job.preset, window=16))
    with pytest.raises(SpaceMismatchError, match="--window 32, not 16"):
        _shared_study.remembered(study, shorter, dataset)
