"""A checkpoint is taken up by the trial it belongs to, whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState

from optuna_mi import DilatedRNNObjective, DilationSpace, load_dataset
from optuna_mi.search_space import DecayGeometry, IntRange
from optuna_mi.training import _trial_checkpoint
from optuna_mi.training._trial_checkpoint import (
    checkpoint_path,
    load_checkpoint,
    remove_checkpoint,
    save_checkpoint,
)

SPACE = DilationSpace(DecayGeometry("power"), (IntRange(2, 2, 2),), IntRange(8, 8, 8), 4)


def _objective(folder: Path, **settings: Any) -> DilatedRNNObjective:
    sizes: dict[str, Any] = {"hidden_size": 4, "epochs": 3, "steps": 1, "probe_size": 50}
    return DilatedRNNObjective(
        load_dataset("digits"), SPACE, checkpoint_dir=folder, **(sizes | settings)
    )


def _killed_study(folder: Path, epochs: int = 2) -> optuna.Study:
    """Return a study whose trial 0 was lost after so many epochs and waits to be run again."""
    study = optuna.create_study(study_name="s", direction="maximize")
    trial = study.ask()
    if epochs:
        _objective(folder, epochs=epochs)(trial)
    study.tell(trial, state=TrialState.FAIL)
    RetryHeartbeatStaleTrialCallback()(study, study.trials[0])
    return study


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the resuming warned of."""
    texts: list[str] = []
    monkeypatch.setattr(_trial_checkpoint._logger, "warning", texts.append)
    return texts


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The epochs that were trained."""
    from optuna_mi.training._loop import Run

    epochs: list[int] = []
    train = Run._train_epoch

    def noted(self: Run, trial: optuna.Trial, epoch: int) -> None:
        epochs.append(epoch)
        train(self, trial, epoch)

    monkeypatch.setattr(Run, "_train_epoch", noted)
    return epochs


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    state = torch.load(path, weights_only=True)
    needle = next(iter(state["model"].values())).numpy().tobytes()[:16]
    content[content.index(needle)] ^= 1
    path.write_bytes(content)


def _change(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def changed(path: Path) -> None:
        state = torch.load(path, weights_only=True)
        change(state)
        save_checkpoint(path, state)

    return changed


def _other_sizes(state: dict[str, Any]) -> None:
    name = next(iter(state["model"]))
    state["model"][name] = torch.zeros(3, 5)


def _other_moments(state: dict[str, Any]) -> None:
    state["optimizer"]["state"][0]["exp_avg"] = torch.zeros(7, 7)


DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-500]),
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
    "bit flipped": _flip,
    "a list": lambda path: save_checkpoint(path, [1]),
    "key missing": _change(lambda state: state.pop("optimizer")),
    "identity missing": _change(lambda state: state.pop("identity")),
    "other sizes": _change(_other_sizes),
    "other moments": _change(_other_moments),
    "ragged history": _change(lambda state: state["history"]["lr"].pop()),
    "no history": _change(lambda state: [s.clear() for s in state["history"].values()]),
    "too long": _change(lambda state: [s.extend([0.5] * 5) for s in state["history"].values()]),
    "not finite": _change(lambda state: state["history"]["values"].__setitem__(0, float("nan"))),
    "another policy": _change(lambda state: state["policy"].clear()),
    "another study's": _change(lambda state: state["identity"].update(key="other")),
    "other dilations": _change(lambda state: state["identity"].update(dilations=[1, 2, 4])),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_checkpoint_costs_one_warning_and_its_epochs(
    kind: str, tmp_path: Path, warned: list[str], trained: list[int]
) -> None:
    study = _killed_study(tmp_path)
    trained.clear()
    DAMAGE[kind](tmp_path / "s-0.pt")
    study.optimize(_objective(tmp_path), n_trials=1)
    retried = study.trials[1]
    assert retried.state == TrialState.COMPLETE
    assert trained == [0, 1, 2]
    assert len(warned) == 1
    assert "s-0.pt cannot be taken up" in warned[0]
    # as if there had never been one
    fresh = optuna.create_study(study_name="s", direction="maximize")
    fresh.optimize(_objective(tmp_path / "fresh"), n_trials=1)
    assert retried.intermediate_values == fresh.trials[0].intermediate_values


def test_a_whole_one_is_taken_up_in_silence(
    tmp_path: Path, warned: list[str], trained: list[int]
) -> None:
    study = _killed_study(tmp_path)
    study.optimize(_objective(tmp_path), n_trials=1)
    assert trained == [0, 1, 2]
    assert warned == []
    assert study.trials[1].user_attrs["epochs"] == 3


@pytest.mark.parametrize("settings", [{"hidden_size": 8}, {"clip": 0.5}, {"epochs": 1}])
def test_other_settings_start_anew(
    tmp_path: Path, settings: dict[str, Any], warned: list[str]
) -> None:
    study = _killed_study(tmp_path)
    study.optimize(_objective(tmp_path, **settings), n_trials=1)
    assert study.trials[1].user_attrs["epochs"] == settings.get("epochs", 3)
    assert len(warned) == 1


def test_a_retry_of_a_trial_without_checkpoint_leaves_another_studys_alone(
    tmp_path: Path, trained: list[int]
) -> None:
    """The old study's file has the same name; its trial was never started here."""
    old = optuna.create_study(study_name="s", direction="maximize")
    old.optimize(_objective(tmp_path), n_trials=1)
    trained.clear()
    study = _killed_study(tmp_path, epochs=0)
    study.optimize(_objective(tmp_path, seed=1), n_trials=1)
    assert trained == [0, 1, 2]
    assert study.trials[1].values != old.trials[0].values


def test_every_bit_of_a_file_is_guarded(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    save_checkpoint(path, {"a": torch.arange(6.0), "b": [1.5, "text"]})
    whole = path.read_bytes()
    undetected = 0
    for position in range(0, len(whole), 3):
        spoilt = bytearray(whole)
        spoilt[position] ^= 1 << (position % 8)
        path.write_bytes(spoilt)
        try:
            state = load_checkpoint(path, torch.device("cpu"))
        except ValueError:
            continue
        undetected += 1  # padding, dates and the like
        assert state is not None
        assert state["a"].tolist() == [0, 1, 2, 3, 4, 5]
        assert state["b"] == [1.5, "text"]
    assert undetected < len(whole) / 3


def test_names_of_studies_are_kept_apart(tmp_path: Path) -> None:
    names = ["a b", "a/b", "a_b", "A_b", "a_b~x", "..", "ä" * 500, "ä" * 501, ".hidden", ""]
    paths = [checkpoint_path(tmp_path, name, 0) for name in names]
    assert len({path.name.lower() for path in paths}) == len(names)
    assert all(path.parent == tmp_path for path in paths)
    for path in paths:
        path.write_bytes(b"")  # no file system refuses such a name


def test_what_a_killed_process_left_half_written_goes_too(tmp_path: Path) -> None:
    for name in ("s-0.pt", "s-0.ptx1y2", "s-00.pt", "s-0"):
        (tmp_path / name).touch()
    remove_checkpoint(tmp_path / "s-0.pt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s-0", "s-00.pt"]


def test_a_file_is_no_folder_for_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="is a file; name another"):
        _objective(tmp_path / "file")
