from __future__ import annotations

import pytest

from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange


@pytest.fixture
def space() -> DilationSpace:
    """Two segments, 24 cells with points=…: enough for every rule, cheap to place."""
    return DilationSpace(
        DecayGeometry("broken_power", (12.0,), (2.4, 0.9)),
        (IntRange(3, 8, 6), IntRange(2, 5, 3)),
        IntRange(64, 256, 128),
        max_layers=12,
    )
