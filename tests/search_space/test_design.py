"""From real analyses to dilations: the paper's own data and curves of known laws."""

from __future__ import annotations

import inspect
import itertools
import logging
from pathlib import Path

import numpy as np
import pytest

from optuna_mi.decay import DecayAnalysis, DecayCurve, analyze_decay
from optuna_mi.search_space import DilationSpace, design_dilations, layers_within_parameters
from optuna_mi.search_space._from_analysis import Limits

PAPER_MODEL_6 = (1, 2, 3, 4, 5, 6, 8, 11, 18, 32, 73, 240)


def _published(path: Path) -> DecayCurve:
    rows = [line.split(":") for line in path.read_text().splitlines() if line.startswith("d:")]
    lags = np.array([int(row[1]) for row in rows])
    return DecayCurve(lags, np.array([float(row[2].split(",")[0]) for row in rows]))


def _law(
    true_law: str, n: int = 2000, length: int | None = None, **options: object
) -> DecayAnalysis:
    d = np.arange(1.0, n + 1)
    mi = {
        "power": 0.5 * d**-1.5,
        "exponential": 0.7 * np.exp(-d / 6.0),
        "flat": np.full_like(d, 0.05),
        "modulated": 0.5 * d**-0.8 * (1 + 0.8 * np.cos(2 * np.pi * d / 24)),
    }[true_law]
    curve = DecayCurve(d.astype(np.int64), mi, sequence_length=length)
    return analyze_decay(curve, **options)  # type: ignore[arg-type]


def test_the_papers_model_6_from_the_published_curve(data_dir: Path) -> None:
    curve = _published(data_dir / "reference_curves" / "ptb_letters_grassberger.dat")
    analysis = analyze_decay(curve, breakpoints=[12.0])
    dilations = design_dilations(analysis, n_layers=12, max_dilation=240, line_exponent=0.0)
    assert (len(dilations), dilations[0], dilations[-1]) == (12, 1, 240)
    assert list(dilations) == sorted(set(dilations))
    assert sum(d <= 12 for d in dilations) >= 8
    log_ratio = np.log(np.array(dilations) / np.array(PAPER_MODEL_6))
    assert np.sqrt(np.mean(log_ratio**2)) <= 0.2


def test_free_fit_of_the_published_letters_is_near_the_paper_too(data_dir: Path) -> None:
    curve = _published(data_dir / "reference_curves" / "ptb_letters_grassberger.dat")
    analysis = analyze_decay(curve)
    dilations = design_dilations(analysis, n_layers=12, max_dilation=240, line_exponent=0.0)
    log_ratio = np.log(np.array(dilations) / np.array(PAPER_MODEL_6))
    assert np.sqrt(np.mean(log_ratio**2)) <= 0.25


def test_published_mnist_gets_the_period_and_the_papers_best_depth(data_dir: Path) -> None:
    analysis = analyze_decay(_published(data_dir / "reference_curves" / "mnist_grassberger.dat"))
    space = DilationSpace.from_analysis(analysis, window=784)
    # [MK20], Table 1: best with 6 layers, 1 to 32; the period is 28.
    assert space.dilations(space.recommended) == (1, 2, 4, 8, 16, 28)
    assert space.layers[0].low <= 4
    assert space.layers[0].high >= 9


@pytest.mark.parametrize(("n_layers", "largest"), [(5, 256), (9, 256), (4, 27)])
def test_a_single_power_law_gives_equal_ratios(n_layers: int, largest: int) -> None:
    analysis = _law("power", law="power")
    limits = {"n_layers": n_layers, "max_dilation": largest, "max_ratio": None}
    dilations = design_dilations(analysis, line_exponent=0.0, **limits)
    expected = np.geomspace(1, largest, n_layers)
    np.testing.assert_allclose(dilations, expected, atol=0.5)
    # the larger the exponent, the nearer; never beyond
    nearer = [design_dilations(analysis, line_exponent=p, **limits) for p in (0.25, 0.5, 1.0)]
    for far, near in itertools.pairwise([dilations, *nearer]):
        assert all(b <= a for a, b in zip(far, near, strict=True))
        assert near[-1] == largest
    assert nearer[0] != dilations


