"""``optuna-mi analyze``: what it says, to whom, and how fast it refuses."""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import optuna_mi
from optuna_mi import _analysis_files
from optuna_mi._analysis_files import write_analysis
from optuna_mi._commands import common
from optuna_mi._commands.analyze import lag_table
from optuna_mi.cli import main
from optuna_mi.datasets._reading import FileContents
from optuna_mi.decay import DecayAnalysis, DecayCurve, analyze_decay


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "optuna_mi", *arguments],
        capture_output=True,
        env=os.environ | environment,
        check=False,
    )


@pytest.fixture
def sun(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    years = np.arange(1700, 2009)
    spots = 50 + 40 * np.sin(2 * np.pi * years / 11) + 5 * rng.normal(size=years.size)
    path = tmp_path / "sun.csv"
    pd.DataFrame({"YEAR": years, "SUNACTIVITY": spots}).to_csv(path, index=False)
    return path


def test_it_says_in_one_line_what_the_file_is(
    sun: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(sun), "--out", str(tmp_path)]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.endswith(
        "sun.csv: 309 rows; column SUNACTIVITY as one series, 309 real values in all (column YEAR "
        "looks like time: left out)"
    )


def test_json_alone_on_standard_output(
    sun: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--json", "--column", "SUNACTIVITY", "--bins", "4", "--detrend", "--max-lag", "30"]
    assert main(["analyze", str(sun), *options, "--out", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["analysis"]["period"] == 11
    assert "4 quantile bins" in str(found["analysis"])
    assert "309 rows" in found["read_as"]
    assert "309 rows" in err


def test_it_ends_with_what_to_do(
    sun: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--column", "SUNACTIVITY", "--max-lag", "30", "--out", str(tmp_path / "o")]
    assert main(["analyze", str(sun), *options]) == 0
    table, _, rest = capsys.readouterr().out.partition("Next: ")
    # the table holds the period that was found
    assert "\n  11 " in table
    said = rest.splitlines()
    code = next(line.split("Python", 1)[1].strip() for line in said if "Python" in line)
    space = eval(code.removeprefix("space = "), {"optuna_mi": optuna_mi})
    assert main(["analyze", str(sun), *options, "--json"]) == 0
    step = json.loads(capsys.readouterr().out)["next"]
    assert tuple(step["dilations"]) == space.dilations(space.recommended)
    assert "  dilations  1, " in rest
    assert 11 in step["dilations"]
    assert step["window"] == 12
    assert step["command"].startswith(f"optuna-mi search {sun} ")
    assert step["command"] in rest
    assert "--column SUNACTIVITY" in step["command"]
    # search cannot measure so, and is not named
    assert main(["analyze", str(sun), *options, "--json", "--difference"]) == 0
    assert json.loads(capsys.readouterr().out)["next"]["command"] is None


@pytest.mark.filterwarnings("ignore:.*look like a random walk")
def test_a_walk_is_differenced_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", np.cumsum(np.random.default_rng(1).normal(size=2000)))
    assert main(["analyze", str(tmp_path / "x.npy"), "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "Next: measure again with --difference" in said
    assert "flat is ruled out" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--column", "spots"], "no column 'spots'; it has YEAR, SUNACTIVITY"),
        (["--unit", "word"], "leave the unit out"),
        (["--values", "symbols"], "symbols must be integers"),
        (["--bins", "1"], "n_bins"),
        (["--max-lag", "0"], "0"),
    ],
)
def test_options_that_do_not_go_with_the_file(
    sun: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["analyze", str(sun), *options, "--out", str(sun.parent / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (sun.parent / "out").exists()


def test_real_options_are_refused_for_symbols(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.txt"
    path.write_text("some words " * 100)
    assert main(["analyze", str(path), "--detrend", "--out", str(tmp_path)]) == 2
    assert "--detrend is for real values, and x.txt holds symbols" in capsys.readouterr().err
    assert main(["analyze", "digits", "--column", "y", "--out", str(tmp_path)]) == 2
    assert "leave the column out" in capsys.readouterr().err


def test_terminals_of_any_encoding(sun: Path) -> None:
    german = sun.with_name("größe…\u3042.csv")
    sun.rename(german)
    for encoding in ("ascii", "cp932", "latin-1"):
        environment = {"PYTHONIOENCODING": encoding, "PYTHONWARNINGS": "error::EncodingWarning"}
        found = _run("search", "--help", **environment)
        assert found.returncode == 0, found.stderr
        found = _run("analyze", str(german), "--column", "gr\u00f6\u00dfe", **environment)
        assert found.returncode == 2
        assert b"no column" in found.stderr
        assert b"Traceback" not in found.stderr


@pytest.mark.slow
def test_an_ascii_terminal_and_a_reader_who_leaves(sun: Path) -> None:
    german = sun.rename(sun.with_name("größe.csv"))
    command = f'"{sys.executable}" -m optuna_mi analyze {german} --out {sun.parent / "ö"}'
    environment = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    found = subprocess.run(
        f"{command} | head -1",
        shell=True,
        capture_output=True,
        env=os.environ | environment,
        check=False,
    )
    assert found.stdout.count(b"\n") == 1
    assert b"rror" not in found.stderr
    # what nobody read was still written
    assert (sun.parent / "ö" / "decay.html").exists()


def test_warnings_come_without_source_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    walk = np.cumsum(np.random.default_rng(0).normal(size=500))
    np.save(tmp_path / "walk.npy", walk)
    with pytest.warns(UserWarning, match="random walk"):
        main(["analyze", str(tmp_path / "walk.npy"), "--out", str(tmp_path)])
    found = _run("analyze", str(tmp_path / "walk.npy"), "--out", str(tmp_path / "out"))
    assert b"optuna-mi: warning: 1 of 1 series tested look like a random walk" in found.stderr
    assert b"warnings.warn(" not in found.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["search", "--help"],
        ["analyze", "no/such.txt"],
        ["analyze", "mnits"],
        ["search", "no/such.txt"],
        ["window", "no/such.csv"],
    ],
)
def test_what_needs_no_measuring_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom optuna_mi.cli import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit:\n    pass\n"
        "print('loaded', *sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = found.stdout.rpartition("loaded")[2].split()
    heavy = {"numba", "scipy", "optuna", "pandas", "sqlalchemy", "torch", "plotly"}
    assert not heavy & set(loaded)


def test_a_text_is_analysed_without_what_it_does_not_need(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("".join(np.random.default_rng(0).choice(list("abc"), 3_000)))
    code = (
        "import sys\nfrom optuna_mi.cli import main\n"
        f"main(['analyze', {str(text)!r}, '--max-lag', '20', '--out', {str(tmp_path)!r}])\n"
        "print('loaded', *sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = found.stdout.rpartition("loaded")[2].split()
    # a second of processor time and 90 MB between them
    assert not {"pandas", "scipy.stats", "sqlalchemy", "torch"} & set(loaded)


def test_tables_of_a_curve_are_as_pandas_writes_them(tmp_path: Path) -> None:
    curve = DecayCurve(
        np.array([1, 2, 30]),
        np.array([0.5, 1e-7, 1 / 3]),
        n_pairs=np.array([29, 28, 1]),
        floor=np.array([1e-3, 0.0, 2.0]),
    )
    analysis = analyze_decay(curve)
    csv, _ = write_analysis(analysis, tmp_path)
    frame = curve.to_frame()
    assert csv.read_bytes() == frame.to_csv(index=False, lineterminator="\n").encode()
    few = frame[["lag", "mi", "mi_corrected", "floor", "n_pairs"]]
    shown = few.to_string(index=False, float_format=lambda x: f"{x:.3g}")
    _, _, table = lag_table(analysis, 40).partition("\n")
    assert table.split() == shown.split()


def test_the_data_are_gone_when_the_report_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("abcab" * 500)
    data: list[weakref.ref[object]] = []
    read = common.read

    def remember(arguments: argparse.Namespace) -> FileContents:
        contents = read(arguments)
        data.append(weakref.ref(contents.sequences))
        return contents

    def look(analysis: DecayAnalysis, folder: Path) -> Path:
        gc.collect()
        assert data[0]() is None
        return folder

    monkeypatch.setattr(common, "read", remember)
    monkeypatch.setattr(_analysis_files, "write_figure", look)
    assert main(["analyze", str(text), "--max-lag", "20", "--out", str(tmp_path)]) == 0
