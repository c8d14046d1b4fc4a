from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

from optuna_mi.cli import main
from optuna_mi.decay import DecayAnalysis
from optuna_mi.search_space import DilationSpace

_SMALL = ["--trials", "2", "--epochs", "2", "--steps", "3", "--hidden-size", "8"]


def _search(folder: Path, *arguments: str) -> int:
    return main(["search", *arguments, "--out", str(folder), *_SMALL])


def test_search_writes_what_it_names_and_resumes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _search(tmp_path) == 0
    output = capsys.readouterr().out
    for name in ("curve.csv", "analysis.json", "report.html"):
        assert (tmp_path / name).stat().st_size > 0
        assert str(tmp_path / name) in output
    assert "period" in output  # what the analysis found on digits
    assert "Best trials" in output
    study = optuna.load_study(study_name="digits", storage=f"sqlite:///{tmp_path}/study.db")
    assert len(study.trials) == 2
    assert {"dilations", "ihyll_final", "ihyll_reference", "epochs"} <= set(
        study.trials[0].user_attrs
    )
    assert study.metric_names == ["accuracy"]

    assert main(["search", "--out", str(tmp_path), *_SMALL, "--trials", "3"]) == 0
    assert len(study.get_trials()) == 3
    capsys.readouterr()
    # what a full disk cut short is made again
    whole = (tmp_path / "curve.csv").read_text()
    (tmp_path / "curve.csv").write_text(whole[:100])
    assert main(["search", "--out", str(tmp_path), *_SMALL, "--trials", "3"]) == 0
    assert "already has 3 trials" in capsys.readouterr().out
    assert len(study.get_trials()) == 3
    assert (tmp_path / "curve.csv").read_text() == whole