def test_lines_equidistant_in_mi() -> None:
    d = np.arange(1, 400)
    analysis = analyze_decay(DecayCurve(d, 0.2 / d), law="power")
    # MI falls as 1/d: of its whole drop from 1 to 100 a quarter is gone at 4/3, half at 2
    lines = design_dilations(
        analysis, n_layers=5, max_dilation=100, line_exponent=1.0, max_ratio=None
    )
    assert lines == (1, 2, 3, 4, 100)
    # the square root of MI is 1, 0.55, 0.1
    lines = design_dilations(
        analysis, n_layers=3, max_dilation=100, line_exponent=0.5, max_ratio=None
    )
    assert lines == (1, 3, 100)


@pytest.mark.parametrize("law", ["exponential", "flat"])
def test_other_laws_keep_the_standard_progression(law: str) -> None:
    analysis = _law(law, n=120, law=law)
    assert design_dilations(analysis, n_layers=6, max_dilation=32) == (1, 2, 4, 8, 16, 32)


def test_exponential_span_is_its_crossing() -> None:
    analysis = _law("exponential", n=120)
    space = DilationSpace.from_analysis(analysis)
    crossing = 6.0 * np.log(0.7 / 1e-5)
    assert abs(space.max_dilation.recommended / crossing - 1) < 0.1
    assert space.dilations(space.recommended)[:5] == (1, 2, 4, 8, 16)


def test_a_flat_curve_spans_the_sequence_but_not_all_of_it() -> None:
    space = DilationSpace.from_analysis(_law("flat", n=780, length=784))
    assert space.max_dilation.high <= 783
    assert space.window == 784
    assert space.dilations(space.recommended)[-1] >= 779
    assert not space.notes


def test_window_clips_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    analysis = _law("power")
    # Optuna's root logger does not propagate to pytest's handler.
    logging.getLogger("optuna").addHandler(caplog.handler)
    try:
        dilations = design_dilations(analysis, n_layers=6, max_dilation=500, window=100)
        space = DilationSpace.from_analysis(analysis, window=100)
    finally:
        logging.getLogger("optuna").removeHandler(caplog.handler)
    assert dilations[-1] == 99
    assert "clipped from 500 to 99 by the training window of 100 steps" in caplog.text
    assert space.max_dilation.high == 99
    assert f"clipped from {analysis.max_dilation} to 99" in space.describe()


def test_layers_choose_the_density_of_each_segment() -> None:
    d = np.arange(1.0, 3001)
    mi = 0.5 * np.where(d < 20, d**-2.0, 20**-2.0 * (d / 20) ** -0.5)
    analysis = analyze_decay(DecayCurve(d.astype(np.int64), mi), law="broken_power")
    # The curve bends at 20, the fit places the break a little to either side.
    dense = design_dilations(analysis, layers=(9, 2), max_dilation=500)
    sparse = design_dilations(analysis, layers=(2, 9), max_dilation=500)
    assert sum(x <= 22 for x in dense) == 9
    assert sum(x <= 18 for x in sparse) == 2
    assert design_dilations(analysis, n_layers=11, layers=(9, 2), max_dilation=500) == dense


def test_modulated_decay_puts_long_dilations_on_the_peaks() -> None:
    analysis = _law("modulated")
    assert (analysis.period, analysis.period_kind) == (24, "modulating")
    snapped = design_dilations(analysis, n_layers=10, max_dilation=1000)
    assert all(d % 24 == 0 for d in snapped if d >= 24)
    assert any(d >= 240 for d in snapped)
    free = design_dilations(analysis, n_layers=10, max_dilation=1000, snap=False)
    assert not all(d % 24 == 0 for d in free if d >= 24)
    assert "multiples of 24" in DilationSpace.from_analysis(analysis).describe()


def test_independent_data_get_the_smallest_space() -> None:
    x = np.random.default_rng(0).integers(0, 4, size=20_000)
    space = DilationSpace.from_sequences(x, max_lag=64)
    assert space.geometry.law == "none"
    assert space.dilations(space.recommended)[0] == 1
    assert space.max_dilation.recommended == 1
    assert space.describe().startswith("No mutual information stands above the noise. ")


def test_from_sequences_finds_a_markov_chains_span() -> None:
    rng = np.random.default_rng(0)
    steps = np.where(rng.random(60_000) < 0.15, rng.integers(0, 2, 60_000), -1)
    x = np.empty(60_000, dtype=np.int64)
    x[0] = 0
    for i in range(1, len(x)):
        x[i] = steps[i] if steps[i] >= 0 else x[i - 1]
    space = DilationSpace.from_sequences(
        x, max_lag=200, window=128, analysis_options={"law": "exponential"}, max_layers=6
    )
    assert space.geometry.law == "exponential"
    assert 8 <= space.max_dilation.recommended <= 127
    assert space.max_layers == 6


