from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optuna_mi.search_space import DecayGeometry, IntRange, format_dilations, parse_dilations
from optuna_mi.search_space._placement import (
    line_positions,
    natural_counts,
    snap_to_period,
    to_increasing_integers,
)
from optuna_mi.search_space._ranges import fit_counts, layers_within_parameters

GEOMETRIES = st.builds(
    lambda law, breaks, slopes, exponent: DecayGeometry(
        law, tuple(sorted(breaks)), tuple(slopes[: len(breaks) + 1]), line_exponent=exponent
    ),
    st.sampled_from(["broken_power"]),
    st.sets(st.integers(2, 200), max_size=3),
    st.lists(st.floats(0, 50), min_size=4, max_size=4),
    st.sampled_from([0.0, 1e-7, 0.25, 1.0]),
)


@settings(deadline=None, max_examples=60)
@given(GEOMETRIES, st.integers(1, 500), st.integers(1, 20))
@example(DecayGeometry("broken_power", (), (5e-324,)), 5, 3)
def test_placed_dilations_increase_from_one_to_the_maximum(
    geometry: DecayGeometry, max_dilation: int, n_layers: int
) -> None:
    n_layers = min(n_layers, max_dilation)
    counts = geometry.counts(max_dilation, n_layers)
    assert sum(counts) == n_layers
    dilations = geometry.place(max_dilation, counts)
    assert len(dilations) == n_layers
    assert dilations[0] == 1
    assert all(a < b for a, b in itertools.pairwise(dilations))
    if n_layers > 1:
        assert dilations[-1] == max_dilation


@settings(deadline=None, max_examples=60)
@given(
    st.floats(1.1, 4),
    st.floats(0.2, 1),
    st.floats(3, 50),
    st.integers(2, 20),
    st.sampled_from([0.0, 0.25, 1.0]),
)
def test_the_lines_are_equidistant(
    steep: float, shallow: float, inflection: float, n_layers: int, exponent: float
) -> None:
    law = (inflection,), (steep, shallow), 300.0
    counts = natural_counts(*law, n_layers, exponent)
    positions = line_positions(*law, counts, exponent)

    def level(d: np.ndarray) -> np.ndarray:
        below = -steep * np.log(np.minimum(d, inflection))
        log_mi = below - shallow * np.log(np.maximum(d / inflection, 1.0))
        return np.exp(exponent * log_mi) if exponent else log_mi

    steps = -np.diff(level(positions))
    np.testing.assert_allclose(steps, steps.mean(), rtol=1e-6)
    # A line on the inflection itself may be counted on either side by the last bit.
    inside = int((positions <= inflection * (1 + 1e-9)).sum())
    assert counts[0] in (inside, inside - 1)


@pytest.mark.parametrize("counts", [(3, 6), (8, 2), (2, 2), (1, 5), (6, 1)])
def test_each_segment_has_its_own_spacing(counts: tuple[int, int]) -> None:
    positions = line_positions((20.0,), (2.0, 0.5), 2000.0, counts)
    before, after = positions[: counts[0]], positions[counts[0] :]
    assert (before <= 20.0).all()
    assert (after > 20.0).all()
    for part in (before, after):
        ratios = np.diff(np.log(part))
        if len(ratios):
            np.testing.assert_allclose(ratios, ratios[0], rtol=1e-9)


@pytest.mark.parametrize("law", ["exponential", "periodic_power", "flat", "power"])
@pytest.mark.parametrize("k", [1, 3, 6, 11])
def test_the_standard_progression_is_exact(law: str, k: int) -> None:
    expected = tuple(2**i for i in range(k + 1))
    geometry = DecayGeometry(law)
    assert geometry.place(2**k, (k + 1,)) == expected
    assert geometry.standard_layers(2**k) == k + 1


def test_a_cut_last_step_is_the_papers_table_2() -> None:
    expected = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 780)
    assert DecayGeometry("flat").place(780, (11,)) == expected
    assert DecayGeometry("flat").standard_layers(780) == 11


def test_steeper_segments_take_more_layers_than_doubling() -> None:
    doubling = DecayGeometry("power").standard_layers(240)
    steep_start = DecayGeometry("broken_power", (12.0,), (2.4, 0.9))
    assert doubling == 9
    assert steep_start.standard_layers(240) > doubling


