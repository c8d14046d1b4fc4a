from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from optuna_mi import analyze_decay, decay_curve
from optuna_mi.datasets import (
    LanguageModeling,
    SequenceClassification,
    SequenceRegression,
    _fetch,
    load_dataset,
)
from optuna_mi.datasets._user_file import read_file


def test_digits_are_the_real_scans() -> None:
    from sklearn.datasets import load_digits

    dataset = load_dataset("digits")
    assert isinstance(dataset, SequenceClassification)
    assert [len(s) for s in (dataset.train, dataset.valid, dataset.test)] == [1197, 300, 300]
    assert dataset.sequences.shape == (1197, 64)
    np.testing.assert_allclose(
        dataset.train.inputs[:, :, 0] * 16, dataset.sequences, rtol=0, atol=1e-5
    )
    every = np.concatenate(
        [s.inputs[:, :, 0] for s in (dataset.train, dataset.valid, dataset.test)]
    )
    expected = load_digits().data
    assert np.array_equal(np.sort((every * 16).round().sum(axis=1)), np.sort(expected.sum(axis=1)))


def test_permuted_digits_are_the_same_pixels_in_another_order() -> None:
    plain, permuted = load_dataset("digits"), load_dataset("pdigits")
    assert plain.fingerprint != permuted.fingerprint
    assert not np.array_equal(plain.sequences, permuted.sequences)
    assert np.array_equal(np.sort(plain.sequences, axis=1), np.sort(permuted.sequences, axis=1))


def test_smnist_and_the_authors_permutation(data_dir: Path) -> None:
    with gzip.open(data_dir / "mnist/train-images-idx3-ubyte.gz") as file:
        raw = np.frombuffer(file.read(), dtype=np.uint8, offset=16).reshape(-1, 784)
    plain, permuted = load_dataset("smnist"), load_dataset("psmnist")
    assert isinstance(plain, SequenceClassification)
    assert np.array_equal(plain.sequences, raw[:55_000])
    assert len(plain.valid) == 5_000
    assert len(plain.test) == 10_000
    assert list(plain.train.targets[:5]) == [5, 0, 4, 1, 9]
    order = np.random.RandomState(92916).permutation(784)
    assert np.array_equal(permuted.sequences, raw[:55_000][:, order])


def test_ptb_characters_are_those_of_table_3(data_dir: Path) -> None:
    dataset = load_dataset("ptb-char")
    assert isinstance(dataset, LanguageModeling)
    assert dataset.n_symbols == 49  # the vocabulary that the paper's parameter counts solve to
    text = (data_dir / "ptb/ptb.train.txt").read_text()
    decoded = "".join(dataset.vocabulary[i] for i in dataset.train[:5000])
    assert text.replace("\n", "<eos>").startswith(decoded)
    assert dataset.metric == "bits per character"


def test_ptb_words(data_dir: Path) -> None:
    dataset = load_dataset("ptb-word")
    assert isinstance(dataset, LanguageModeling)
    assert dataset.n_symbols == 10_000
    assert len(dataset.train) == 929_589
    assert dataset.vocabulary[0] == "the"


@pytest.mark.parametrize("unit", ["char", "byte", "word"])
def test_own_text(tmp_path: Path, unit: str) -> None:
    text = "é a ab " * 500
    path = tmp_path / "own.txt"
    path.write_text(text, encoding="utf-8")
    symbols = {"char": list(text), "byte": list(text.encode()), "word": text.split()}[unit]
    dataset = load_dataset(path, unit=unit)
    assert isinstance(dataset, LanguageModeling)
    every = np.concatenate([dataset.train, dataset.valid, dataset.test])
    assert [dataset.vocabulary[i] for i in every] == [str(symbol) for symbol in symbols]
    assert len(dataset.train) == int(0.9 * len(symbols))


def test_own_npy_and_csv_agree(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 9, (40, 60))
    np.save(tmp_path / "own.npy", rows)
    np.savetxt(tmp_path / "own.csv", rows, fmt="%d", delimiter=",")
    one, two = load_dataset(tmp_path / "own.npy"), load_dataset(tmp_path / "own.csv")
    assert isinstance(one, LanguageModeling)
    assert one.sequences.shape == (36, 60)
    assert one.fingerprint == two.fingerprint
    names = np.array([int(v) for v in one.vocabulary])
    assert np.array_equal(names[one.sequences], rows[:36])


