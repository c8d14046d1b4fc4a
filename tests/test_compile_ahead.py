"""Kernels are compiled in the background of a first search, and found on disk by it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from optuna_mi import _compile_ahead
from optuna_mi._compile_ahead import compiler


@pytest.mark.slow
def test_what_it_compiles_is_found_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(_compile_ahead, "resolve_threads", lambda _: 2)
    monkeypatch.setattr(_compile_ahead, "_is_kept", lambda: False)
    with compiler("classification", "gru", "cpu") as compiling:
        compiling.wait()
    assert "Compiling kernels" in capsys.readouterr().out
    kept = {path.name.partition("-")[0] for path in tmp_path.rglob("*.nbc")}
    assert {"_fused_layer.forward", "_fused_layer.backward"} <= kept


def test_no_process_where_there_is_nothing_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: str) -> None:
        raise AssertionError

    monkeypatch.setattr(_compile_ahead, "_start", start)
    monkeypatch.setattr(_compile_ahead, "resolve_threads", lambda _: 2)
    monkeypatch.setattr(_compile_ahead, "_is_kept", lambda: True)
    with compiler("classification", "gru", "cpu") as compiling:
        compiling.wait()
    with compiler("classification", "gru", "cuda") as compiling:
        compiling.wait()


def test_a_compiler_ends_with_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    monkeypatch.setattr(_compile_ahead, "_start", lambda *_: sleeper)
    monkeypatch.setattr(_compile_ahead, "resolve_threads", lambda _: 2)
    monkeypatch.setattr(_compile_ahead, "_is_kept", lambda: False)
    with pytest.raises(KeyError), compiler("classification", "gru", "cpu"):
        raise KeyError
    assert sleeper.poll() is not None


@pytest.mark.parametrize("task", ["classification", "regression", "language modeling"])
@pytest.mark.filterwarnings("ignore")
def test_every_task_is_trained_for_a_moment(task: str) -> None:
    _compile_ahead.train(task, "gru")


def test_kernels_on_disk_are_seen() -> None:
    _compile_ahead.train("classification", "gru")
    assert _compile_ahead._is_kept()
