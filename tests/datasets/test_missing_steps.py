"""Series with missing steps: a stand-in is read there, and neither predicted nor measured."""

import numpy as np
import pandas as pd
import pytest

from optuna_mi import decay_curve, from_arrays, from_frame, load_dataset
from optuna_mi.cli import main

rng = np.random.default_rng(0)
DAYS = pd.date_range("2024-01-01", periods=200)
SHOPS = pd.DataFrame({"shop": np.repeat(["x", "y"], 200), "day": np.tile(DAYS, 2)})
SHOPS["sold"] = 50 + 10 * np.sin(np.tile(np.arange(200), 2) / 3) + rng.normal(size=400)
GONE = [5, 6, 50, 120, 199 - 10, 230, 390]
COLUMNS = {"id_col": "shop", "time_col": "day", "target_col": "sold", "window": 20}
GAPS = SHOPS.drop(index=GONE)


def filled(**options):
    return from_frame(GAPS, fill="previous", **COLUMNS, **options)


def test_missing_rows_are_refused_with_a_remedy_that_looks_at_nothing_later():
    words = r"fill='previous' \(--fill previous\).*ffill\(\)"
    with pytest.raises(ValueError, match=words) as error:
        from_frame(GAPS, **COLUMNS)
    assert "interpolate" not in str(error.value)


@pytest.mark.parametrize("horizon", [1, 3])
def test_what_is_missing_is_neither_predicted_nor_scored(horizon):
    dataset, whole = filled(horizon=horizon), from_frame(SHOPS, horizon=horizon, **COLUMNS)
    missed = 0
    for name in ("train", "valid", "test"):
        with_gaps, full = getattr(dataset, name), getattr(whole, name)
        missed += int(full.once.sum() - with_gaps.once.sum())
        assert (with_gaps.scored <= full.scored).all()
    # every missing step is among the next ``horizon`` of as many steps; 5 and 6 share some
    assert missed == (7 if horizon == 1 else 7 * 3 - 2)


def test_the_network_reads_the_last_value():
    x = filled().train.inputs[0, :7, 0]
    assert x[4] == x[5] == x[6]


def test_units_and_scale_are_those_of_known_values():
    there = ~SHOPS.index.isin(GONE)
    known = SHOPS["sold"].where(there).to_numpy().reshape(2, 200)[:, :140]
    dataset = filled()
    assert np.allclose(dataset.input_center[:, 0], np.nanmean(known, axis=1))
    naive = np.nanmean(np.abs(np.diff(known, axis=1)), axis=1)
    found = np.unique(dataset.train.error_scale) * 1.0
    assert np.allclose(found, np.sort(np.nanstd(known, axis=1) / naive), rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*have no value")
def test_the_curve_is_measured_on_what_is_there():
    training = GAPS[GAPS["day"] < DAYS[140]].set_axis(["unique_id", "ds", "y"], axis=1)
    curve, wanted = decay_curve(filled().sequences), decay_curve(training)
    assert np.array_equal(curve.n_pairs, wanted.n_pairs)
    assert np.allclose(curve.mi, wanted.mi)


def test_arrays_say_which_steps_are_known():
    values, known = SHOPS["sold"].to_numpy().reshape(2, 200).copy(), np.ones((2, 200), dtype=bool)
    known.flat[GONE] = False
    for at in GONE:
        values.flat[at] = values.flat[at - 1]
    wanted = filled()
    found = from_arrays(values, known=known, window=20)
    for name in ("inputs", "targets", "scored", "once"):
        assert np.array_equal(getattr(found.train, name), getattr(wanted.train, name))
    one = from_arrays(values[0], known=known[0], window=20)
    assert one.train.once.sum() == found.train.once[: len(one.train)].sum()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"known": np.ones((2, 199), dtype=bool)}, ValueError, r"every step of X.*\(199,\)"),
        ({"known": np.ones((2, 200))}, TypeError, "booleans, got float64"),
        ({"known": np.zeros((2, 200), dtype=bool) | (np.arange(200) < 150)}, ValueError, "test"),
        ({"known": np.ones((2, 200), dtype=bool), "y": [0.1, 0.2]}, ValueError, "leave it out"),
    ],
)
def test_bad_masks(options, error, words):
    with pytest.raises(error, match=words):
        from_arrays(rng.normal(size=(2, 200)), **options)


def test_symbols_and_unknown_ways_are_refused():
    with pytest.raises(ValueError, match="symbols: give a missing one a name"):
        from_frame(GAPS.assign(sold="a"), fill="previous", **COLUMNS)
    with pytest.raises(ValueError, match="fill must be one of"):
        from_frame(GAPS, fill="linear", **COLUMNS)


def test_labelled_series_with_gaps():
    rows = pd.DataFrame({"id": np.repeat(np.arange(30), 20), "t": np.tile(np.arange(20), 30)})
    rows["v"], rows["label"] = rng.normal(size=600), np.repeat(np.arange(30) % 2, 20)
    gaps = rows.drop(index=[3, 45])
    columns = {"id_col": "id", "time_col": "t", "target_col": "v", "label_col": "label"}
    assert from_frame(gaps, fill="previous", **columns).train.inputs.shape == (22, 20, 1)


@pytest.mark.filterwarnings("ignore:.*have no value")
def test_a_file_with_missing_rows(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    GAPS.to_csv("shops.csv", index=False)
    dataset = load_dataset("shops.csv", id_column="shop", fill="previous")
    assert dataset.train.once.sum() == filled().train.once.sum()
    assert main(["search", "shops.csv", "--id-column", "shop"]) == 2
    assert "--fill previous" in capsys.readouterr().err
    assert main(["analyze", "shops.csv", "--id-column", "shop", "--max-lag", "20"]) == 0
    said = capsys.readouterr().out
    command = said[said.index("  command    optuna-mi ") + len("  command    optuna-mi ") :]
    command = command.splitlines()[0].split()
    assert command[-2:] == ["--fill", "previous"]
    sizes = ["--trials", "1", "--epochs", "1", "--steps", "2", "--hidden-size", "4"]
    assert main([*command, *sizes]) == 0
