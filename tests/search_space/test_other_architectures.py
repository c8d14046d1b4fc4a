from __future__ import annotations

from dataclasses import replace

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optuna_mi.samplers import MISampler
from optuna_mi.search_space import (
    DecayGeometry,
    DilationSpace,
    IntRange,
    suggest_tcn,
    suggest_window,
    tcn_shape,
)

SPACE = DilationSpace(
    DecayGeometry("broken_power", (12.0,), (2.4, 0.9)),
    (IntRange(2, 8, 5), IntRange(1, 5, 3)),
    IntRange(60, 300, 150),
    max_layers=10,
)


@settings(deadline=None, max_examples=50)
@given(
    st.integers(2, 8), st.integers(1, 5), st.integers(60, 300), st.integers(2, 9), st.integers(1, 2)
)
def test_the_receptive_field_just_covers_the_span(
    first: int, second: int, span: int, kernel: int, convolutions: int
) -> None:
    params = {"n_layers_0": first, "n_layers_1": second, "max_dilation": span}
    shape = tcn_shape(SPACE, params, kernel, convolutions_per_block=convolutions)
    per_step = convolutions * (kernel - 1)
    assert shape.receptive_field == 1 + per_step * sum(shape.dilations)
    assert shape.receptive_field > span
    assert shape.dilations[0] == 1
    shorter = shape.dilations[-1] - 1
    if shorter >= 1:
        smaller = SPACE.dilations({**params, "max_dilation": shorter})
        assert per_step * sum(smaller) < span


def test_receptive_field_is_what_a_real_tcn_sees() -> None:
    torch = pytest.importorskip("torch")
    params = {"n_layers_0": 3, "n_layers_1": 1, "max_dilation": 80}
    shape = tcn_shape(SPACE, params, 3)
    x = torch.zeros(1, 1, 400, dtype=torch.float64, requires_grad=True)
    y = x
    for dilation in shape.dilations:
        for _ in range(2):
            weight = torch.ones(1, 1, shape.kernel_size, dtype=torch.float64)
            padded = torch.nn.functional.pad(y, ((shape.kernel_size - 1) * dilation, 0))
            y = torch.nn.functional.conv1d(padded, weight, dilation=dilation)
    y[0, 0, -1].backward()
    seen = x.grad[0, 0].nonzero()
    assert 400 - int(seen.min()) == shape.receptive_field


def test_the_samplers_start_at_the_recommendation() -> None:
    study = optuna.create_study(sampler=MISampler(SPACE, seed=0))
    trial = study.ask()
    shape = suggest_tcn(trial, SPACE)
    assert {k: trial.params[k] for k in SPACE.recommended} == SPACE.recommended
    assert 2 <= trial.params["kernel_size"] <= 7
    assert trial.user_attrs["receptive_field"] == shape.receptive_field >= 151
    fixed = suggest_tcn(study.ask(), SPACE, kernel_size=3)
    assert fixed.kernel_size == 3
    windows = optuna.create_study(sampler=MISampler(SPACE, seed=0))
    first = windows.ask()
    assert suggest_window(first, SPACE, multiple_of=32) == 160
    assert first.user_attrs["window"] == 160
    assert list(first.params) == ["max_dilation"]


def test_baselines_are_read_too() -> None:
    compared = replace(SPACE, baselines=True)
    trial = optuna.trial.FixedTrial(
        {"progression": "doubling", "n_layers_0": 4, "n_layers_1": 2, "max_dilation": 100}
    )
    assert suggest_tcn(trial, compared, kernel_size=2).dilations == (1, 2, 4, 8, 16, 32)


@pytest.mark.parametrize("span", [60, 63, 64, 150, 199])
def test_no_window_exceeds_the_training_window(span: int) -> None:
    trained = replace(SPACE, max_dilation=IntRange(60, 199, 150), window=200)
    for multiple, longest in ((1, 200), (48, 192), (64, 192), (200, 200)):
        trial = optuna.trial.FixedTrial({"max_dilation": span})
        window = suggest_window(trial, trained, multiple_of=multiple)
        assert window % multiple == 0
        assert window == longest or span < window < span + 1 + multiple
        assert window <= longest
        assert trial.user_attrs["window"] == window
    study = optuna.create_study()
    with pytest.raises(ValueError, match=r"no multiple of 201 fits .* training window of 200"):
        suggest_window(study.ask(), trained, multiple_of=201)
    assert study.trials[0].params == {}


def test_bad_arguments_teach() -> None:
    with pytest.raises(ValueError, match="kernel_size must be an integer of at least 2"):
        tcn_shape(SPACE, SPACE.recommended, 1)
    with pytest.raises(ValueError, match="multiple_of must be an integer of at least 1"):
        suggest_window(optuna.trial.FixedTrial(SPACE.recommended), SPACE, multiple_of=0)
