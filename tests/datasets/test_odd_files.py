"""Files as people have them: each is read rightly, or refused with its fault and a remedy."""

from __future__ import annotations

import gzip
import json
import warnings
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optuna_mi.cli import main
from optuna_mi.datasets import SequenceClassification, SequenceRegression, load_dataset
from optuna_mi.datasets._reading import Reading
from optuna_mi.datasets._user_file import read_file

RNG = np.random.default_rng(0)
WAVE = (np.sin(2 * np.pi * np.arange(120) / 12) + 0.1 * RNG.normal(size=120)).round(3)
BIG = (1000 * WAVE + 5000).round(1)
DAYS = pd.date_range("2020-01-01", periods=120)
HOURS = pd.date_range("2020-03-25", periods=120, freq="h", tz="Europe/Berlin")
CSV = pd.DataFrame({"date": DAYS, "y": WAVE}).to_csv(index=False)


def _table(write: Callable[[float], str], values: Any = WAVE, sep: str = ",") -> str:
    rows = (f"{i}{sep}{write(v)}" for i, v in enumerate(values))
    return "\n".join([f"t{sep}y", *rows, ""])


def _dated(days: Any) -> str:
    return "\n".join(["when,y", *(f"{d},{v}" for d, v in zip(days, WAVE, strict=True)), ""])


def _values(path: Path, **options: Any) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        contents = read_file(path, Reading(**options))
    found = contents.sequences
    return np.asarray(found["y"] if hasattr(found, "columns") else found)


TABLES = {
    "sep.csv": "sep=;\nDatum;Wert\n"
    + "".join(
        f"{d:%d.%m.%Y};{str(v).replace('.', ',')}\n" for d, v in zip(DAYS, WAVE, strict=True)
    ),
    "quotes.csv": '"date","the ""y"" value"\r\n'
    + "".join(f'"{d:%Y-%m-%d}","{v}"\r\n' for d, v in zip(DAYS, WAVE, strict=True)),
    "trailing.csv": "date,y,\n"
    + "".join(f"{d:%Y-%m-%d},{v},\n" for d, v in zip(DAYS, WAVE, strict=True)),
    "mixed.csv": CSV.replace("\n", "\r\n", 40),
    "mac.csv": CSV.replace("\n", "\r"),
    "utf16.csv": CSV.encode("utf-16"),
    "utf32.csv": CSV.encode("utf-32"),
    "packed.csv": gzip.compress(CSV.encode()),
    "plain.csv.gz": CSV,
    "größe mit leerzeichen.CSV": CSV,
    "summer.csv": pd.DataFrame({"t": HOURS, "y": WAVE}).to_csv(index=False),
    "quarters.csv": _dated(f"{1950 + i // 4}Q{i % 4 + 1}" for i in range(120)),
    "weeks.csv": _dated(f"{2000 + i // 52}-W{i % 52 + 1:02d}" for i in range(120)),
    "backwards.csv": "date,y\n" + "".join(reversed(CSV.splitlines(keepends=True)[1:])),
    "empty column.csv": "t,a,y\n" + "".join(f"{i},,{v}\n" for i, v in enumerate(WAVE)),
    "comments.csv": "# logger 3\n# site 7\n" + _table(str),
    "savetxt.csv": "# t,y\n" + _table(str).partition("\n")[2],
    "station.csv": "Station: Kiel\nUnit: m\n\n" + _table(str),
    "units.csv": _table(str).replace("\n", "\ns,m\n", 1),
    "minus.csv": _table(lambda v: str(v).replace("-", "\u2212")),
    "brackets.csv": _table(lambda v: f"({-v})" if v < 0 else str(v)),
    "exponents.csv": _table(lambda v: f"{v:.6E}"),
    "fortran.csv": "y\n" + "".join(f"{v:.6E}\n".replace("E", "D") for v in WAVE),
    "percent.csv": _table(lambda v: f"{v}%"),
    "kilowatts.csv": _table(lambda v: f"{v} kW"),
    "day and hour.csv": "Date,Time,y\n"
    + "".join(
        f"{d:%d/%m/%Y},{d:%H:%M},{v}\n"
        for d, v in zip(pd.date_range("2020", periods=120, freq="h"), WAVE, strict=True)
    ),
    "columns.json": json.dumps({"t": list(range(120)), "y": WAVE.tolist()}),
    "records.json": json.dumps([{"t": i, "y": v} for i, v in enumerate(WAVE)]),
    "lines.json": "\n".join(json.dumps({"t": i, "y": v}) for i, v in enumerate(WAVE)),
    "series.json": json.dumps(WAVE.tolist()),
    "keyed.json": json.dumps({f"{d:%Y-%m-%d}": v for d, v in zip(DAYS, WAVE, strict=True)}),
    "answer.json": json.dumps(
        {"status": "ok", "data": [{"t": i, "y": v} for i, v in enumerate(WAVE)]}
    ),
    "pandas.json": pd.DataFrame({"t": np.arange(120), "y": WAVE}).to_json(),
    "split.json": pd.DataFrame({"t": np.arange(120), "y": WAVE}).to_json(orient="split"),
    "nested.jsonl": "\n".join(json.dumps({"t": i, "v": {"y": v}}) for i, v in enumerate(WAVE)),
    "weka.arff": "@relation w\n@attribute t numeric\n@attribute y numeric\n@data\n"
    + _table(str).partition("\n")[2],
}


