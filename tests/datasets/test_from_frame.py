"""Data sets of long tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from optuna_mi import from_frame
from optuna_mi.datasets import LanguageModeling, SequenceClassification, SequenceRegression

RNG = np.random.default_rng(0)
DAYS = pd.date_range("2020-01-01", periods=120, freq="D")
FRAME = pd.DataFrame(
    {
        "shop": np.repeat(["a", "b", "c"], 120),
        "day": np.tile(DAYS, 3),
        "sales": RNG.normal(size=360) + np.repeat([0, 100, 1000], 120),
        "price": RNG.normal(size=360),
    }
)
COLUMNS = {"id_col": "shop", "time_col": "day", "target_col": "sales"}


def test_a_panel_is_forecast_series_by_series_in_order_of_time():
    dataset = from_frame(FRAME.sample(frac=1, random_state=0), horizon=2, window=20, **COLUMNS)
    assert isinstance(dataset, SequenceRegression)
    assert dataset.target_center[:, 0].round(-2).tolist() == [0, 100, 1000]
    same = from_frame(FRAME, horizon=2, window=20, **COLUMNS)
    assert dataset.fingerprint == same.fingerprint
    assert set(dataset.sequences["unique_id"]) == {"0/0", "1/0", "2/0"}


def test_features_are_read_and_not_predicted():
    dataset = from_frame(FRAME, features=["price"], **COLUMNS)
    assert dataset.train.inputs.shape[2] == 2
    assert dataset.n_values == 1


def test_dates_as_text_give_the_same():
    text = FRAME.assign(day=[f"{d.month}/{d.day}/{d.year}" for d in FRAME["day"]])
    assert from_frame(text, **COLUMNS).fingerprint == from_frame(FRAME, **COLUMNS).fingerprint


def test_labels_and_numbers_of_series():
    ids = np.repeat(np.arange(40), 30)
    frame = pd.DataFrame({"unique_id": ids, "ds": np.tile(np.arange(30), 40)})
    frame["y"] = RNG.normal(size=len(frame))
    frame["kind"] = np.where(ids % 2, "odd", "even")
    frame["level"] = ids * 0.1
    dataset = from_frame(frame.sample(frac=1, random_state=1), label_col="kind")
    assert isinstance(dataset, SequenceClassification)
    assert dataset.classes == ("even", "odd")
    assert isinstance(from_frame(frame, label_col="level"), SequenceRegression)
    with pytest.raises(ValueError, match="the series 0 has 30 different labels in 'y'"):
        from_frame(frame, label_col="y")


def test_symbols_of_one_series():
    frame = pd.DataFrame({"ds": np.arange(300), "y": RNG.choice(["sun", "rain"], 300)})
    dataset = from_frame(frame, id_col=None)
    assert isinstance(dataset, LanguageModeling)
    assert set(dataset.vocabulary) == {"sun", "rain"}


@pytest.mark.parametrize(
    ("frame", "options", "error", "words"),
    [
        (FRAME, {}, ValueError, r"lacks the columns \['unique_id', 'ds', 'y'\]"),
        (FRAME.drop(index=[5, 6]), COLUMNS, ValueError, "2 steps of 1 of 3 series have no value"),
        (FRAME.assign(price="x"), COLUMNS | {"features": ["price"]}, TypeError, "get_dummies"),
        (FRAME, COLUMNS | {"target": 0}, ValueError, "target_col= names it"),
        (FRAME["sales"].to_numpy(), {}, TypeError, "from_arrays"),
        (pd.concat([FRAME, FRAME]), COLUMNS, ValueError, "360 rows repeat"),
        (FRAME.assign(price=np.nan), COLUMNS | {"features": ["price"]}, ValueError, "360 of 720"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(frame, options, error, words):
    with pytest.raises(error, match=words):
        from_frame(frame, **options)