def test_limits() -> None:
    analysis = _law("power")
    fit = layers_within_parameters(100_000, hidden_size=64, input_size=32)
    assert DilationSpace.from_analysis(analysis, max_layers=fit).max_layers == fit < 12
    with pytest.raises(ValueError, match="max_layers must be an integer of at least 1"):
        DilationSpace.from_analysis(analysis, max_layers=0)


def test_limits_are_the_keywords_of_from_analysis() -> None:
    signature = inspect.signature(DilationSpace.from_analysis)
    assert list(Limits.__annotations__) == list(signature.parameters)[1:]


def test_bad_arguments_teach() -> None:
    analysis = _law("power", law="power")
    with pytest.raises(ValueError, match="give n_layers, or layers"):
        design_dilations(analysis)
    with pytest.raises(ValueError, match="contradicts layers"):
        design_dilations(analysis, n_layers=3, layers=(4,))
    with pytest.raises(ValueError, match="one count for each of the 1 segments"):
        design_dilations(analysis, layers=(2, 2))
    with pytest.raises(ValueError, match="n_layers must be an integer of at least 1"):
        design_dilations(analysis, n_layers=0)
    with pytest.raises(ValueError, match="20 distinct dilations do not fit"):
        design_dilations(analysis, n_layers=20, max_dilation=10)
    with pytest.raises(ValueError, match="window must be an integer of at least 2"):
        design_dilations(analysis, n_layers=3, window=1)
    with pytest.raises(ValueError, match="max_dilation must be an integer of at least 1"):
        design_dilations(analysis, n_layers=3, max_dilation=0)


@pytest.mark.parametrize("layers", [(0, 6), (0, 1), (3, 0), (1, 5)])
def test_the_first_dilation_is_one_whatever_the_layers(layers: tuple[int, int]) -> None:
    d = np.arange(1.0, 3001)
    mi = 0.5 * np.where(d < 20, d**-2.0, 20**-2.0 * (d / 20) ** -0.5)
    analysis = analyze_decay(DecayCurve(d.astype(np.int64), mi), breakpoints=[20])
    dilations = design_dilations(analysis, layers=layers, max_dilation=500)
    assert len(dilations) == sum(layers)
    assert dilations[0] == 1


@pytest.mark.parametrize("exponent", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("span", [300, 15_000])
def test_no_gap_is_wider_than_the_layers_demand(exponent: float, span: int) -> None:
    d = np.unique(np.geomspace(1, span, 400).astype(np.int64))
    mi = 0.5 * np.where(d < 9, d**-2.5, 9**-2.5 * (d / 9) ** -0.3)
    analysis = analyze_decay(DecayCurve(d, mi), breakpoints=[9])
    for n_layers in (5, 8, 12):
        lists = [design_dilations(analysis, n_layers=n_layers, line_exponent=exponent)]
        space = DilationSpace.from_analysis(analysis, max_layers=n_layers, line_exponent=exponent)
        lists.append(space.dilations(space.recommended))
        for dilations in lists:
            assert dilations[-1] == analysis.max_dilation
            ratio = max(b / a for a, b in itertools.pairwise(dilations))
            # whole numbers round
            assert ratio <= max(8.0, span ** (1 / (n_layers - 1))) * 1.25
    assert (
        "takes 6 layers; the 3 allowed leave gaps"
        in (DilationSpace.from_analysis(analysis, max_layers=3).describe())
        or span == 300
    )


def test_dilations_contain_single_distances() -> None:
    rng = np.random.default_rng(0)
    mi = 1e-5 * rng.normal(size=2000)
    mi[[36, 299, 999]] = 0.01, 0.09, 0.03
    curve = DecayCurve(np.arange(1, 2001), mi, floor=np.full(2000, 3e-5), n_symbols=50)
    analysis = analyze_decay(curve)
    assert analysis.law == "delays"
    assert [d.distance for d in analysis.delays] == [37, 300, 1000]
    space = DilationSpace.from_analysis(analysis)
    for params in space.grid():
        assert {300, min(1000, params["max_dilation"])} & set(space.dilations(params))
    assert {1, 37, 300, 1000} <= set(space.dilations(space.recommended))
    assert {1, 37, 300, 1000} <= set(design_dilations(analysis, n_layers=5))
    # too few layers: the most telling ones
    assert design_dilations(analysis, n_layers=3) == (1, 300, 1000)
    assert DilationSpace.from_json(space.to_json()) == space