@pytest.mark.parametrize("name", TABLES)
def test_a_series_is_found(tmp_path: Path, name: str) -> None:
    content = TABLES[name]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    np.testing.assert_allclose(_values(tmp_path / name), WAVE)


@pytest.mark.parametrize(
    "write",
    [
        lambda v: f"{v:,.1f}".replace(",", "'"),
        lambda v: f'"{v:,.1f}"',
        lambda v: f'"${v:,.1f}"',
        lambda v: f"{v:_.1f} €",
    ],
)
def test_thousands_and_currencies(tmp_path: Path, write: Callable[[float], str]) -> None:
    (tmp_path / "x.csv").write_text(_table(write, BIG))
    np.testing.assert_allclose(_values(tmp_path / "x.csv"), BIG)
    spaced = _table(lambda v: f"{v:,.1f}".replace(",", "\u202f").replace(".", ","), BIG, ";")
    (tmp_path / "y.csv").write_text(spaced)
    np.testing.assert_allclose(_values(tmp_path / "y.csv"), BIG)


def test_names_that_mislead(tmp_path: Path) -> None:
    (tmp_path / "data.log").write_text(CSV)
    np.testing.assert_allclose(_values(tmp_path / "data.log", format="csv"), WAVE)
    (tmp_path / "link.csv").symlink_to(tmp_path / "data.log")
    np.testing.assert_allclose(_values(tmp_path / "link.csv"), WAVE)
    with pytest.raises(ValueError, match="format must be one of"):
        Reading(format="xlsx")
    # TypeScript
    (tmp_path / "x.ts").write_text("export class A { b: number = 3; }\n" * 9)
    assert read_file(tmp_path / "x.ts").unit == "character"


