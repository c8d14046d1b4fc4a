"""Where a search is: told by epoch on a terminal, not in files; and how much a command says."""

from __future__ import annotations

import argparse
import dataclasses
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import optuna
import pytest

from optuna_mi import DilatedRNNObjective, DilationSpace, _trial_bar, from_arrays
from optuna_mi._commands.completion import _commands
from optuna_mi._commands.search import _SIZES
from optuna_mi._presets import _PRESETS, Preset
from optuna_mi._progress import Place, listening
from optuna_mi._trial_bar import trial_bar
from optuna_mi.cli import _parser, main


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [_Terminal(), io.StringIO()])
def test_epochs_are_shown_on_a_terminal_alone(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(_trial_bar, "_TERMINAL_SECONDS", 0)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    study = optuna.create_study()
    study.ask()
    study.ask().report(0.5, 6)
    with trial_bar(3, 1, shown=True) as bar:
        bar.at(Place(trial=7, epoch=4, epochs=20, batch=12))
        bar.look(study, 20)
        bar.ended(2)
    said = stream.getvalue()
    assert "2/3" in said
    assert ("trial 7: epoch 5/20, batch 12" in said) == stream.isatty()
    assert ("trial 0: epoch 1/20, trial 1: epoch 8/20" in said) == stream.isatty()


# labels of noise: what the network knows of them may be below zero
@pytest.mark.filterwarnings("ignore:IHYLLReferencePolicy. the information is:UserWarning")
def test_the_loop_tells_every_batch() -> None:
    rng = np.random.default_rng(0)
    dataset = from_arrays(rng.normal(size=(40, 12)), np.arange(40) % 2)
    space = DilationSpace.from_dilations([1, 2])
    objective = DilatedRNNObjective(dataset, space, hidden_size=4, epochs=2, steps=2, batch_size=8)
    told: list[Place] = []
    with listening(told.append):
        optuna.create_study(direction="maximize").optimize(objective, n_trials=1)
    assert told == [Place(0, epoch, 2, batch) for epoch in (0, 1) for batch in (0, 1)]


def test_quiet_leaves_results_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", np.arange(600) // 2 % 5)
    options = ["--max-lag", "20", "--out", str(tmp_path / "out")]
    assert main(["analyze", str(tmp_path / "x.npy"), *options, "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("law ")
    assert "Written" not in out
    assert err == ""
    assert main(["analyze", str(tmp_path / "x.npy"), *options]) == 0
    assert "Written" in capsys.readouterr().out


def test_verbose_says_where_an_error_came_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "no.csv"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert main(["analyze", "no.csv", "--verbose"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_every_number_has_its_default_in_the_help() -> None:
    for command in _commands(_parser()):
        for action in command._actions:
            if action.option_strings and (action.type in (int, float) or action.choices):
                assert action.help == argparse.SUPPRESS or "default" in str(action.help).lower(), (
                    action.option_strings
                )


def test_the_help_states_what_the_presets_say() -> None:
    usual, digits = Preset(), _PRESETS["digits"]
    for name in dataclasses.asdict(usual):
        text = _SIZES.get(name.replace("_", "-"), f"{getattr(usual, name)} ")
        assert str(getattr(usual, name)) in text
        if getattr(digits, name) is not None and getattr(digits, name) != getattr(usual, name):
            assert str(getattr(digits, name)) in text


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    with pytest.raises(SystemExit) as end:
        main(["--completion", shell])
    assert end.value.code == 0
    script = capsys.readouterr().out
    assert "--label-column" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