def test_too_many_layers_are_refused_and_tight_ones_fit() -> None:
    assert to_increasing_integers(np.array([1.0, 1.1, 1.2, 4.0]), 4) == (1, 2, 3, 4)
    assert to_increasing_integers(np.array([1.0, 3.9, 3.95, 4.0]), 4) == (1, 2, 3, 4)
    with pytest.raises(ValueError, match="5 distinct dilations do not fit between 1 and 4"):
        to_increasing_integers(np.ones(5), 4)


@settings(deadline=None, max_examples=60)
@given(st.sets(st.integers(2, 400), min_size=1, max_size=12), st.integers(2, 40))
def test_snapping_keeps_the_order_and_prefers_multiples(values: set[int], period: int) -> None:
    dilations = (1, *sorted(values))
    snapped = snap_to_period(dilations, period)
    assert all(a < b for a, b in itertools.pairwise(snapped))
    assert snapped[-1] <= dilations[-1]
    for old, new in zip(dilations, snapped, strict=True):
        assert new == old or (new % period == 0 and abs(new - old) <= period)
        if old < period:
            assert new == old


def test_snapping_a_hand_made_case() -> None:
    # 26 and 30 are both nearest to 28; the first cannot pass its neighbour's place.
    assert snap_to_period((1, 3, 10, 27, 31, 90), 14) == (1, 3, 10, 28, 31, 84)


def test_geometry_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="1 breakpoints need 2 slopes, got 1"):
        DecayGeometry("broken_power", (12.0,), (1.0,))
    with pytest.raises(ValueError, match="breakpoints must increase from above 1"):
        DecayGeometry("broken_power", (12.0, 5.0), (1.0, 2.0, 3.0))
    with pytest.raises(ValueError, match="must be a finite number"):
        DecayGeometry("power", (), (float("nan"),))
    with pytest.raises(ValueError, match=r">= 0 and <= 1, got -0.5"):
        DecayGeometry("power", line_exponent=-0.5)


@settings(deadline=None, max_examples=80)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=4), st.integers(4, 30))
def test_counts_scale_down_in_proportion(counts: list[int], most: int) -> None:
    fitted = fit_counts(tuple(counts), most)
    assert sum(fitted) == min(sum(counts), most)
    assert all(1 <= f <= c for f, c in zip(fitted, counts, strict=True))


def test_layers_within_parameters_is_pytorchs_own_count() -> None:
    torch = pytest.importorskip("torch")
    for cell, module in (("rnn", "RNN"), ("gru", "GRU"), ("lstm", "LSTM")):
        stack = getattr(torch.nn, module)(10, 16, num_layers=3)
        size = sum(p.numel() for p in stack.parameters())
        count = [
            layers_within_parameters(size + more, hidden_size=16, input_size=10, cell=cell)
            for more in (-1, 0)
        ]
        assert count == [2, 3]


def test_parameter_limits_teach() -> None:
    with pytest.raises(ValueError, match="no room for one gru layer of 256 units"):
        layers_within_parameters(1000, hidden_size=256, input_size=100)
    with pytest.raises(ValueError, match="cell must be one of"):
        layers_within_parameters(1000, hidden_size=2, input_size=1, cell="conv")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="1 <= low <= recommended <= high"):
        IntRange(3, 2, 3)
    with pytest.raises(TypeError, match=r"high must be an integer of at least 1, got 4\.5"):
        IntRange(1, 4.5, 3)  # type: ignore[arg-type]


def test_numpys_integers_become_pythons() -> None:
    found = IntRange(*np.array([1, 4, 2]))
    assert found == IntRange(1, 4, 2)
    assert {type(v) for v in (found.low, found.high, found.recommended)} == {int}


def test_dilations_as_text() -> None:
    assert parse_dilations(format_dilations((1, 2, 73, 240))) == (1, 2, 73, 240)
    for bad in ("", "1,,2", "1,x", "0,1", "1.5"):
        with pytest.raises(ValueError, match="dilations must be"):
            parse_dilations(bad)
