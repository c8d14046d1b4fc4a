"""Every backend against the equations, one step at a time in float64 (``optuna_mi.nn._naive``).

A new backend is one more line of BACKENDS. Triton's, which compiles anew for every size, has its
cases in ``test_triton.py``.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .comparison import BACKENDS, compare_with_naive

CELLS = ["rnn", "gru", "lstm"]


NAMES = list(BACKENDS)

CASES = [  # dilations, hidden sizes, steps, batch
    ((1, 2, 4), 5, 16, 64),  # steps divisible by every d; whole tiles of columns
    ((1, 2, 4), 5, 13, 3),  # by none but 1
    ((3, 3, 7), (4, 6, 5), 20, 35),  # repeated, sizes a layer; a partly filled tile
    ((8, 2, 1), (9, 9, 2), 11, 3),  # decreasing
    ((1, 50, 13), 4, 13, 8),  # larger than, and equal to, the steps
    ((5,), 3, 1, 2),
    ((2, 1), (3, 64), 5, 16),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("dilations", "sizes", "length", "batch"), CASES)
@pytest.mark.parametrize("carried", [False, True])
@pytest.mark.parametrize("need", ["all", "last", 3])
def test_equals_the_equations(name, cell, dilations, sizes, length, batch, carried, need):
    need = min(need, length) if isinstance(need, int) else need
    residual = need != "last"  # both with and without, without twice the cases
    compare_with_naive(name, cell, dilations, sizes, length, batch, need, carried, residual)


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_any_shape(name, data):
    dilations = data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=3))
    length = data.draw(st.integers(1, 20))
    compare_with_naive(
        name,
        data.draw(st.sampled_from(CELLS)),
        dilations,
        [data.draw(st.integers(1, 19)) for _ in dilations],
        length,
        data.draw(st.integers(1, 70)),
        data.draw(st.sampled_from(["all", "last", *range(1, length + 1)])),
        data.draw(st.booleans()),
        data.draw(st.booleans()),
    )
