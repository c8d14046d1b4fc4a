"""The design from a panel: pure arithmetic, needs no forecasting library."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FixedTrial

from optuna_mi.integrations.neuralforecast import ForecastConfig, ForecastDesign


def panel_of(*series: Any, **columns: str) -> pd.DataFrame:
    frames = [
        pd.DataFrame({"unique_id": f"s{i}", "ds": np.arange(len(y)), "y": y})
        for i, y in enumerate(series)
    ]
    return pd.concat(frames).rename(columns=columns)  # the index repeats, as it does for users


def seasonal(n: int, period: int, *, seed: int = 0, trend: float = 0.0) -> Any:
    """A shape that repeats (one tall step and some hills), noise and a trend."""
    shape = np.random.default_rng(7).standard_normal(period)
    shape[0] = 4.0
    noise = 0.4 * np.random.default_rng(seed).standard_normal(n)
    return np.resize(shape, n) + trend * np.arange(n) + noise


@pytest.mark.parametrize("period", [12, 24])
def test_the_season_is_the_longest_dilation(period: int) -> None:
    panel = panel_of(seasonal(30 * period, period, trend=0.05))
    design = ForecastDesign.from_panel(panel, h=period)
    assert design.analysis.period == period
    assert design.space.dilations(design.space.recommended)[-1] == period
    assert design.input_size.low == 2 * period + 1
    assert design.input_size.high == 4 * period
    assert f"{2 * period + 1} to {4 * period}" in design.describe()


def test_unit_level_and_order_of_rows_do_not_matter() -> None:
    y = seasonal(360, 12)
    other = seasonal(300, 12, seed=1)
    plain = ForecastDesign.from_panel(panel_of(y, other), h=12)
    scaled = panel_of(1000 * y + 5e4, other).sample(frac=1.0, random_state=0)
    assert ForecastDesign.from_panel(scaled, h=12) == plain
    named = panel_of(y, other, unique_id="shop", ds="day", y="sold")
    columns = {"id_col": "shop", "time_col": "day", "target_col": "sold"}
    assert ForecastDesign.from_panel(named, h=12, **columns) == plain


def test_the_held_out_steps_are_not_looked_at() -> None:
    y = seasonal(360, 12)
    spoilt = y.copy()
    spoilt[-24:] = np.random.default_rng(1).standard_normal(24) * 100
    design = ForecastDesign.from_panel(panel_of(y), h=12, holdout=24)
    assert ForecastDesign.from_panel(panel_of(spoilt), h=12, holdout=24) == design


def test_series_that_move_together_are_no_substitute_for_noise() -> None:
    y = seasonal(240, 12)
    design = ForecastDesign.from_panel(panel_of(y, y + 300), h=12)
    assert design.analysis.period == 12


def test_independent_values_call_for_nothing_long() -> None:
    noise = np.random.default_rng(0).standard_normal(2000)
    design = ForecastDesign.from_panel(panel_of(noise), h=6)
    assert design.analysis.law == "none"
    assert design.input_size.low == 6
    assert max(design.space.dilations(design.space.recommended)) == 1


def test_series_that_wander_are_told_apart() -> None:
    walk = np.random.default_rng(1).standard_normal(600).cumsum()
    with pytest.warns(UserWarning, match="transform='difference'"):
        ForecastDesign.from_panel(panel_of(walk), h=6)
    design = ForecastDesign.from_panel(panel_of(walk), h=6, transform="difference")
    assert design.analysis.law == "none"


@pytest.mark.filterwarnings("ignore:.*look like a random walk")
@settings(deadline=None, max_examples=15)
@given(
    n=st.integers(20, 400),
    h=st.integers(1, 30),
    period=st.integers(2, 40),
    seed=st.integers(0, 3),
)
def test_every_dilation_fits_into_every_window(n: int, h: int, period: int, seed: int) -> None:
    design = ForecastDesign.from_panel(panel_of(seasonal(n + h, period, seed=seed)), h=h)
    sizes = design.input_size
    assert 2 <= sizes.low <= sizes.recommended <= sizes.high <= n // 2
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    config = design.dilated_rnn()
    for _ in range(5):
        trial = study.ask()
        keywords = config(trial)
        flat = [d for group in keywords["dilations"] for d in group]
        assert flat == sorted(set(flat))
        assert flat[-1] < keywords["input_size"]
        assert trial.user_attrs["dilations"] == ",".join(map(str, flat))


def test_dilations_come_in_groups() -> None:
    design = ForecastDesign.from_panel(panel_of(seasonal(360, 12)), h=12)
    trial = FixedTrial({**design.space.recommended, "input_size": 30})
    rest = {
        "cell_type": "GRU",
        "encoder_hidden_size": 16,
        "decoder_hidden_size": 16,
        "learning_rate": 1e-3,
        "max_steps": 10,
        "batch_size": 4,
    }
    pairs = design.dilated_rnn(groups="pairs", **rest)(trial)
    assert pairs == {"dilations": [[1, 2], [4, 8], [12]], "input_size": 30} | rest
    one = design.dilated_rnn(groups="one", **rest)(trial)
    assert one["dilations"] == [[1, 2, 4, 8, 12]]
    del rest["cell_type"]
    assert design.tcn(**rest)(trial)["dilations"] == [1, 2, 4, 8, 12]


@pytest.mark.parametrize("model", ["dilated_rnn", "tcn"])
def test_trial_zero_is_the_datas_setting_with_the_librarys_defaults(model: str) -> None:
    design = ForecastDesign.from_panel(panel_of(seasonal(360, 12)), h=12)
    config: ForecastConfig = getattr(design, model)()
    study = optuna.create_study(sampler=config.sampler(seed=0))
    study.optimize(lambda trial: float(config(trial)["input_size"]), n_trials=15)
    first = study.trials[0].params
    assert first == {**design.space.recommended, **config.first_trial}
    assert first["learning_rate"] == 1e-3
    assert len({tuple(t.params.items()) for t in study.trials}) > 10
    assert design.space.from_study(study) == design.space


def test_a_config_is_what_a_library_may_do_to_it() -> None:
    config = ForecastDesign.from_panel(panel_of(seasonal(360, 12)), h=12).dilated_rnn(max_steps=5)
    stand_in = object()  # as the Auto models' own, it is no trial
    assert pickle.loads(pickle.dumps(config)) == config
    assert copy.deepcopy(config)(stand_in) == config(stand_in)
    assert config(stand_in)["dilations"] == [[1, 2], [4, 8], [12]]


def test_a_fixed_window_bounds_the_dilations() -> None:
    panel = panel_of(seasonal(360, 24))
    design = ForecastDesign.from_panel(panel, h=12, input_size=20)
    assert (design.input_size.low, design.input_size.high) == (20, 20)
    assert design.space.max_dilation.high <= 19
    assert design.suggest_input_size(FixedTrial({"input_size": 20})) == 20
    assert "fixed at 20" in design.describe()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"h": 0}, ValueError, "h must be"),
        ({"holdout": -1}, ValueError, "holdout must"),
        ({"holdout": 358}, ValueError, "2 steps beside the 358 held out"),
        ({"holdout": 360}, ValueError, "longer than the 360 steps"),
        ({"input_size": 400}, ValueError, "input window of 400"),
        ({"transform": "log"}, ValueError, "'detrend', 'difference', 'none'"),
        ({"n_bins": 1}, ValueError, "n_bins"),
        ({"target_col": "sales"}, ValueError, r"lacks the columns \['sales'\]"),
    ],
)
def test_bad_settings_are_refused(
    change: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        ForecastDesign.from_panel(**{"panel": panel_of(seasonal(360, 12)), "h": 12} | change)


def test_bad_panels_are_refused() -> None:
    good = panel_of(seasonal(60, 12))
    with pytest.raises(TypeError, match="pandas DataFrame"):
        ForecastDesign.from_panel(good["y"], h=3)
    with pytest.raises(ValueError, match="1 of 60 values of 'y' are missing"):
        ForecastDesign.from_panel(good.assign(y=good["y"].where(good["ds"] != 5)), h=3)
    with pytest.raises(ValueError, match="rows repeat"):
        ForecastDesign.from_panel(pd.concat([good, good.tail(2)]), h=3)
    with pytest.raises(TypeError, match="numeric"):
        ForecastDesign.from_panel(good.assign(y="many"), h=3)
    with pytest.raises(ValueError, match="constant"):
        ForecastDesign.from_panel(good.assign(y=3.0), h=3)
    with pytest.raises(ValueError, match="empty"):
        ForecastDesign.from_panel(good.iloc[:0], h=3)


def test_what_comes_from_the_data_is_not_set_by_hand() -> None:
    design = ForecastDesign.from_panel(panel_of(seasonal(120, 12)), h=3)
    with pytest.raises(ValueError, match=r"from_panel\(..., input_size="):
        design.dilated_rnn(input_size=24)
    with pytest.raises(ValueError, match="'search', 'pairs', 'one'"):
        design.dilated_rnn(groups="two")
    with pytest.raises(ValueError, match="kernel_size must be an integer from 2 to 2, got 3"):
        design.tcn(kernel_size=3)


def test_one_long_series_beside_many_short_ones_is_measured() -> None:
    short = [seasonal(7, 12, seed=i) for i in range(20)]
    design = ForecastDesign.from_panel(panel_of(seasonal(600, 12), *short), h=6)
    assert design.analysis.period == 12


def test_dates_as_text_are_put_in_order() -> None:
    times = pd.date_range("2000-01-01", periods=240, freq="MS")
    text = panel_of(seasonal(240, 12)).assign(ds=[f"{t.day}/{t.month}/{t.year}" for t in times])
    assert ForecastDesign.from_panel(text, h=6).analysis.period == 12
