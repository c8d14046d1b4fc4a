"""What somebody changed in a study's attributes costs what it says, never a traceback."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from optuna_mi._study_data import facts, read_analysis, read_space, training_frame
from optuna_mi.cli import main
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange

SPACE = DilationSpace(DecayGeometry("power"), (IntRange(2, 3, 2),), IntRange(8, 8, 8), 4)
VALUES: list[Any] = [None, 5, -1, 1.5, math.nan, "x", "", [], {}, {"a": 1}, [[1]], "{}", "[]", True]
VALUES += ["1,2,999999999999999999999", "0,1", [None], ["a"], {"x": {"y": [1]}}]
STUDY_KEYS = ("mi:space", "mi:fingerprint", "mi:analysis", "mi:dataset", "mi:training", "mi:asked")
TRIAL_KEYS = ("dilations", "mi:ihyll", "mi:lr", "ihyll_final", "ihyll_reference", "epochs", "test")


@pytest.mark.parametrize("key", TRIAL_KEYS)
def test_of_a_trial(key: str, make_study: Callable[..., optuna.Study]) -> None:
    trial = make_study([TrialState.COMPLETE]).trials[0]
    for value in VALUES:
        trial.user_attrs[key] = value
        assert facts(trial).value == 0.5
        assert len(training_frame(trial)) >= 4


@pytest.mark.parametrize("key", STUDY_KEYS)
def test_of_a_study(key: str) -> None:
    study = optuna.create_study()
    for value in VALUES:
        study.set_user_attr(key, value)
        for read in (read_analysis, read_space, SPACE.freeze):
            with contextlib.suppress(ValueError):
                read(study)


def test_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=url, study_name="digits", direction="maximize")
    for key in (*STUDY_KEYS, "unknown"):
        study.set_user_attr(key, ["changed"])
    for value in VALUES[:3]:
        trial = study.ask()
        for key in TRIAL_KEYS:
            trial.set_user_attr(key, value)
        study.tell(trial, 0.5)
    out = ["--storage", url, "--out"]
    assert main(["status", "digits", "--storage", url]) == 0
    assert main(["report", "digits", *out, str(tmp_path / "r.html")]) == 0
    assert main(["search", "digits", *out, str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "which somebody has changed: give another --study-name" in told
    assert "Traceback" not in told
