from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optuna_mi.cli import main
from optuna_mi.context import Window, context_curve, recommend_window, select_lags
from optuna_mi.decay import decay_curve
from optuna_mi.decay.generators import markov_chain, sticky_transition
from optuna_mi.visualization import plot_context_curve, plot_selected_lags


def _seasonal(n: int, period: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=n)
    x = np.zeros(n)
    for t in range(period, n):
        x[t] = 0.8 * x[t - period] + noise[t]
    return x


def _panel(n_series: int = 12, n: int = 240) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{i:02}" for i in range(n_series)], n),
            "ds": np.tile(np.arange(n), n_series),
            "y": np.concatenate([_seasonal(n, 12, s) * 10.0 ** (s % 4) for s in range(n_series)]),
        }
    )


def test_a_season_is_the_window_for_every_step_of_it() -> None:
    window = recommend_window(_panel(), horizon=6)
    assert window.length == 12
    assert window.interval[0] <= 12 <= window.interval[1]
    assert window.parameters("darts") == {"input_chunk_length": 12}
    assert "12 steps" in window.reason
    assert "12" in window.summary()


def test_every_series_of_a_panel_has_a_window_of_its_own() -> None:
    panel = _panel(4, 300)
    panel.loc[panel.unique_id == "s03", "y"] = np.random.default_rng(0).normal(size=300)
    window = recommend_window(panel, per_series=True)
    assert window.per_series["s00"] == 12
    assert window.per_series["s03"] < 12
    with pytest.raises(ValueError, match="needs a panel"):
        recommend_window(np.arange(300) % 7, per_series=True)


def test_an_echo_is_reached() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, 20_000)
    copied = rng.random(x.size) < 0.5
    for t in range(300, x.size):
        if copied[t]:
            x[t] = x[t - 300]
    window = recommend_window(x)
    assert window.length == 300
    assert window.far_lags == (300,)
    assert "300 steps before" in window.reason


def test_a_markov_chain_needs_one_step_and_noise_none() -> None:
    chain = recommend_window(markov_chain(10_000, sticky_transition(3, 0.8), seed=0))
    assert chain.length == 1
    noise = recommend_window(np.random.default_rng(0).normal(size=1_000))
    assert noise.length == 1
    assert "nothing" in noise.reason


@pytest.mark.parametrize("kernel_size", [2, 3, 7])
def test_the_smallest_convolutional_network_sees_the_window(kernel_size: int) -> None:
    window = recommend_window(_seasonal(1_000, 24))
    shape = window.tcn(kernel_size)
    assert shape["receptive_field"] >= window.length
    smaller = 1 + 2 * (kernel_size - 1) * (2 ** (shape["n_layers"] - 1) - 1)
    assert smaller < window.length
    with pytest.raises(ValueError, match="kernel_size must be an integer of at least 2"):
        window.tcn(1)
    with pytest.raises(ValueError, match="library must be one of"):
        window.parameters("keras")


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    window = recommend_window(_panel(4, 100), per_series=True)
    window.save(tmp_path / "window.json")
    assert Window.load(tmp_path / "window.json") == window


def test_too_short_for_the_horizon() -> None:
    with pytest.raises(ValueError, match="horizon 200 reaches beyond the data"):
        recommend_window(_seasonal(100, 12), horizon=200)
    with pytest.raises(ValueError, match="too few to hold"):
        recommend_window(_seasonal(60, 12), horizon=24)


def test_the_command_writes_window_and_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    values = "\n".join(f"{v:.4f}" for v in _seasonal(600, 12))
    Path("demand.csv").write_text(f"demand\n{values}\n")
    assert main(["window", "demand.csv", "--horizon", "6", "--out", "out"]) == 0
    assert "window " in capsys.readouterr().out
    assert json.loads(Path("out/window.json").read_text())["length"] == 12
    assert Path("out/window.html").stat().st_size > 1000
    assert main(["window", "demand.csv", "--horizon", "900", "--out", "out"]) == 2
    assert "horizon 900" in capsys.readouterr().err


def test_the_command_says_what_it_takes_for_symbols(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sold = np.random.default_rng(0).poisson(50 + 40 * np.sin(np.arange(800) * 2 * np.pi / 24))
    Path("sold.csv").write_text("sold\n" + "\n".join(map(str, sold)))
    assert main(["window", "sold.csv", "--max-context", "3"]) == 0
    assert "--values real" in capsys.readouterr().out
    assert main(["window", "sold.csv", "--max-context", "3", "--values", "symbols"]) == 0
    assert "--values real" not in capsys.readouterr().out


def test_figures_show_length_and_lags() -> None:
    x = markov_chain(5_000, sticky_transition(3, 0.8), seed=0)
    figure = plot_context_curve(context_curve(x, max_context=4))
    assert any("context length 1" in (trace.name or "") for trace in figure.data)
    figure = plot_selected_lags(select_lags(x, candidates=range(1, 9)), decay_curve(x, max_lag=20))
    assert "1" in figure.layout.title.text


def test_chance_does_not_stretch_the_axis_of_the_lags() -> None:
    t = np.arange(3_000)
    x = 200 * np.sin(2 * np.pi * t / 24) + 30 * np.random.default_rng(0).normal(size=t.size)
    selection = select_lags(x)
    assert selection.alone[selection.alone > 0].min() < 1e-5  # a quarter of a cycle tells nothing
    low, high = plot_selected_lags(selection).layout.yaxis.range
    assert high - low < 5.0  # decades
    assert 10**high > selection.gain.max()
