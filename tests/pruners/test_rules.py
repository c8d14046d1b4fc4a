from __future__ import annotations

import math

import pytest

from optuna_mi.pruners._rules import is_below_peers, is_rising, measured


def test_measured_skips_what_was_not_and_what_comes_later() -> None:
    series = {3: 0.4, 0: 0.1, 1: math.nan, 2: 0.3, 9: 5.0}
    assert measured(series, 3) == [0.1, 0.3, 0.4]
    assert measured({}, 3) == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.1, 0.2, 0.3], None),  # patience values and no past to compare with
        ([0.1, 0.2, 0.3, 0.4], True),
        ([0.4, 0.4, 0.4, 0.4], False),
        ([0.4, 0.4, 0.4, 0.4039], False),  # 0.98 % is not more than 1 %
        ([0.4, 0.4, 0.4, 0.4041], True),
        ([1.0, 0.2, 0.3, 0.4], False),  # recovers, but reaches nothing new
        ([-0.1, 0.2, 0.1, 0.1], True),
        ([0.0, 0.0, 0.0, 0.0], False),
    ],
)
def test_is_rising(values: list[float], expected: bool | None) -> None:
    assert is_rising(values, patience=3, epsilon=0.01) is expected


def test_past_its_bound_nothing_rises() -> None:
    values = [0.5, 0.8, 1.0, 1.2]
    assert is_rising(values, 2, 0.01) is True
    assert is_rising(values, 2, 0.01, bound=0.8) is False
    assert is_rising(values, 2, 0.01, bound=1.1) is True


def test_is_below_peers() -> None:
    peers = [1.0, 2.0, 3.0, 4.0, math.nan]
    assert is_below_peers(2.4, peers, 50.0, 4)
    assert not is_below_peers(2.5, peers, 50.0, 4)
    assert not is_below_peers(0.0, peers, 50.0, 5)  # the NaN is no peer
    assert not is_below_peers(0.0, [], 50.0, 1)
