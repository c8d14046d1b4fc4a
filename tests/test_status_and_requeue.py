from __future__ import annotations

import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from optuna_mi import _status_and_requeue, _storage
from optuna_mi._status_and_requeue import requeue, requeue_lost, status_text
from optuna_mi._storage import open_storage
from optuna_mi.cli import main


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    """A journal study with one complete trial and two whose workers are gone."""
    study = optuna.create_study(
        storage=open_storage(f"journal:{tmp_path}/study.log"), study_name="s"
    )
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    for _ in range(2):
        study.ask().suggest_float("x", 0, 1)
    return study


def test_status_counts_and_names_the_running(study: optuna.Study) -> None:
    text = status_text(study)
    assert "3 trials, 1 complete, 2 running" in text
    assert f"Best: {study.best_value:.6g} in trial 0" in text
    assert "Running: trial 2 for" in text


def test_requeued_trials_keep_their_parameters_and_run_again(study: optuna.Study) -> None:
    lost = [study.trials[n].params for n in (1, 2)]
    assert requeue(study, older_than=3600) == ([], [])
    assert requeue(study) == ([1, 2], [])
    assert requeue(study) == ([], [])
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    assert [t.state for t in study.trials[1:3]] == [TrialState.FAIL] * 2
    assert [t.params for t in study.trials[3:]] == lost
    assert [t.state for t in study.trials[3:]] == [TrialState.COMPLETE] * 2


def test_the_commands(
    study: optuna.Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = ["--storage", f"journal:{tmp_path}/study.log"]
    assert main(["requeue", "s", *storage]) == 0
    assert "Requeued 2 trials: 1, 2" in capsys.readouterr().out
    assert main(["status", "s", *storage]) == 0
    assert "5 trials, 1 complete, 2 fail, 2 waiting" in capsys.readouterr().out
    assert main(["status", "t", *storage]) == 2
    assert "no study 't'" in capsys.readouterr().err


def test_what_was_retried_too_often_is_given_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"journal:{tmp_path}/study.log"
    study = optuna.create_study(storage=open_storage(url), study_name="s")
    study.ask()
    for number in range(3):
        assert requeue(study) == ([number], [])
        assert study.ask().number == number + 1
    assert main(["requeue", "s", "--storage", url]) == 0
    text = "0 trials\nGave up 1 trials: 3 (failed, not queued again: already retried 3 times)"
    assert text in capsys.readouterr().out
    assert [t.state for t in study.trials] == [TrialState.FAIL] * 4


def test_status_of_several_objectives_teaches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=url, study_name="two", directions=["minimize"] * 2)
    study.optimize(lambda trial: (0.0, trial.suggest_float("x", 0, 1)), n_trials=1)
    assert main(["status", "two", "--storage", url]) == 2
    message = capsys.readouterr().err
    assert "the study has 2 objectives" in message
    assert message.count("\n") == 1


@pytest.mark.parametrize("older_than", [-1.0, float("nan")])
def test_a_time_that_is_none_requeues_nothing(study: optuna.Study, older_than: float) -> None:
    with pytest.raises(ValueError, match="older_than must be a time"):
        requeue(study, older_than=older_than)
    assert study.trials[1].state == TrialState.RUNNING


def test_a_trial_killed_before_its_first_heartbeat_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_storage, "_HEARTBEAT_SECONDS", 1)
    storage = open_storage(f"sqlite:///{tmp_path}/study.db")
    study = optuna.create_study(storage=storage, study_name="s")
    lost, alive = (storage.create_new_trial(study._study_id) for _ in range(2))
    storage.record_heartbeat(alive)
    assert requeue_lost(study, pause=0) == []  # too young to tell
    monkeypatch.setattr(_status_and_requeue, "_age", lambda trial: 2.1)
    young: list[int] = []

    def beat_late(_: float) -> None:
        if not young:
            young.append(storage.create_new_trial(study._study_id))
            storage.record_heartbeat(lost)

    with monkeypatch.context() as patch:  # a clock that is wrong: its heart beats within the pause
        patch.setattr(time, "sleep", beat_late)
        assert requeue_lost(study) == []
    assert requeue_lost(study, pause=0) == [2]
    assert [t.state.name for t in study.trials] == ["RUNNING", "RUNNING", "FAIL", "WAITING"]


@pytest.mark.slow
def test_the_command_runs_again_what_was_killed_at_its_creation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    arguments = ["search", "digits", "--storage", url, "--out", str(tmp_path), "--trials", "2"]
    arguments += ["--epochs", "1", "--steps", "1", "--hidden-size", "4"]
    assert main([*arguments, "--trials", "1"]) == 0
    study = optuna.load_study(study_name="digits", storage=url)
    study._storage.create_new_trial(study._study_id)
    monkeypatch.setattr(_status_and_requeue, "_age", lambda trial: 1000.0)
    assert main(arguments) == 0
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL", "COMPLETE"]