def test_search_of_an_own_file_under_the_grid(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "own.npy"
    np.save(path, (np.arange(6000) // 3 + rng.integers(0, 2, 6000)) % 4)
    arguments = ["--sampler", "grid", "--pruner", "none", "--window", "32"]
    assert _search(tmp_path / "out", str(path), *arguments) == 0
    study = optuna.load_study(
        study_name="own.npy", storage=f"sqlite:///{tmp_path / 'out'}/study.db"
    )
    assert study.direction == optuna.study.StudyDirection.MINIMIZE
    assert study.metric_names == ["bits per symbol"]
    dilations = [trial.user_attrs["dilations"] for trial in study.trials]
    assert len(set(dilations)) == 2
    assert max(int(d) for text in dilations for d in text.split(",")) < 32


def test_a_population_finds_what_single_trials_find(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--sampler", "grid", "--pruner", "none", "--trials", "3"]
    studies = []
    for name, more in (("alone", ["--trials", "3"]), ("together", ["--population", "2"])):
        command = ["search", *_SMALL, *arguments, *more, "--out", str(tmp_path / name)]
        assert main(command) == 0
        table = capsys.readouterr().out.split("Best trials")[1].split("Written")[0]
        study = optuna.load_study(
            study_name="digits", storage=f"sqlite:///{tmp_path / name}/study.db"
        )
        studies.append([(t.params, t.value, t.user_attrs["test"], table) for t in study.trials])
    for one, two in zip(*studies, strict=True):
        assert one[1:3] == pytest.approx(two[1:3], abs=0.01)
    assert (tmp_path / "together" / "report.html").stat().st_size > 10_000
    assert _search(tmp_path, "--population", "2", "--workers", "2") == 2
    assert "give one of both" in capsys.readouterr().err


def test_a_short_text_gets_fewer_streams(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("to be or not to be that is the question " * 200)
    assert _search(tmp_path / "out", str(path), "--unit", "word") == 0


def test_a_study_of_other_data_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _search(tmp_path, "digits", "--study-name", "one") == 0
    capsys.readouterr()
    assert _search(tmp_path, "pdigits", "--study-name", "one") == 2
    message = capsys.readouterr().err
    assert "was made for digits" in message
    assert "not for pdigits" in message
    assert "--study-name" in message


def test_a_study_of_another_space_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _search(tmp_path) == 0
    capsys.readouterr()
    for other in (("--max-layers", "3"), ("--ranges", "wide")):
        assert _search(tmp_path, *other) == 2
        assert "space" in capsys.readouterr().err


def test_wide_ranges_are_searched_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _search(tmp_path, "--ranges", "wide") == 0
    assert "The ranges are wide" in capsys.readouterr().out
    study = optuna.load_study(study_name="digits", storage=f"sqlite:///{tmp_path}/study.db")
    assert DilationSpace.from_study(study).ranges == "wide"
    assert _search(tmp_path, "--ranges", "wide") == 0  # joins


def test_layers_stand_at_chosen_lags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _search(tmp_path, "--spacing", "lags") == 0
    assert "add most to a prediction" in capsys.readouterr().out
    study = optuna.load_study(study_name="digits", storage=f"sqlite:///{tmp_path}/study.db")
    space = DilationSpace.from_study(study)
    assert {1, 6, 7} <= set(space.dilations(space.recommended))  # of rows of eight pixels
    assert _search(tmp_path, "--spacing", "lags") == 0  # joins
    assert _search(tmp_path) == 2
    assert "spac" in capsys.readouterr().err


def test_a_study_is_joined_with_another_seed_but_not_with_other_networks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "own.npy"
    # A fitted break and slopes, which another baseline would move.
    np.save(path, np.cumsum(rng.integers(-1, 2, 20_000)) // 3 % 12)
    arguments = [str(path), "--window", "64", "--policy", "none"]
    assert _search(tmp_path / "out", *arguments) == 0
    capsys.readouterr()
    more = ["search", *arguments, "--out", str(tmp_path / "out"), *_SMALL, "--trials", "4"]
    assert main([*more, "--seed", "1"]) == 0
    study = optuna.load_study(
        study_name="own.npy", storage=f"sqlite:///{tmp_path / 'out'}/study.db"
    )
    assert len({trial.params["lr_max"] for trial in study.trials}) == 4
    for trial in study.trials:
        assert trial.user_attrs["mi:lr"] == [trial.params["lr_max"]] * 2
    assert main([*more, "--epochs", "3", "--cell", "rnn"]) == 2
    message = capsys.readouterr().err
    assert "trains with --cell gru, --epochs 2, not rnn, 3" in message
    assert "--study-name" in message
    assert main([*more[:-4], "--policy", "change", "--trials", "5"]) == 2


def test_a_resumed_search_goes_on_drawing(tmp_path: Path) -> None:
    for n_trials in range(1, 6):
        arguments = ["--out", str(tmp_path), *_SMALL, "--trials", str(n_trials)]
        assert main(["search", *arguments, "--pruner", "none"]) == 0
    study = optuna.load_study(study_name="digits", storage=f"sqlite:///{tmp_path}/study.db")
    assert len({trial.params["lr_max"] for trial in study.trials}) == 5
    assert len({trial.user_attrs["dilations"] for trial in study.trials}) > 2


def test_a_study_of_something_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = f"sqlite:///{tmp_path}/study.db"
    used = optuna.create_study(storage=storage, study_name="used", direction="maximize")
    used.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    optuna.create_study(storage=storage, study_name="down", direction="minimize")
    optuna.create_study(storage=storage, study_name="two", directions=["maximize", "minimize"])
    for name, message in (
        ("used", "know no dilation space"),
        ("down", "has the direction minimize, but accuracy is to maximize"),
        ("two", "has the direction maximize and minimize"),
    ):
        assert _search(tmp_path / "out", "--storage", storage, "--study-name", name) == 2
        assert message in capsys.readouterr().err
        assert optuna.load_study(study_name=name, storage=storage).user_attrs == {}
    assert not (tmp_path / "out").exists()
    assert main(["report", "down", "--storage", storage, "--out", str(tmp_path / "r.html")]) == 0
    assert "No trial has a value yet" in capsys.readouterr().out


def test_a_folder_that_is_a_file_is_told_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file"
    path.write_text("")
    for command in ("analyze", "search"):
        assert main([command, "digits", "--out", str(path / "deep")]) == 2
        assert "is a file; name another" in capsys.readouterr().err


def test_analyze_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "digits", "--out", str(tmp_path)]) == 0
    frame = pd.read_csv(tmp_path / "curve.csv")
    assert frame["lag"].is_monotonic_increasing
    assert {"mi", "baseline", "mi_corrected"} <= set(frame)
    analysis = DecayAnalysis.from_json((tmp_path / "analysis.json").read_text())
    assert analysis.period == 8
    assert json.loads((tmp_path / "analysis.json").read_text())
    assert "mi_corrected" in capsys.readouterr().out


def test_report_of_a_study_and_of_one_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _search(tmp_path) == 0
    storage = f"sqlite:///{tmp_path}/study.db"
    out = tmp_path / "other.html"
    assert main(["report", "digits", "--storage", storage, "--out", str(out)]) == 0
    assert "<html" in out.read_text()[:500]
    capsys.readouterr()
    assert main(["report", "digit", "--storage", storage]) == 2
    assert "no study 'digit'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mnits"], "Unknown data set 'mnits'"),
        (["no/such.txt"], "is not a file"),
        (["digits", "--trials", "0"], "--trials 0"),
        (["digits", "--max-lag", "64"], "64"),
        (["digits", "--max-lag", "0"], "0"),
        (["digits", "--threshold", "-1"], "-1"),
        (["digits", "--epochs", "0"], "epochs must be an integer of at least 1"),
        (["digits", "--steps", "0"], "steps must be an integer of at least 1"),
        (["digits", "--hidden-size", "0"], "hidden_size must be an integer of at least 1"),
        (["digits", "--device", "meta"], "'meta' cannot be used"),
        (["digits", "--device", "cuda:99"], "cuda:99"),
        (["digits", "--storage", "nonsense"], "is no URL"),
        (["digits", "--storage", "a/study.db"], "is no URL: say sqlite:///a/study.db"),
        (["digits", "--storage", "sqlite://study.db"], "is no URL: give sqlite:///PATH"),
        (["digits", "--storage", "postgresql://me:secret@127.0.0.1:9/x"], "127.0.0.1"),
        (["digits", "--storage", "klingon://x/y"], "knows no such database"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    folder = tmp_path / "out"
    assert main(["search", *arguments, "--out", str(folder)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert "secret" not in error
    assert not folder.exists()


def test_an_option_that_the_command_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["analyze", "my.txt", "--output", "x"])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "usage: optuna-mi analyze" in said
    assert "--output x (did you mean --out?); optuna-mi analyze --help lists all" in said


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "is empty"), ("a" * 5000, "one symbol"), ("ab", "too few")],
)
def test_bad_texts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    path = tmp_path / "own.txt"
    path.write_text(content)
    for command in ("analyze", "search"):
        assert main([command, str(path), "--out", str(tmp_path / "out")]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_analyze_measures_all_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is split off, so what is too little to train on can still be measured."""
    rng = np.random.default_rng(0)
    short, two, real = (tmp_path / name for name in ("short.npy", "two.csv", "real.csv"))
    np.save(short, rng.integers(0, 3, 100))
    two.write_text("0,1,2,0,1,2,1\n" * 2)
    real.write_text("\n".join(map(str, rng.normal(size=200))))
    for path, told in (
        (short, "1 sequence, 100 symbols"),
        (two, "2 sequences of 7, one per row, 14 symbols"),
        (real, "1 sequence, 200 real values"),
    ):
        folder = tmp_path / path.stem
        assert main(["analyze", str(path), "--out", str(folder)]) == 0
        assert told in capsys.readouterr().out
    analysis = DecayAnalysis.load(tmp_path / "short" / "analysis.json")
    assert analysis.curve.n_total == 100
    assert analysis.law == "none"
    assert main(["search", str(short), "--out", str(tmp_path / "search")]) == 2
    assert "at least 1,000" in capsys.readouterr().err


def test_a_file_of_real_values_is_searched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sun.csv"
    light = np.sin(np.arange(200)) + 0.1 * np.random.default_rng(0).normal(size=200)
    path.write_text("day,light\n" + "".join(f"{day},{x:.3f}\n" for day, x in enumerate(light)))
    options = [
        "--trials",
        "1",
        "--epochs",
        "1",
        "--hidden-size",
        "4",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(["search", str(path), *options]) == 0
    assert "regression, objective MASE" in capsys.readouterr().out
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.parametrize("command", ["analyze", "search"])
def test_a_unit_is_for_texts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    np.save(tmp_path / "own.npy", np.arange(2000) % 7)
    for data in (str(tmp_path / "own.npy"), "digits"):
        assert main([command, data, "--unit", "foo", "--out", str(tmp_path / "out")]) == 2
        assert "leave the unit out" in capsys.readouterr().err


def test_the_module_is_the_command() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "optuna_mi", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "0.1.0"


def test_a_storage_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    optuna.create_study(storage=f"sqlite:///{tmp_path}/study.db", study_name="s")
    monkeypatch.setenv("STUDIES", f"sqlite:///{tmp_path}/study.db")
    assert main(["status", "s", "--storage", "env:STUDIES"]) == 0
    assert "0 trials" in capsys.readouterr().out
    monkeypatch.setenv("STUDIES", "postgresql://127.0.0.1:9/x?user=me&password=s3cret")
    assert main(["status", "s", "--storage", "env:STUDIES"]) == 2
    message = capsys.readouterr().err
    assert "s3cret" not in message
    assert "password=***" in message


def test_escapes_for_the_terminal_are_shown_not_obeyed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=url, study_name="s\x1b[2J")
    trial = study.ask()
    trial.set_user_attr("dilations", "\x1b]0;title\x07")
    study.tell(trial, 0.5)
    assert main(["status", "s\x1b[2J", "--storage", url]) == 0
    assert main(["status", "t\x1b[2J", "--storage", url]) == 2
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert "\\x1b]0;title\\x07" in shown.out


def test_a_file_of_dots_stays_in_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("...txt").write_text("to be or not to be " * 20)
    assert main(["analyze", "...txt"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["work"]
    assert sorted(path.name for path in Path().iterdir()) == ["...txt", "optuna-mi-out"]
    assert [path.name for path in Path("optuna-mi-out").iterdir()] == ["data"]


def test_a_study_whose_sqlite_pages_are_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "study.db"
    study = optuna.create_study(storage=f"sqlite:///{path}", study_name="s")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=20)
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 100] = b"\xff" * 100
    path.write_bytes(content)
    assert main(["status", "s", "--storage", f"sqlite:///{path}"]) == 2
    message = capsys.readouterr().err
    assert "damaged" in message
    assert message.count("\n") == 1


_LIMITED = """
import resource, sys
from optuna_mi.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000,) * 2)
sys.exit(main(sys.argv[1:]))
"""


def test_a_full_disk_leaves_no_half_files(tmp_path: Path) -> None:
    np.save(tmp_path / "own.npy", np.arange(3000) // 3 % 5)
    arguments = ["analyze", str(tmp_path / "own.npy"), "--out", str(tmp_path / "out")]
    command = [sys.executable, "-c", _LIMITED, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert run.returncode == 2
    assert f"No space is left for {tmp_path / 'out' / 'decay.html'}" in run.stderr
    assert "Traceback" not in run.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "analysis.json",
        "curve.csv",
    ]


def test_a_result_is_not_written_through_a_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "out").mkdir()
    for name in ("curve.csv", "analysis.json", "decay.html"):
        (tmp_path / "out" / name).symlink_to(precious)
    np.save(tmp_path / "own.npy", np.arange(3000) // 3 % 5)
    assert main(["analyze", str(tmp_path / "own.npy"), "--out", str(tmp_path / "out")]) == 0
    assert precious.read_text() == "mine"
    assert not (tmp_path / "out" / "curve.csv").is_symlink()


def test_search_measures_real_values_as_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import dataclasses

    from optuna_mi._commands.search import _job
    from optuna_mi._main_job import measure
    from optuna_mi.cli import _parser
    from optuna_mi.datasets import from_arrays

    dataset = from_arrays(np.sin(np.arange(600) / 2) + 0.1 * np.arange(600) % 1)
    arguments = ["search", "x.csv", "--max-lag", "20", "--quiet", "--out", str(tmp_path / "out")]
    job = _job(_parser().parse_args([*arguments, "--bins", "4"]), dataset)
    assert measure(job, dataset).curve.n_symbols == 4
    by_neighbours = dataclasses.replace(job, values="ksg", n_bins=None)
    assert measure(by_neighbours, dataset).curve.estimator == "ksg"
    # words have no bins
    (tmp_path / "x.txt").write_text("to be or not to be " * 100)
    assert main(["search", str(tmp_path / "x.txt"), "--bins", "4", "--out", str(tmp_path)]) == 2
    assert "--bins is for real values, and x.txt holds symbols" in capsys.readouterr().err
