"""Files as other programs write them, and as their users hand them over."""

import numpy as np
import pandas as pd
import pytest

from optuna_mi.datasets import from_frame, load_dataset
from optuna_mi.datasets._reading import Reading
from optuna_mi.datasets._user_file import read_file, read_unchecked

rng = np.random.default_rng(0)
STEPS = np.arange(40)
WAVES = np.stack([np.sin(STEPS * k) + 0.1 * rng.normal(size=40) for k in np.repeat([1, 2], 15)])
CLASSES = np.repeat(["a", "b"], 15)


@pytest.fixture
def write(tmp_path):
    def write(frame, name="x.csv", **options):
        frame.to_csv(tmp_path / name, **options)
        return tmp_path / name

    return write


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("labels", [False, True])
def test_columns_that_pandas_counts_are_no_sequence(write, index, labels):
    frame = pd.DataFrame(WAVES)
    if labels:
        frame.insert(0, "kind", CLASSES)
    contents = read_file(write(frame, index=index))
    assert np.allclose(contents.sequences, WAVES)
    assert ("looks like labels" in contents.aside) == labels
    assert ("numbers the rows" in contents.aside) == index


def test_rows_of_integers_that_begin_at_zero_stay_sequences(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("0,1,2,5\n0,1,2,1\n3,1,2,4\n")
    assert read_file(path).sequences.shape == (3, 4)


def test_the_number_of_a_row_is_no_value(tmp_path):
    np.savetxt(tmp_path / "x.csv", np.column_stack([np.arange(30), WAVES]), "%g", delimiter=",")
    assert read_file(tmp_path / "x.csv").sequences.shape == (30, 40)


def test_an_array_of_labels_is_called_by_its_name(tmp_path):
    np.savez(tmp_path / "x.npz", X=WAVES, y=CLASSES)
    reading = Reading(column="X", label_column="y")
    assert read_file(tmp_path / "x.npz", reading).aside == "array y holds labels"


def test_shuffled_seconds_order_the_rows(write):
    frame = pd.DataFrame({"timestamp": 1_700_000_000 + 60 * np.arange(300)})
    frame["v"] = np.sin(np.arange(300) / 9) + 0.1 * rng.normal(size=300)
    shuffled = frame.sample(frac=1, random_state=0)
    for options in ({}, {"column": "v"}):
        contents = read_file(write(shuffled, index=False), Reading(**options))
        assert np.allclose(contents.sequences, frame["v"])
        assert "column timestamp looks like time" in contents.aside


def test_shuffled_steps_order_the_rows_of_every_series(write):
    panel = pd.DataFrame({"id": np.repeat(np.arange(30), 40), "t": np.tile(STEPS, 30)})
    panel["v"] = WAVES.ravel()
    path = write(panel.sample(frac=1, random_state=0), index=False)
    contents = read_file(path, Reading(id_column="id"))
    assert "column v as 30 series" in contents.description
    assert np.allclose(contents.sequences["y"], WAVES.ravel())


def test_whole_values_called_index_that_repeat_are_no_time(write):
    frame = pd.DataFrame({"index": rng.integers(0, 9, 300)})
    assert "column index as one series" in read_file(write(frame, index=False)).description


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f, r"one for each shop. Say --id-column shop$"),
        (lambda f: f.assign(code=f["shop"]), r"--id-column shop \(code would do, too\)"),
        (lambda f: pd.concat([f[:40], f[5:7]]), r"2 rows of it repeat another in every column"),
        (lambda f: pd.concat([f[:40], f[:2].assign(sold=7.0)]), r"apart by --id-column NAME"),
    ],
)
def test_several_rows_of_one_time(write, change, words):
    day = pd.date_range("2024-01-01", periods=40).astype(str)
    shops = pd.DataFrame({"day": np.tile(day, 2), "shop": np.repeat(["x", "y"], 40)})
    shops["sold"] = rng.normal(size=80)
    with pytest.raises(ValueError, match=words):
        read_unchecked(write(change(shops), index=False), Reading(column="sold"))


def test_lists_of_records_are_told_what_to_do(tmp_path):
    path = tmp_path / "chats.jsonl"
    path.write_text('{"id": 1, "messages": [{"role": "user", "content": "hi"}]}\n' * 20)
    with pytest.raises(ValueError, match=r"lists of records .* as one text or one list"):
        read_file(path)


def test_a_folder_can_be_joined(tmp_path):
    with pytest.raises(OSError, match=r"cat .*/\*.txt > all.txt"):
        read_file(tmp_path)


def test_labels_with_names_are_no_list_of_labels(tmp_path):
    np.save(tmp_path / "x.npy", WAVES)
    pd.DataFrame({"id": range(30)[::-1], "label": CLASSES}).to_csv(tmp_path / "y.csv", index=False)
    with pytest.raises(ValueError, match=r"has 2 columns .*'id,label'.* order of the sequences"):
        load_dataset(tmp_path / "x.npy", labels=str(tmp_path / "y.csv"))


DAYS = pd.date_range("2024-01-01", periods=60)
SALES = pd.DataFrame({"shop": np.repeat(["x", "y"], 60), "day": np.tile(DAYS, 2)})
SALES["sold"] = rng.normal(size=120)
COLUMNS = {"id_col": "shop", "time_col": "day", "target_col": "sold"}


def test_columns_may_be_levels_of_the_index():
    wanted = from_frame(SALES, **COLUMNS).train.inputs
    for index in (["shop", "day"], ["day"]):
        assert np.array_equal(from_frame(SALES.set_index(index), **COLUMNS).train.inputs, wanted)


@pytest.mark.parametrize("sign", [".", ","])
def test_numbers_written_as_text_are_no_symbols(sign):
    text = SALES["sold"].map("{:.3f}".format).str.replace(".", sign)
    with pytest.raises(TypeError, match=r"'sold' holds numbers as text .*astype\(float\)"):
        from_frame(SALES.assign(sold=text), **COLUMNS)


def test_a_lazy_frame_can_be_collected():
    polars = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"frame.collect\(\) makes one"):
        from_frame(polars.from_pandas(SALES).lazy(), **COLUMNS)
