"""What a file is taken for: each case was once read as something else."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optuna_mi.datasets import LanguageModeling, load_dataset
from optuna_mi.datasets._reading import FileContents, Reading
from optuna_mi.datasets._user_file import read_file

RNG = np.random.default_rng(0)
WAVE = np.sin(np.arange(300) / 4) + 0.1 * RNG.normal(size=300)


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def write_and_read(name: str, content: str | bytes, **options: Any) -> FileContents:
        path = tmp_path / name
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return read_file(path, Reading(**options))

    return write_and_read


def _csv(frame: pd.DataFrame, **options: Any) -> str:
    return frame.to_csv(index=False, **options)


def _same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(found, dtype=float), expected)


def test_a_column_that_looks_like_time_is_left_out(read: Any) -> None:
    years = pd.DataFrame({"YEAR": np.arange(1700, 2000.0), "SUNACTIVITY": WAVE})
    contents = read("sun.csv", _csv(years))
    _same(contents.sequences, WAVE)
    assert contents.description == (
        "300 rows; column SUNACTIVITY as one series, 300 real values in all (column YEAR looks "
        "like time: left out)"
    )


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.csv.gz"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_separators_decimal_signs_and_line_ends(read: Any, name: str, decimal: str) -> None:
    frame = pd.DataFrame({"date": pd.date_range("2020", periods=300), "load": WAVE})
    sep = "\t" if "tsv" in name else ";" if decimal == "," else ","
    text = _csv(frame, sep=sep, decimal=decimal, lineterminator="\r\n")
    _same(read(name, b"\xef\xbb\xbf" + text.encode()).sequences, WAVE)


@pytest.mark.parametrize("thousands", ["", "."])
def test_points_of_dates_and_thousands_are_no_decimal_signs(read: Any, thousands: str) -> None:
    days = pd.date_range("2020", periods=300).strftime("%d.%m.%Y")
    values = np.round(2000 + 1500 * WAVE, 2)
    written = [f"{v:,.2f}".translate(str.maketrans(",.", ".,")) for v in values]
    rows = (
        f"{d};{v if thousands else v.replace('.', '')}" for d, v in zip(days, written, strict=True)
    )
    found = read("x.csv", "\n".join(["Datum;Umsatz", *rows]))
    _same(found.sequences, values)
    assert "real values" in found.description


def test_a_column_that_numbers_the_rows_is_not_called_time(read: Any) -> None:
    frame = pd.DataFrame({"id": np.arange(300), "y": WAVE})
    assert "column id numbers the rows: left out" in read("x.csv", _csv(frame)).description


def test_rows_are_put_in_order(read: Any) -> None:
    frame = pd.DataFrame({"when": pd.date_range("2020", periods=300, freq="h"), "y": WAVE})
    shuffled = _csv(frame.sample(frac=1, random_state=0))
    _same(read("x.csv", shuffled).sequences, WAVE)
    _same(read("x.csv", shuffled, time_column="when", column="y").sequences, WAVE)
    frame["when"] = frame["when"].dt.floor("D")
    with pytest.raises(ValueError, match=r"several rows for one when .* --id-column NAME"):
        read("x.csv", _csv(frame))


def test_days_first_and_thousands(read: Any) -> None:
    hours = pd.date_range("2020", periods=300, freq="h")
    frame = pd.DataFrame({"when": hours.strftime("%d/%m/%Y %H:%M"), "y": WAVE})
    _same(read("x.csv", _csv(frame)).sequences, WAVE)
    counts = [f'"{int(1000 * v + 5000):,}"' for v in WAVE]
    _same(read("x.csv", "n\n" + "\n".join(counts)).sequences, (1000 * WAVE + 5000).astype(int))


def test_numbers_with_white_space_between(read: Any) -> None:
    rows = RNG.integers(0, 5, (30, 20))
    text = "\n".join("  ".join(map(str, row)) for row in rows)
    np.testing.assert_array_equal(read("x.csv", text).sequences, rows)


def test_negative_symbols_are_names_too(read: Any) -> None:
    signs = RNG.integers(-1, 2, 300)
    _same(read("x.csv", "\n".join(map(str, signs))).sequences, signs + 1)


def test_several_columns_ask_which(read: Any, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": WAVE, "b": WAVE**2, "c": -WAVE})
    with pytest.raises(ValueError, match=r"several columns \(a, b, c\): choose .* --column NAME"):
        read("x.csv", _csv(frame))
    _same(read("x.csv", _csv(frame), column="b").sequences, WAVE**2)
    _same(read("x.csv", _csv(frame), column="2").sequences, -WAVE)
    with pytest.raises(ValueError, match="no column 'd'; it has a, b, c"):
        read("x.csv", _csv(frame), column="d")
    with pytest.raises(ValueError, match=r"several columns \(0, 1, 2\)"):
        read("bare.csv", _csv(frame, header=False))
    np.save(tmp_path / "x.npy", frame.to_numpy())
    with pytest.raises(ValueError, match=r"300 rows and several columns \(0, 1, 2\)"):
        read_file(tmp_path / "x.npy")
    _same(read_file(tmp_path / "x.npy", Reading(column="1")).sequences, WAVE**2)
    assert len(read_file(tmp_path / "x.npy", Reading(rows=True)).sequences) == 300


def test_a_panel_is_told_apart_by_its_id(read: Any) -> None:
    frame = pd.DataFrame(
        {"store": np.repeat(["a", "b", "c"], 100), "day": np.tile(np.arange(100), 3), "sales": WAVE}
    )
    contents = read("x.csv", _csv(frame), id_column="store", time_column="day")
    assert contents.sequences.groupby("unique_id").size().tolist() == [100] * 3
    assert "column sales as 3 series, one per store, 300 real values" in contents.description
    panel = frame.rename(columns={"store": "unique_id", "day": "ds", "sales": "y"})
    assert read("y.csv", _csv(panel)).sequences.equals(contents.sequences)
    weather = frame.drop(columns="day")
    said = read("z.csv", _csv(weather)).description
    assert "column store is text (--id-column store: one series per value)" in said


def test_whole_dates_in_a_column_called_day_tell_series_apart(read: Any) -> None:
    days = pd.date_range("2024-01-01", periods=100).strftime("%Y-%m-%d")
    frame = pd.DataFrame(
        {"store": np.repeat(["a", "b", "c"], 100), "day": np.tile(days, 3), "sales": WAVE}
    )
    with pytest.raises(ValueError, match=r"several rows for one day .* --id-column store$"):
        read("x.csv", _csv(frame))
    assert read("x.csv", _csv(frame), id_column="store").sequences["ds"].nunique() == 100


def test_labels_are_no_symbols(read: Any) -> None:
    rows = RNG.normal(size=(20, 60)).round(6)
    labels = RNG.integers(1, 4, 20)
    ucr = "\n".join("\t".join(map(str, [y, *row])) for y, row in zip(labels, rows, strict=True))
    contents = read("x.tsv", ucr)
    _same(contents.sequences, rows)
    assert (
        "column 0 looks like labels (--label-column 0: search learns them): left out"
        in contents.description
    )
    named = pd.DataFrame(rows, columns=[f"t{i}" for i in range(60)]).assign(label=labels)
    _same(read("x.csv", _csv(named)).sequences, rows)
    pixels = pd.DataFrame(RNG.integers(0, 9, (20, 60))).assign(digit=labels)
    text = _csv(pixels, header=False)
    assert read("x.csv", text, label_column="60").sequences.shape == (20, 60)
    assert read("x.csv", text).sequences.shape == (20, 61)


def test_whole_numbers_near_each_other_are_real(read: Any) -> None:
    hours = np.arange(3000)
    load = (30_000 + 5000 * np.sin(2 * np.pi * hours / 24) + 500 * RNG.normal(size=3000)).round()
    frame = pd.DataFrame({"Datetime": pd.date_range("2020", periods=3000, freq="h"), "MW": load})
    text = _csv(frame.astype({"MW": int}))
    contents = read("x.csv", text)
    assert contents.sequences.dtype == float
    assert "--values symbols" in contents.notes[0]
    assert read("x.csv", text, symbols=True).sequences.dtype.kind == "i"
    # the numbers of words are as many, and no nearer to each other than any
    tokens = RNG.zipf(1.3, 20_000) % 5000
    assert read("x.csv", "\n".join(map(str, tokens))).sequences.dtype.kind == "i"


def test_columns_of_text(read: Any) -> None:
    states = pd.DataFrame({"state": np.array(["sun", "rain", "fog"])[RNG.integers(0, 3, 200)]})
    contents = read("x.csv", _csv(states))
    assert contents.sequences.nunique() == 3
    assert "column state as one series, 200 symbols in all (3 different)" in contents.description
    texts = [f"this is the text of number {i}, and a long one" for i in range(50)]
    lines = "\n".join(f'{{"id": {i}, "text": "{t}"}}' for i, t in enumerate(texts))
    assert read("x.jsonl", lines).sequences == texts
    assert len(read("x.jsonl", lines, unit="word").sequences[0]) == 11


def test_lists_in_json_lines(read: Any) -> None:
    lines = "\n".join(f'{{"name": "n{i}", "values": {list(range(i, i + 9))}}}' for i in range(9))
    found = read("x.jsonl.gz", lines, column="values").sequences
    assert [s.tolist() for s in found] == [list(range(i, i + 9)) for i in range(9)]


def test_parquet_and_npz(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pd.DataFrame({"t": np.arange(300), "y": WAVE}).to_parquet(tmp_path / "x.parquet")
    _same(read_file(tmp_path / "x.parquet").sequences, WAVE)
    np.savez(tmp_path / "x.npz", one=WAVE, two=-WAVE)
    with pytest.raises(ValueError, match=r"arrays one, two: choose one by --column"):
        read_file(tmp_path / "x.npz")
    _same(read_file(tmp_path / "x.npz", Reading(column="two")).sequences, -WAVE)


def test_text_without_mark_and_carriage_returns(read: Any, tmp_path: Path) -> None:
    plain = "Schöne Zeile\nund noch eine\n" * 50
    expected = read("x.txt", plain)
    windows = b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode()
    for name, content, encoding in (
        ("y.txt", windows, None),
        ("y.txt.gz", windows, None),
        ("y.txt", plain.encode("latin-1"), "latin-1"),
    ):
        contents = read(name, content, encoding=encoding)
        np.testing.assert_array_equal(contents.sequences, expected.sequences)
        assert contents.vocabulary == expected.vocabulary
    with pytest.raises(ValueError, match=r"not UTF-8 .* --encoding latin-1"):
        read("y.txt", plain.encode("latin-1"))
    with pytest.raises(ValueError, match=r"encoding 'klingon' is unknown"):
        read("y.txt", plain, encoding="klingon")
    (tmp_path / "z.txt").write_bytes(b"\xef\xbb\xbf" + windows[3:] * 20)
    dataset = load_dataset(tmp_path / "z.txt")
    assert isinstance(dataset, LanguageModeling)
    assert not {"\r", "\ufeff"} & set(dataset.vocabulary)


def test_fasta_and_pgn_without_their_frames(read: Any) -> None:
    bases = "".join(RNG.choice(list("ACGT"), 3000))
    lines = [bases[i : i + 60] for i in range(0, 3000, 60)]
    one = read("x.fa", ">chr1 a name\n" + "\n".join(lines))
    assert "".join(one.vocabulary[c] for c in one.sequences) == bases
    two = read("genes.txt", ">a\n" + "\n".join(lines) + "\n>b\n" + "\n".join(lines).lower())
    assert [len(s) for s in two.sequences] == [3000, 3000]
    np.testing.assert_array_equal(two.sequences[0], two.sequences[1])
    assert "headers and line ends left out" in two.description
    assert "N, unknown" in read("n.fa", ">a\n" + "N" * 100 + bases).notes[0]
    game = '[Event "x"]\n[Site "y"]\n\n1. e4 e5 2. Nf3\nNc6 1-0\n\n'
    games = read("games.pgn", game * 3)
    assert [len(s) for s in games.sequences] == [len("1. e4 e5 2. Nf3 Nc6 1-0")] * 3


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([f"{i:080d}" for i in RNG.integers(0, 9, 40)], "lines of equal length 80: is this a rec"),
        ([f"2024-01-{i % 28 + 1:02d} GET /{'x' * (i % 7)}" for i in range(40)], "is this a log?"),
        ([f"{i};{i * i};{'x' * (i % 5)}" for i in range(40)], "3 fields with a semicolon"),
        (["a line of prose", "and another, longer one"] * 20, None),
    ],
)
def test_records_in_a_text_are_spoken_of(read: Any, lines: list[str], said: str | None) -> None:
    notes = read("x.txt", "\n".join(lines) + "\n").notes
    assert (said in notes[0]) if said else not notes


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("x.txt", "some text " * 9, {"column": "a"}, "read as a text, which has no --column"),
        ("x.csv", "a,b\n" + "1,x\n?,y\n2,z\n" * 9, {"column": "a"}, "text among numbers"),
        ("x.csv", "1,2\n" * 9, {"unit": "word"}, "leave the unit out"),
        ("x.csv", 'a,b\n1,"open\n', {}, "cannot be read|holds|several"),
        ("x.jsonl", "{broken\n" * 20, {}, "one JSON object per line"),
        ("x.parquet", "PAR1 nonsense", {}, r"cannot be read as \.parquet"),
        ("x.npz", "PK nonsense", {}, "cannot be read as an array"),
        ("x.gz", "", {}, "is empty"),
    ],
)
def test_bad_files(read: Any, name: str, content: str, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(name, content, **options)


def test_arrays_of_what_is_no_number(tmp_path: Path) -> None:
    for values in (np.ones(50, dtype=complex), np.arange(50).astype("datetime64[D]")):
        np.save(tmp_path / "x.npy", values)
        with pytest.raises(ValueError, match="neither a number nor a symbol"):
            read_file(tmp_path / "x.npy")
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    header += b" " * (118 - len(header) - 1) + b"\n"
    claims = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    (tmp_path / "x.npy").write_bytes(claims + b"\0" * 64)
    with pytest.raises(ValueError, match="cannot be read as an array"):
        read_file(tmp_path / "x.npy")


def test_wide_and_ragged_files_are_read_line_by_line(tmp_path: Path) -> None:
    import time
    import tracemalloc

    wide, ragged = tmp_path / "wide.csv", tmp_path / "ragged.csv"
    wide.write_text(",".join(["1.5", "2", "3"] * 100_000))
    rows = ["1,2,3"] * 20_000
    rows[7] = ",".join(["1", "2"] * 10_000)
    ragged.write_text("\n".join(rows))
    tracemalloc.start()
    started = time.process_time()
    assert read_file(wide).sequences.shape == (300_000,)
    assert len(read_file(ragged).sequences) == 20_000
    # as one table the second would have 20,000 x 20,000 cells
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()
    assert time.process_time() - started < 20


def test_a_column_of_yes_and_no_is_learnt(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("x\n" + "True\nFalse\nTrue\n" * 400)
    dataset = load_dataset(tmp_path / "x.csv")
    assert isinstance(dataset, LanguageModeling)
    assert dataset.n_symbols == 2