def test_csv_with_a_header_and_ragged_rows(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("a,b,c\n" + "1,2,3\n4,5,\n6,,\n" * 5)
    with pytest.raises(ValueError, match=r"several columns \(a, b, c\).*if each row .* say --rows"):
        load_dataset(path)
    dataset = load_dataset(path, rows=True)
    assert isinstance(dataset, LanguageModeling)
    assert [len(s) for s in dataset.sequences[:3]] == [3, 2, 1]


def test_csv_rows_may_grow_and_a_column_may_end_in_blank_lines(tmp_path: Path) -> None:
    rows, column = tmp_path / "rows.csv", tmp_path / "column.csv"
    rows.write_text("1,2\n\n3,4,5,6\n7,8,9\n" * 5)
    column.write_text("1\n2\n3\n" * 500 + "\n\n")
    dataset = load_dataset(rows)
    assert isinstance(dataset, LanguageModeling)
    assert [len(s) for s in dataset.sequences[:4]] == [2, 4, 3, 2]
    dataset = load_dataset(column)
    assert isinstance(dataset, LanguageModeling)
    assert len(dataset.train) + len(dataset.valid) + len(dataset.test) == 1500


@pytest.mark.parametrize("header", ["", "a,b,c\n"])
def test_large_ids_of_ragged_rows_stay_apart(tmp_path: Path, header: str) -> None:
    from optuna_mi.datasets._user_file import read_file

    first = 10**18
    path = tmp_path / "ids.csv"
    path.write_text(header + f"{first},{first + 1},{first + 2}\n{first + 3},{first + 6}\n" * 10)
    dataset = load_dataset(path)
    assert isinstance(dataset, LanguageModeling)
    assert set(dataset.vocabulary) == {str(first + i) for i in (0, 1, 2, 3, 6)}
    assert [len(s) for s in dataset.sequences[:4]] == [3, 2, 3, 2]
    whole = read_file(path).sequences
    assert [s.tolist() for s in whole[:2]] == [
        [first, first + 1, first + 2],
        [first + 3, first + 6],
    ]


def test_large_ids_of_a_column_that_ends_in_blank_lines_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "ids.csv"
    path.write_text("".join(f"{10**18 + i % 7}\n" for i in range(2000)) + "\n\n")
    dataset = load_dataset(path)
    assert isinstance(dataset, LanguageModeling)
    assert dataset.n_symbols == 7


def test_real_values_are_to_be_forecast(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("\n".join(f"{np.sin(i):.3f}" for i in range(300)))
    dataset = load_dataset(path)
    assert isinstance(dataset, SequenceRegression)
    assert dataset.metric == "MASE"
    panel = tmp_path / "panel.csv"
    rows = [f"{s},{d},{np.sin(d):.3f}" for s in "ab" for d in range(200)]
    panel.write_text("unique_id,ds,y\n" + "\n".join(rows))
    dataset = load_dataset(panel)
    assert isinstance(dataset, SequenceRegression)
    assert len(dataset.target_scale) == 2


def test_a_column_of_labels_is_to_be_learnt(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{i % 3 + 1},{','.join(f'{x:.2f}' for x in rng.normal(size=20))}" for i in range(40)]
    (tmp_path / "ucr.csv").write_text("\n".join(rows))
    dataset = load_dataset(tmp_path / "ucr.csv", label_column="0")
    assert isinstance(dataset, SequenceClassification)
    assert dataset.classes == (1, 2, 3)
    assert dataset.length == 20
    ragged = [row.rsplit(",", i % 4)[0] for i, row in enumerate(rows)]
    (tmp_path / "ragged.csv").write_text("\n".join(ragged))
    dataset = load_dataset(tmp_path / "ragged.csv", label_column="0")
    assert isinstance(dataset, SequenceClassification)
    assert dataset.train.lengths is not None
    long = [f"s{s},{t},{rng.normal():.2f},{'ab'[s % 2]}" for s in range(30) for t in range(12)]
    (tmp_path / "long.csv").write_text("name,t,x,kind\n" + "\n".join(long))
    columns = {"id_column": "name", "time_column": "t", "column": "x", "label_column": "kind"}
    dataset = load_dataset(tmp_path / "long.csv", **columns)
    assert isinstance(dataset, SequenceClassification)
    assert dataset.classes == ("a", "b")


def test_gaps_in_a_file_s_times_are_no_neighbours(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    days = np.arange(np.datetime64("2020-01-01"), np.datetime64("2023-01-01"))
    x = np.sin(2 * np.pi * np.arange(len(days)) / 7) + 0.5 * rng.normal(size=len(days))
    kept = rng.random(len(days)) < 0.8
    lines = [f"{d},{v:.3f}" for d, v in zip(days[kept], x[kept], strict=True)]
    path = tmp_path / "days.csv"
    path.write_text("date,load\n" + "\n".join(lines))
    with pytest.warns(UserWarning, match="steps of 1 of 1 series have no value"):
        curve = decay_curve(read_file(path).sequences, max_lag=30)
    assert analyze_decay(curve).period == 7
    with pytest.raises(ValueError, match="fill them"):
        load_dataset(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.txt", b"", "is empty"),
        ("x.txt", b"abc", "3 symbols: too few"),
        ("x.txt", b"a" * 2000, "one symbol only"),
        ("x.txt", b"\xff\xfd" * 2000, "not UTF-8"),
        ("x.csv", b"1\n-2\n" * 900, r"negative symbol \(-2\)"),
        ("x.csv", b'1\n""\n2\n' * 900, "missing value"),
        ("x.csv", b"1\n\n2\n" * 900, r"missing value \(NaN\) at position 1"),
        ("x.csv", b"\n\n\n", "blank lines only"),
        ("x.csv", b"1\ninf\n" * 900, "infinite value at position 1"),
        ("x.csv", b"1\n1e30\n" * 900, r"1e\+30, too large"),
        ("x.csv", b"1\n18446744073709551615\n" * 900, "too large"),
        ("x.csv", b"1e16,2\n3\n" * 900, "several integers each: save integers"),
        ("x.csv", b"1\nx\n2\n" * 900, "holds text among numbers \\(such as 'x' in row 2\\)"),
        ("x.csv", b"1,2\n3\nx,4,5\n" * 900, "holds text among numbers"),
        ("x.npy", b"not an array", "not written by numpy.save"),
    ],
)
def test_bad_files_say_what_is_wrong(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_dataset(path)


def test_npy_of_objects_or_of_three_dimensions(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="Python objects"):
        load_dataset(tmp_path / "objects.npy")
    np.save(tmp_path / "deep.npy", np.zeros((2, 3, 4), dtype=int))
    with pytest.raises(ValueError, match=r"shape \(2, 3, 4\)"):
        load_dataset(tmp_path / "deep.npy")


def test_npy_of_reals_too_large_to_be_told_apart(tmp_path: Path) -> None:
    np.save(tmp_path / "ids.npy", (10**18 + np.arange(3000) % 7).astype(np.float64))
    with pytest.raises(ValueError, match=r"from 2\*\*53 on stand for several integers"):
        load_dataset(tmp_path / "ids.npy")


def test_unknown_names_and_units() -> None:
    with pytest.raises(FileNotFoundError, match="Unknown data set 'mnits': neither one of digits"):
        load_dataset("mnits")
    with pytest.raises(FileNotFoundError, match=r"nowhere/x\.txt is not a file"):
        load_dataset("nowhere/x.txt")


def test_unknown_unit(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("ab" * 2000)
    with pytest.raises(ValueError, match="unit='letter' is unknown"):
        load_dataset(tmp_path / "x.txt", unit="letter")


def test_a_damaged_file_is_told(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(data_dir / "ptb", tmp_path / "ptb")
    path = tmp_path / "ptb" / "ptb.valid.txt"
    path.chmod(0o644)
    path.write_text("cut off")
    monkeypatch.setenv("OPTUNA_MI_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"ptb\.valid\.txt has SHA-256 .* expected c9fe6985"):
        load_dataset("ptb-char")


def test_without_data_and_network_the_error_says_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPTUNA_MI_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    relative = "ptb/ptb.train.txt"
    monkeypatch.setitem(_fetch._FILES, relative, ("http://127.0.0.1:9/x", "0" * 64))
    with pytest.raises(FileNotFoundError, match="OPTUNA_MI_DATA") as error:
        load_dataset("ptb-char")
    assert str(tmp_path / "optuna_mi" / relative) in str(error.value)
    assert not list(tmp_path.rglob("ptb.train.txt*"))


def test_without_a_home_the_named_folder_serves(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("OPTUNA_MI_DATA", str(data_dir))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert _fetch.find_file("ptb/ptb.valid.txt") == data_dir / "ptb/ptb.valid.txt"
    monkeypatch.delenv("OPTUNA_MI_DATA")
    with pytest.raises(FileNotFoundError, match=r"no home folder .* XDG_CACHE_HOME"):
        _fetch.find_file("ptb/ptb.valid.txt")


def test_a_cache_that_cannot_be_written_is_no_unreachable_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "optuna_mi").write_text("a file where the folder should be")
    monkeypatch.delenv("OPTUNA_MI_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(PermissionError, match=r"Downloads cannot be kept in .*XDG_CACHE_HOME"):
        _fetch.find_file("ptb/ptb.valid.txt")
