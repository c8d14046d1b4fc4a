"""Laws of decay as one family: straight pieces in log-log, and a rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Law:
    r"""ln MI(d) = a + sum of slopes over pieces of ln d - rate (d - 1), in nats.

    A power law has one slope, a broken one a slope more than it has knots, an exponential none
    and a rate, a flat one slope 0. Continuous at the knots.

    Attributes:
        log_amplitude: ln MI(1) of the law.
        slopes: d ln MI / d ln d of every piece, at most 0.
        knots: Distances where pieces meet.
        rate: Decay a step of distance, at least 0.
    """

    log_amplitude: float
    slopes: tuple[float, ...] = ()
    knots: tuple[float, ...] = ()
    rate: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain Python values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what ``to_dict`` wrote."""
        return cls(
            values["log_amplitude"],
            tuple(values["slopes"]),
            tuple(values["knots"]),
            values["rate"],
        )


def evaluate_log(law: Law, d: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return ln MI of the law at distances d >= 1, float64, the shape of d."""
    distance = np.asarray(d, dtype=np.float64)
    log_d = np.log(distance)
    out = law.log_amplitude - law.rate * (distance - 1.0)
    edges = np.log(np.array([1.0, *law.knots, np.inf]))
    for slope, low, high in zip(law.slopes, edges[:-1], edges[1:], strict=False):
        out = out + slope * np.clip(log_d - low, 0.0, high - low)
    return np.asarray(out, dtype=np.float64)
