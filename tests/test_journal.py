"""A journal survives a full disk and a crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from optuna_mi import _journal
from optuna_mi._storage import open_storage


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "study.log"
    study = optuna.create_study(storage=open_storage(f"journal:{path}"), study_name="s")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    return path


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(_journal._logger, "warning", texts.append)
    return texts


def _go_on(path: Path) -> optuna.Study:
    study = optuna.load_study(study_name="s", storage=open_storage(f"journal:{path}"))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    again = optuna.load_study(study_name="s", storage=open_storage(f"journal:{path}"))
    assert all("op_code" in json.loads(line) for line in path.read_bytes().splitlines())
    return again


@pytest.mark.parametrize(
    "tail", [b'{"op_code":6,"worker_id":"x","tri', b"\0" * 5000, b'{"op_code":6,"wo' + b"\0" * 99]
)
def test_a_cut_entry_at_the_end_is_taken_away(
    journal: Path, tail: bytes, warned: list[str]
) -> None:
    with journal.open("ab") as file:
        file.write(tail)
    assert len(_go_on(journal).trials) == 3
    assert len(warned) == 1
    assert f"{len(tail)} bytes of an entry" in warned[0]
    assert str(journal) in warned[0]


def test_an_entry_that_lacks_its_line_end_alone_is_kept(journal: Path, warned: list[str]) -> None:
    before = len(journal.read_bytes().splitlines())
    content = journal.read_bytes().rstrip(b"\n")
    journal.write_bytes(content + b"\0" * 100)
    storage = open_storage(f"journal:{journal}")
    storage.set_study_user_attr(0, "a", 1)
    assert len(journal.read_bytes().splitlines()) == before + 1
    assert warned == []


def test_a_torn_entry_that_another_one_followed_is_blanked(
    journal: Path, warned: list[str]
) -> None:
    """What Optuna's own backend made of a cut line, and could never read again."""
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:4], b'{"op_code":8,"wor' + lines[4], *lines[5:]]))
    study = _go_on(journal)
    assert len(study.trials) == 3
    assert "17 bytes of a torn entry in line 5" in warned[0]


def test_what_cannot_be_mended_is_told_with_a_way_out(journal: Path) -> None:
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:4], b'{"op_code":8,"wor\n', *lines[5:]]))
    before = journal.read_bytes()
    with pytest.raises(ValueError, match=r"damaged in line 5.*head -n 4"):
        open_storage(f"journal:{journal}")
    assert journal.read_bytes() == before


_FULL = """
import resource, sys
import optuna
from optuna_mi._storage import open_storage
study = optuna.load_study(study_name="s", storage=open_storage("journal:" + sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    study.set_user_attr("long", "x" * 10_000)
except OSError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_journal_as_it_was(journal: Path) -> None:
    before = journal.read_bytes()
    limit = str(len(before) + 1000)
    run = subprocess.run(
        [sys.executable, "-c", _FULL, str(journal), limit], capture_output=True, text=True
    )
    assert str(journal) in run.stdout
    assert journal.read_bytes() == before
    assert len(_go_on(journal).trials) == 3
    assert os.listdir(journal.parent) == ["study.log"]