def test_parquet_of_other_types(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "x.parquet"
    for frame in (
        pd.DataFrame({"y": [Decimal(str(v)) for v in WAVE]}),
        pd.DataFrame({"y": WAVE}, index=DAYS),
        pd.DataFrame({"t": HOURS, "y": WAVE.astype("f4")}),
    ):
        frame.to_parquet(path)
        np.testing.assert_allclose(_values(path), WAVE, rtol=1e-6)
    pd.DataFrame({"id": [3, 5, 4], "y": [WAVE[:50], WAVE[50:90], WAVE]}).to_parquet(path)
    assert [len(s) for s in read_file(path).sequences] == [50, 40, 120]
    pd.DataFrame({"y": [[[1, 2], [3]], [[4]]] * 9}).to_parquet(path)
    with pytest.raises(ValueError, match=r"column y .* lists of other things .* in row 1"):
        read_file(path)


def test_what_looks_like_a_code_for_missing_is_spoken_of(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(_table(str, np.where(np.arange(120) % 40 == 7, -999, WAVE)))
    assert (
        "column y is -999 in 3 rows, far from all others" in read_file(tmp_path / "x.csv").notes[0]
    )
    (tmp_path / "x.csv").write_text(_table(str, np.arange(120) % 7 * 166.5))
    assert not read_file(tmp_path / "x.csv").notes


def _npy(array: Any) -> bytes:
    import io

    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", CSV.encode("utf-16-le"), "looks like UTF-16; say --encoding utf-16-le"),
        ("x.csv", CSV.replace("\n", "\0\n", 2), "NUL bytes"),
        ("x.csv", "date,y\n", r"a header \(date, y\) and no rows"),
        ("x.csv", CSV + "Total,12\n", "'Total' in row 121.* row of totals"),
        (
            "x.csv",
            _table(lambda v: "-" if v > 1 else str(v)),
            "text among numbers .* remove or fill it",
        ),
        ("x.csv", "<!DOCTYPE html><html>404</html>", "a page of HTML.* fetch the table itself"),
        ("x.csv", b"PK\x03\x04 etc", "an Excel workbook .* save the table as .csv"),
        ("x.xls", b"\xd0\xcf\x11\xe0 etc", "an old Excel workbook: save the table as .csv"),
        ("x.h5", b"\x89HDF etc", "an HDF5 file: save the array"),
        ("x.txt", _npy(WAVE), "a numpy array: say --format npy"),
        (
            "x.csv.gz",
            gzip.compress(CSV.encode())[:-20],
            "cannot be unpacked by gzip.* copied whole",
        ),
        ("x.csv", "date,y\n2020-01-01,3\n2020-01-02,4,5\n" + CSV[7:], "."),
        ("x.npy", _npy(np.array([None, "a"] * 9)), "Python objects.* numpy.save"),
        ("x.npy", _npy(WAVE + 1j), r"complex128.* abs\(x\)"),
        ("x.npy", _npy(DAYS.to_numpy()), "datetime64.* the values, not their times"),
        (
            "x.npy",
            _npy(np.zeros((9, 8, 8), dtype="u1")),
            r"images flat, as x.reshape\(len\(x\), -1\)",
        ),
        ("x.jsonl", '{"t": 1, "y": 2}\n' * 9 + '{"t": 3', "line 10 is"),
        ("x.json", "[1, 2, 3,]", "cannot be read as JSON"),
        ("x.json", "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("x.json", '"hello"', "an array or an object of arrays is needed"),
        ("x.json", '{"a": [1, 2], "b": [[1], [2]], "c": 3}', "a, b, among other things: choose"),
        ("x.json", "[1, [2], 3]", "different things"),
        ("x.arff", "hello", "lacks a header or @data|cannot be read as .arff"),
        ("x.arff", "@relation w\n@attribute s string\n@data\nabc\n", "neither number nor class"),
        ("x.ts", "@timestamps true\n@data\n(1,2):a\n", "a time for every value"),
        ("x.ts", "@classLabel false\n", "no line @data"),
        ("x.ts", "@data\n1,2,3:4,5\n", "dimensions of 3, 2 values in line 2"),
        ("x.ts", "@data\n1,2,x\n", "no number in line 2"),
        ("x.ts", "@classLabel true a b\n@data\n1,2,3\n", "no label in line 3"),
        ("x.csv", "\n".join(f"id {i}x" for i in range(99)), "all 99 values .* differ"),
        ("x.ts", "@data\n1,?,3\n", "1 missing value in line 2: fill them"),
        ("x.ts", "@data\n", "no line after @data"),
    ],
)
def test_it_is_refused(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=f"(?s){message}"):
        read_file(tmp_path / name)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a folder, not a file: give one of its files"):
        read_file(tmp_path)
    (tmp_path / "x.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(FileNotFoundError, match=r"a link to .*gone.csv, which is not there"):
        read_file(tmp_path / "x.csv")


HEADER = "# a comment\n@problemName x\n@timeStamps false\n@classLabel true up down\n@data\n"


def _ts(n_features: int, lengths: Any) -> tuple[str, list[np.ndarray]]:
    parts = [RNG.normal(size=(n, n_features)).round(3) for n in lengths]
    lines = (
        ":".join(",".join(map(str, f)) for f in part.T) + f":{('up', 'down')[i % 2]}\n"
        for i, part in enumerate(parts)
    )
    return HEADER + "".join(lines), parts


def test_ts_files_of_the_archives(tmp_path: Path) -> None:
    text, parts = _ts(3, range(20, 50))
    (tmp_path / "x.ts").write_text(text)
    contents = read_file(tmp_path / "x.ts")
    assert contents.description == (
        "30 sequences of 20 to 49 steps and 3 dimensions, each measured by itself, 3,105 real "
        "values in all (labels of 2 classes: what search learns)"
    )
    np.testing.assert_array_equal(contents.sequences[4], parts[1][:, 1])
    one = read_file(tmp_path / "x.ts", Reading(column="2"))
    np.testing.assert_array_equal(one.sequences[1], parts[1][:, 2])
    with pytest.raises(ValueError, match="no dimension '3': choose one of 0 to 2"):
        read_file(tmp_path / "x.ts", Reading(column="3"))
    dataset = load_dataset(tmp_path / "x.ts")
    assert isinstance(dataset, SequenceClassification)
    assert dataset.classes == ("down", "up")
    assert dataset.train.inputs.shape[1:] == (49, 3)
    text, parts = _ts(1, [40] * 30)
    (tmp_path / "x.ts").write_text(text)
    np.testing.assert_array_equal(read_file(tmp_path / "x.ts").sequences, np.stack(parts)[:, :, 0])
    targets = text.replace("classLabel true up down", "targetLabel true")
    (tmp_path / "x.ts").write_text(targets.replace(":up", ":1.5").replace(":down", ":-0.25"))
    assert isinstance(load_dataset(tmp_path / "x.ts"), SequenceRegression)


def test_tsf_files_of_the_monash_archive(tmp_path: Path) -> None:
    (tmp_path / "x.tsf").write_text(
        "@relation x\n@attribute series_name string\n@attribute start_timestamp date\n"
        "@frequency monthly\n@data\nT1:1979-01-01 00-00-00:1.5,2,3,4,5\nT2:1980-01-01 00-00-00:"
        "2.5,3,4,5,6,7\n"
    )
    assert [len(s) for s in read_file(tmp_path / "x.tsf").sequences] == [5, 6]


def test_labels_of_a_file(tmp_path: Path) -> None:
    labels, words = tmp_path / "labels.txt", tmp_path / "words.txt"
    rows = ["abcab" * (4 + i % 3) for i in range(30)]
    words.write_text("\n".join(rows) + "\n")
    labels.write_text("kind\n" + "even\nodd\n" * 15)
    dataset = load_dataset(words, rows=True, labels=str(labels))
    assert isinstance(dataset, SequenceClassification)
    assert dataset.classes == ("even", "odd")
    assert dataset.n_symbols == 3
    np.save(tmp_path / "y.npy", np.arange(30) % 3)
    np.save(tmp_path / "x.npy", RNG.normal(size=(30, 20, 2)))
    dataset = load_dataset(tmp_path / "x.npy", labels=str(tmp_path / "y.npy"))
    assert isinstance(dataset, SequenceClassification)
    assert dataset.n_classes == 3
    assert dataset.train.inputs.shape[1:] == (20, 2)
    np.savez(tmp_path / "both.npz", X=RNG.normal(size=(30, 20)), y=np.arange(30) % 3)
    both = load_dataset(tmp_path / "both.npz", column="X", label_column="y")
    assert isinstance(both, SequenceClassification)
    labels.write_text("even\nodd\n" * 10)
    with pytest.raises(ValueError, match="holds 20 labels, and there are 30 sequences"):
        load_dataset(words, rows=True, labels=str(labels))
    labels.write_text("even\n\nodd\n" * 10)
    with pytest.raises(ValueError, match="no label in line 2"):
        load_dataset(words, rows=True, labels=str(labels))
    with pytest.raises(ValueError, match="1 sequence: give one for each"):
        load_dataset(words, labels=str(tmp_path / "y.npy"))


def test_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io
    import sys

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CSV.encode())))
    assert main(["analyze", "-", "--format", "csv", "--max-lag", "20"]) == 0
    said = capsys.readouterr().out
    assert "standard input: 120 rows; column y as one series" in said
    assert (tmp_path / "optuna-mi-out" / "stdin" / "analysis.json").exists()
    assert "  command " not in said
    assert main(["search", "-"]) == 2
    assert "reads the data again" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["visit", "user_id"])
def test_numbers_that_name_series_are_not_measured(name: str, tmp_path: Path) -> None:
    """An event log: the numbers of its sessions were taken for the one series to measure."""
    path = tmp_path / "events.csv"
    kinds = np.array(list("abcd"))[RNG.integers(0, 4, 300)]
    numbers = np.repeat(np.arange(15), 20)
    if name == "user_id":
        numbers = RNG.permutation(numbers)
    pd.DataFrame({name: numbers, "event": kinds}).to_csv(path, index=False)
    with pytest.raises(ValueError, match=f"--column event --id-column {name}; or say --column"):
        read_file(path)
    contents = read_file(path, Reading(column="event", id_column=name))
    assert "15 series, one per" in contents.description
    assert "as one series" in read_file(path, Reading(column=name)).description
