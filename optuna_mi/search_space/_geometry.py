"""What of a decay analysis decides where dilations go."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from optuna_mi._checks import flag, listed, one_of, real, whole, wholes
from optuna_mi.search_space._check_arguments import check_analysis
from optuna_mi.search_space._placement import (
    around_list,
    bounded,
    doubling_positions,
    line_positions,
    natural_counts,
    relative_steepness,
    snap_to_delays,
    snap_to_period,
    to_increasing_integers,
)

if TYPE_CHECKING:
    from optuna_mi.decay import DecayAnalysis

#: Laws whose dilations follow the curve; all others keep the standard progression [MK20, §3].
CURVED_LAWS = ("power", "broken_power")

LAWS = {
    "power": "Mutual information decays as a power law",
    "broken_power": "Mutual information decays as a broken power law",
    "exponential": "Mutual information decays exponentially",
    "periodic_power": "Mutual information decays as a power law with a period",
    "flat": "Mutual information does not decay with distance",
    "delays": "Mutual information stands above the noise only at single distances",
    "none": "No mutual information stands above the noise",
    "given": "The dilations are around a list of your own",
    "lags": "The dilations are around the distances that add most to a prediction",
}

#: Laws of lists that were not read off any curve; ``delays`` are their dilations.
GIVEN, LAGS = "given", "lags"

#: Lines equidistant in the fourth root of MI, not in its logarithm as in [MK20]: with few layers
#: the logarithm spends them far away, where little is left to learn (docs/findings/worth.md).
LINE_EXPONENT = 0.25

#: Neighbouring dilations differ by no more than this factor, so the shorter one reaches over the
#: gap in a few steps. Lists of [MK20] stay below 3.3, those whose worth was measured here below 6.
MAX_RATIO = 8.0


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
        max_ratio: Largest ratio of neighbouring dilations where the layers allow it, or ``None``.
        delays: Single distances that the dilations should contain, the most telling ones first.
    """

    law: str
    breakpoints: tuple[float, ...] = ()
    slopes: tuple[float, ...] = (1.0,)
    snap_period: int | None = None
    line_exponent: float = 0.0
    max_ratio: float | None = None
    delays: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        # Lists would make it unequal to its own JSON, and unhashable.
        one_of("law", self.law, LAWS)
        for name, least in (("breakpoints", 1.0), ("slopes", 0.0)):
            values = listed(name, getattr(self, name), "numbers")
            for i, value in enumerate(values):
                real(f"{name}[{i}]", value, least=least)
            object.__setattr__(self, name, values)
        if self.snap_period is not None:
            object.__setattr__(self, "snap_period", whole("snap_period", self.snap_period, 1))
        # 0: lines equidistant in log MI, 1: in MI
        real("line_exponent", self.line_exponent, least=0, most=1)
        if len(self.slopes) != len(self.breakpoints) + 1:
            raise ValueError(
                f"{len(self.breakpoints)} breakpoints need {len(self.breakpoints) + 1} slopes, "
                f"got {len(self.slopes)}."
            )
        ordered = all(a < b for a, b in itertools.pairwise((1.0, *self.breakpoints)))
        if not ordered:
            raise ValueError(f"breakpoints must increase from above 1, got {self.breakpoints}.")

        if self.max_ratio is not None:
            object.__setattr__(self, "max_ratio", real("max_ratio", self.max_ratio, above=1.0))
        object.__setattr__(self, "delays", wholes("delays", self.delays, 1))

    @classmethod
    def from_analysis(
        cls,
        analysis: DecayAnalysis,
        *,
        snap: bool = True,
        line_exponent: float = LINE_EXPONENT,
        max_ratio: float | None = MAX_RATIO,
    ) -> DecayGeometry:
        """Read the geometry off a decay analysis."""
        check_analysis(analysis)
        flag("snap", snap)
        modulated = analysis.period_kind == "modulating" and analysis.period is not None
        period = int(analysis.period) if snap and modulated and analysis.period else None
        general = partial(
            cls,
            snap_period=period,
            line_exponent=line_exponent,
            max_ratio=max_ratio,
            delays=_single_distances(analysis) if snap else (),
        )
        if analysis.law not in CURVED_LAWS:
            return general(analysis.law)
        breaks = [b for b in analysis.breakpoints if b > 1.0] if analysis.law != "power" else []
        # The last piece is straight for good: any stretch of it shows its slope.
        edges = np.array([1.0, *breaks, 2.0 * max([float(analysis.max_dilation), *breaks])])
        drops = -np.diff(np.log(analysis.predict(edges)))
        slopes = [_significant(s) for s in np.maximum(drops, 0.0) / np.diff(np.log(edges))]
        inflections = tuple(_significant(b) for b in breaks)
        return general(analysis.law, inflections, tuple(slopes))

    def up_to(self, max_dilation: int) -> DecayGeometry:
        """Drop the segments that begin at ``max_dilation`` or beyond."""
        whole("max_dilation", max_dilation, 1)
        kept = tuple(b for b in self.breakpoints if b < max_dilation)
        return replace(self, breakpoints=kept, slopes=self.slopes[: len(kept) + 1])

    @property
    def n_segments(self) -> int:
        """Number of stretches with a density of their own."""
        return len(self.slopes)

    def counts(self, max_dilation: int, n_layers: int) -> tuple[int, ...]:
        """Share ``n_layers`` equidistant lines out among the segments."""
        whole("max_dilation", max_dilation, 1)
        whole("n_layers", n_layers, 1)
        natural = natural_counts(
            self.breakpoints, self.slopes, max_dilation, n_layers, self.line_exponent
        )
        counts = natural + (0,) * (self.n_segments - len(natural))
        if self.max_ratio is None or self.law not in CURVED_LAWS or n_layers < 2:
            return counts
        # where lines have to move up they may change segments
        positions = line_positions(
            self.breakpoints, self.slopes, max_dilation, counts, self.line_exponent
        )
        moved = bounded(positions, (n_layers,), (float(max_dilation),), self.max_ratio)
        edges = np.array([b for b in self.breakpoints if b < max_dilation])
        inside = np.bincount(np.searchsorted(edges, moved), minlength=len(edges) + 1)
        return (*(int(c) for c in inside), *[0] * (self.n_segments - len(inside)))

    def standard_layers(self, max_dilation: int) -> int:
        """Return how many layers doubling takes where the curve is flattest.

        The standard progression is the guide for a reasonable rate of decay [MK20, §3]; steeper
        segments become denser in proportion to their slope.
        """
        if whole("max_dilation", max_dilation, 1) <= 1:
            return 1
        if self.law in (GIVEN, LAGS):
            return len(self.delays)
        edges = [1.0, *(b for b in self.breakpoints if b < max_dilation), float(max_dilation)]
        steepness = relative_steepness(self.slopes[: len(edges) - 1])
        density = steepness / steepness.min()
        octaves = float(density @ np.diff(np.log2(edges)))
        return min(math.ceil(octaves - 1e-9) + 1, max_dilation)

    def place(self, max_dilation: int, counts: Sequence[int]) -> tuple[int, ...]:
        """Return the dilations for these layers in each segment."""
        whole("max_dilation", max_dilation, 1)
        if len(wholes("counts", counts)) != self.n_segments or sum(counts) < 1:
            raise ValueError(
                f"counts must hold one number of layers for each of the {self.n_segments} "
                f"segments, not all zero, got {tuple(counts)}"
            )
        if self.law in (GIVEN, LAGS):
            return around_list(self.delays, max_dilation, sum(counts))
        if self.law in CURVED_LAWS:
            positions = line_positions(
                self.breakpoints, self.slopes, max_dilation, counts, self.line_exponent
            )
            if self.max_ratio is not None:
                knots = [b for b in self.breakpoints if b < max_dilation]
                kept = [*counts[: len(knots)], sum(counts[len(knots) :])]
                positions = bounded(positions, kept, [*knots, max_dilation], self.max_ratio)
        else:
            positions = doubling_positions(max_dilation, sum(counts))
        dilations = to_increasing_integers(positions, max_dilation)
        if self.snap_period is not None and dilations[-1] >= self.snap_period:
            dilations = snap_to_period(dilations, self.snap_period)
        return snap_to_delays(dilations, self.delays)


def _single_distances(analysis: DecayAnalysis) -> tuple[int, ...]:
    """Return delays, and periods, highest MI first."""
    found = [(d.mi, d.distance) for d in analysis.delays]
    # the one that counts is the largest dilation, unless others are longer
    longer = any(c.period > (analysis.period or 0) for c in analysis.periods)
    others = (c for c in analysis.periods if longer or c.period != analysis.period)
    found += [(c.mi, c.period) for c in others]
    return tuple(distance for _, distance in sorted(found, reverse=True))
