from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optuna_mi.nn._positions import plan_stack


@pytest.mark.parametrize(
    ("dilations", "n_last", "cells"),
    [
        (tuple(2**i for i in range(9)), None, 7056),
        (tuple(2**i for i in range(9)), 1, 1568),
        ((*(2**i for i in range(10)), 780), None, 8624),
        ((*(2**i for i in range(10)), 780), 1, 1579),
    ],
)
def test_cells_of_sequential_mnist(dilations, n_last, cells):
    assert plan_stack(784, dilations, n_last).n_cells == cells


@settings(deadline=None, max_examples=60)
@given(
    length=st.integers(1, 60),
    dilations=st.lists(st.integers(1, 70), min_size=1, max_size=5),
    data=st.data(),
)
def test_the_plan_is_closed_minimal_and_consistent(length, dilations, data):
    n_last = data.draw(st.one_of(st.none(), st.integers(1, length)))
    plan = plan_stack(length, tuple(dilations), n_last)
    wanted = set(range(length if n_last is None else 0)) | set(
        range(length - (n_last or 0), length)
    )
    below = np.arange(length)
    inputs = []
    for layer in plan.layers:
        inputs.append(below)
        below = layer.positions
    assert set(below if plan.output is None else below[plan.output.index]) >= wanted
    output = below if plan.output is None else below[plan.output.index]
    assert list(output) == sorted(wanted)
    for layer, d, under in reversed(list(zip(plan.layers, dilations, inputs, strict=True))):
        closure = {s for t in wanted for s in range(t, -1, -d)}
        assert len(layer.positions) == len(set(layer.positions))
        assert set(layer.positions) == closure  # minimal: nothing more than is read
        source = layer.source.index if layer.source is not None else np.arange(len(under))
        assert np.array_equal(under[source], layer.positions)
        assert sum(layer.block_sizes) == len(layer.positions)
        assert list(layer.block_sizes) == sorted(layer.block_sizes, reverse=True)
        offsets = np.cumsum((0, *layer.block_sizes))
        for s, size in enumerate(layer.block_sizes):
            block = layer.positions[offsets[s] : offsets[s] + size]
            assert np.array_equal(block, layer.lanes.index[:size] + s * d)
        wanted = closure
