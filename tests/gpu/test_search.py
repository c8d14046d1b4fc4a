"""The command on a GPU."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
import torch
from optuna.trial import TrialState

from optuna_mi.cli import main

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("more", [[], ["--trials", "5", "--population", "3"]])
def test_search(more: list[str], device: torch.device, tmp_path: Path) -> None:
    small = ["--trials", "2", "--epochs", "2", "--hidden-size", "16", "--device", str(device)]
    assert main(["search", "digits", *small, *more, "--out", str(tmp_path)]) == 0
    study = optuna.load_study(study_name="digits", storage=f"sqlite:///{tmp_path}/study.db")
    assert len(study.get_trials(states=[TrialState.COMPLETE])) >= 1
    assert (tmp_path / "report.html").stat().st_size > 0
