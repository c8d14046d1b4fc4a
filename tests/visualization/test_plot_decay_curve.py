from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from optuna_mi.decay import DecayAnalysis, DecayCurve, analyze_decay
from optuna_mi.visualization import plot_decay_curve

PTB_DILATIONS = (1, 2, 3, 4, 5, 6, 7, 10, 18, 42, 101, 240)


def trace(figure: go.Figure, name: str) -> Any:
    found = [t for t in figure.data if (t.name or "").startswith(name)]
    assert found, f"no trace {name!r} among {[t.name for t in figure.data]}"
    return found[-1]


def lines(t: Any) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    x, y = list(t.x), list(t.y)
    assert x[2::3] == y[2::3] == [None] * (len(x) // 3)
    return [((x[i], y[i]), (x[i + 1], y[i + 1])) for i in range(0, len(x), 3)]


@pytest.fixture
def curve() -> DecayCurve:
    lags = np.arange(1, 101)
    baseline = np.full(100, 1e-3)
    mi = 0.5 * lags**-2.0 + baseline
    mi[50] = 0.5e-3  # below the baseline: no place on a log axis
    return DecayCurve(
        lags, mi, baseline=baseline, std_error=np.full(100, 1e-5), floor=np.full(100, 2e-5)
    )


@pytest.fixture
def analysis(curve: DecayCurve) -> DecayAnalysis:
    return analyze_decay(curve, threshold=1e-4, law="power")


@pytest.fixture(scope="module")
def ptb_curve(data_dir: Path) -> DecayCurve:
    text = (data_dir / "reference_curves" / "ptb_letters_grassberger.dat").read_text()
    rows = [line.split(":") for line in text.splitlines()[1:]]
    return DecayCurve(
        np.array([int(d) for _, d, _ in rows]),
        np.array([float(values.split(",")[0]) for _, _, values in rows]),
    )


def test_curve_baseline_and_band(curve: DecayCurve) -> None:
    figure = plot_decay_curve(curve)
    corrected = np.array(trace(figure, "MI − baseline").y, dtype=float)
    expected = np.where(curve.mi_corrected > 0, curve.mi_corrected, np.nan)
    np.testing.assert_array_equal(corrected, expected)
    assert np.isnan(corrected[50])
    assert np.isnan(corrected).sum() == 1
    np.testing.assert_array_equal(trace(figure, "MI − baseline").x, curve.lags)
    np.testing.assert_array_equal(trace(figure, "raw estimate").y, curve.mi)
    np.testing.assert_array_equal(trace(figure, "baseline").y, curve.baseline)
    low, high = (t for t in figure.data if t.name == "± 2 standard errors")
    assert high.fill == "tonexty"
    np.testing.assert_allclose(high.y[0] - low.y[0], 4e-5)
    np.testing.assert_allclose(trace(figure, "noise floor").y, 2e-5)
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"


def test_a_bare_curve_shows_only_itself() -> None:
    figure = plot_decay_curve(DecayCurve([1, 2, 4], [0.5, 0.2, 0.1]))
    assert [t.name for t in figure.data] == ["MI"]


def test_analysis(curve: DecayCurve, analysis: DecayAnalysis) -> None:
    figure = plot_decay_curve(curve, analysis)
    ((start, stop),) = lines(trace(figure, "threshold 0.0001"))
    assert start == (1.0, 1e-4)
    assert stop == (100.0, 1e-4)
    fit = trace(figure, "fitted law")
    np.testing.assert_allclose(fit.y, analysis.predict(fit.x))
    ((foot, head),) = lines(trace(figure, "max dilation"))
    assert foot[0] == head[0] == analysis.max_dilation
    bottom, top = (10.0**e for e in figure.layout.yaxis.range)
    assert foot[1] == pytest.approx(bottom)
    assert head[1] == pytest.approx(top)
    assert bottom < 2e-5
    assert "power law (given: law)" in figure.layout.title.text


def test_short_axes_name_more_than_powers_of_ten(curve: DecayCurve) -> None:
    assert set(plot_decay_curve(curve).layout.xaxis.tickvals) >= {1, 2, 5, 10, 20, 50, 100}


def test_layers_meet_the_fit(curve: DecayCurve, analysis: DecayAnalysis) -> None:
    figure = plot_decay_curve(curve, analysis, (1, 4, 16))
    marks = trace(figure, "layers: 1,4,16")
    assert list(marks.x) == [1, 4, 16]
    np.testing.assert_allclose(marks.y, analysis.predict([1, 4, 16]))
    drawn = lines(trace(figure, "layers' lines"))
    assert [stop[0] for _, stop in drawn] == [1, 4, 16]
    for (x0, y0), (_, y1) in drawn:
        assert x0 == 1.0
        assert y0 == y1
    assert list(marks.text) == ["1", "4", "16"]


def test_without_an_analysis_layers_meet_the_curve() -> None:
    curve = DecayCurve([1, 2, 4, 8], [0.4, 0.2, 0.1, 0.05])
    marks = trace(plot_decay_curve(curve, None, [1, 2, 6]), "layers")
    np.testing.assert_allclose(marks.y, [0.4, 0.2, 0.4 / 6], rtol=1e-12)


def test_several_networks_and_their_names_are_escaped(curve: DecayCurve) -> None:
    figure = plot_decay_curve(curve, None, {"<b>a": (1, 2), "b": (1, 50)})
    assert list(trace(figure, "&lt;b&gt;a: 1,2").x) == [1, 2]
    assert list(trace(figure, "b: 1,50").x) == [1, 50]


def test_touching_labels_are_left_out(curve: DecayCurve) -> None:
    marks = trace(plot_decay_curve(curve, None, range(1, 31)), "layers")
    labels = [t for t in marks.text if t]
    assert labels[:4] == ["1", "2", "3", "4"]
    assert len(labels) < 15


def test_a_threshold_below_the_noise_shows_what_the_data_resolve(curve: DecayCurve) -> None:
    analysis = analyze_decay(curve, threshold=1e-7, law="power")
    assert analysis.effective_threshold > 1e-7
    figure = plot_decay_curve(curve, analysis)
    ((start, _),) = lines(trace(figure, "what the data resolve"))
    assert start == (1.0, analysis.effective_threshold)
    assert 10 ** figure.layout.yaxis.range[0] < 1e-7


def test_breaks_and_their_intervals(ptb_curve: DecayCurve) -> None:
    analysis = analyze_decay(ptb_curve, breakpoints=[12])
    figure = plot_decay_curve(ptb_curve, analysis, PTB_DILATIONS)
    ((foot, head),) = lines(trace(figure, "break at 12"))
    assert foot[0] == head[0] == 12.0
    marks = trace(figure, "layers: 1,2,3")
    np.testing.assert_allclose(marks.y, analysis.predict(PTB_DILATIONS))
    heights = np.array(marks.y)
    assert np.all(np.diff(heights) < 0)
    assert marks.text[-1] == "240"


def test_long_curves_are_thinned_but_keep_their_span(ptb_curve: DecayCurve) -> None:
    t = trace(plot_decay_curve(ptb_curve, max_points=300), "MI")
    assert len(t.x) <= 300
    assert (t.x[0], t.x[-1]) == (1, 15002)
    np.testing.assert_array_equal(t.x[:30], np.arange(1, 31))
    where = np.searchsorted(ptb_curve.lags, t.x)
    np.testing.assert_array_equal(t.y, ptb_curve.mi[where])


def test_period_lines() -> None:
    lags = np.arange(1, 64)
    mi = 0.01 + 0.2 * (lags % 8 == 0) + 0.15 * (lags == 1)
    curve = DecayCurve(lags, mi)
    analysis = analyze_decay(curve, period=8)
    figure = plot_decay_curve(curve, analysis)
    drawn = lines(trace(figure, "period 8"))
    assert [a[0] for a, _ in drawn] == list(range(8, 64, 8))
    assert trace(figure, "fitted envelope").line.width > 1


def test_bad_input(curve: DecayCurve) -> None:
    with pytest.raises(ValueError, match=r"at least 1, got 0"):
        plot_decay_curve(curve, None, [0, 2])
    with pytest.raises(ValueError, match="max_points must be an integer of at least 10, got 3"):
        plot_decay_curve(curve, max_points=3)
    with pytest.raises(ValueError, match="none of the curve's 2 values is above zero"):
        plot_decay_curve(DecayCurve([1, 2], [-1e-6, -2e-6]))
