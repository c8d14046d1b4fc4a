from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from optuna_mi.search_space._placement import (
    doubling_positions,
    line_positions,
    natural_counts,
    relative_steepness,
    snap_to_period,
    to_increasing_integers,
)

if TYPE_CHECKING:
    from optuna_mi.decay import DecayAnalysis

#: Laws whose dilations follow the curve; all others keep the standard progression [MK20, §3].
CURVED_LAWS = ("power", "broken_power")

#: Lines equidistant in the fourth root of MI, not in its logarithm as in [MK20]: with few layers
#: the logarithm spends them far away, where little is left to learn (docs/findings/worth.md).
LINE_EXPONENT = 0.25


def _significant(value: float, digits: int = 6) -> float:
    # Two machines that fit the same data differ in the last bits; the frozen space must not.
    return float(f"{value:.{digits}g}")


@dataclass(frozen=True)
class DecayGeometry:
    """The part of a decay analysis that decides where dilations go.

    Attributes:
        law: The fitted law's name.
        breakpoints: Inflections (distances), increasing; empty unless the law is broken.
        slopes: Steepness ``-d ln MI / d ln distance`` of each segment, one more than breakpoints.
        snap_period: Period whose multiples attract the dilations, or ``None``.
        line_exponent: The horizontal lines are equidistant in MI to this power; 0 is log MI.
    """

    law: str
    breakpoints: tuple[float, ...] = ()
    slopes: tuple[float, ...] = (1.0,)
    snap_period: int | None = None
    line_exponent: float = 0.0

    def __post_init__(self) -> None:
        # Lists would make it unequal to its own JSON, and unhashable.
        object.__setattr__(self, "breakpoints", tuple(self.breakpoints))
        object.__setattr__(self, "slopes", tuple(self.slopes))
        if len(self.slopes) != len(self.breakpoints) + 1:
            raise ValueError(
                f"{len(self.breakpoints)} breakpoints need {len(self.breakpoints) + 1} slopes, "
                f"got {len(self.slopes)}."
            )
        if any(not math.isfinite(s) or s < 0 for s in self.slopes):
            raise ValueError(f"slopes must be finite and not negative, got {self.slopes}.")
        ordered = all(a < b for a, b in itertools.pairwise((1.0, *self.breakpoints)))
        if not ordered:
            raise ValueError(f"breakpoints must increase from above 1, got {self.breakpoints}.")
        if not 0.0 <= self.line_exponent <= 1.0:
            raise ValueError(
                "line_exponent must be from 0 (lines equidistant in log MI) to 1 (in MI), got "
                f"{self.line_exponent}."
            )

    @classmethod
    def from_analysis(
        cls, analysis: DecayAnalysis, *, snap: bool = True, line_exponent: float = LINE_EXPONENT
    ) -> DecayGeometry:
        """Read the geometry off a decay analysis."""
        modulated = analysis.period_kind == "modulating" and analysis.period is not None
        period = int(analysis.period) if snap and modulated and analysis.period else None
        if analysis.law not in CURVED_LAWS:
            return cls(analysis.law, snap_period=period, line_exponent=line_exponent)
        breaks = [b for b in analysis.breakpoints if b > 1.0] if analysis.law != "power" else []
        # The last piece is straight for good: any stretch of it shows its slope.
        edges = np.array([1.0, *breaks, 2.0 * max([float(analysis.max_dilation), *breaks])])
        drops = -np.diff(np.log(analysis.predict(edges)))
        slopes = [_significant(s) for s in np.maximum(drops, 0.0) / np.diff(np.log(edges))]
        inflections = tuple(_significant(b) for b in breaks)
        return cls(analysis.law, inflections, tuple(slopes), period, line_exponent)

    def up_to(self, max_dilation: int) -> DecayGeometry:
        """Drop the segments that begin at ``max_dilation`` or beyond."""
        kept = tuple(b for b in self.breakpoints if b < max_dilation)
        return replace(self, breakpoints=kept, slopes=self.slopes[: len(kept) + 1])

    @property
    def n_segments(self) -> int:
        """Number of stretches with a density of their own."""
        return len(self.slopes)

    def counts(self, max_dilation: int, n_layers: int) -> tuple[int, ...]:
        """Share ``n_layers`` equidistant lines out among the segments."""
        counts = natural_counts(
            self.breakpoints, self.slopes, max_dilation, n_layers, self.line_exponent
        )
        return counts + (0,) * (self.n_segments - len(counts))

    def standard_layers(self, max_dilation: int) -> int:
        """Return how many layers doubling takes where the curve is flattest.

        The standard progression is the guide for a reasonable rate of decay [MK20, §3]; steeper
        segments become denser in proportion to their slope.
        """
        if max_dilation <= 1:
            return 1
        edges = [1.0, *(b for b in self.breakpoints if b < max_dilation), float(max_dilation)]
        steepness = relative_steepness(self.slopes[: len(edges) - 1])
        density = steepness / steepness.min()
        octaves = float(density @ np.diff(np.log2(edges)))
        return min(math.ceil(octaves - 1e-9) + 1, max_dilation)

    def place(self, max_dilation: int, counts: Sequence[int]) -> tuple[int, ...]:
        """Return the dilations for these layers in each segment."""
        if self.law in CURVED_LAWS:
            positions = line_positions(
                self.breakpoints, self.slopes, max_dilation, counts, self.line_exponent
            )
        else:
            positions = doubling_positions(max_dilation, sum(counts))
        dilations = to_increasing_integers(positions, max_dilation)
        if self.snap_period is None or dilations[-1] < self.snap_period:
            return dilations
        return snap_to_period(dilations, self.snap_period)
