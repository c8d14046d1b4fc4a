"""The space with one of its parts changed or left out."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.worth._data import load
from optuna_mi import DilationSpace, analyze_decay, decay_curve
from optuna_mi.decay import DecayAnalysis, DecayCurve
from optuna_mi.search_space._placement import to_increasing_integers

# Keywords of the analysis. "floor only" asks for less than any curve can show.
_ANALYSES: Mapping[str, Mapping[str, Any]] = {
    "as it is": {},
    "threshold 1e-4": {"threshold": 1e-4},
    "floor only": {"threshold": 1e-12},
    "raw curve": {},
    "lines in MI": {},
    "single power law": {"law": "power"},
}
VARIANTS = tuple(_ANALYSES)


@functools.cache
def curve_of(name: str) -> tuple[DecayCurve, float]:
    """Return the decay curve of a data set's training split, and its CPU seconds."""
    sequences = load(name).sequences
    started = time.process_time()
    return decay_curve(sequences, seed=0), time.process_time() - started


@functools.cache
def variant_analysis(name: str, variant: str) -> DecayAnalysis:
    """Return the analysis of a data set under a variant."""
    curve, _ = curve_of(name)
    if variant == "raw curve":  # as published curves are: no surrogates, no floor
        curve = dataclasses.replace(
            curve, baseline=None, std_error=None, floor=None, floor_shared=None, memory=None
        )
    return analyze_decay(curve, **_ANALYSES[variant])


@functools.cache
def variant_space(name: str, variant: str, window: int | None, layers: int) -> DilationSpace:
    """Return the space of a data set under a variant; "lines in MI" changes lists, not ranges."""
    analysis = variant_analysis(name, variant)
    return DilationSpace.from_analysis(analysis, window=window, max_layers=layers)


def recommended_list(name: str, variant: str, window: int | None, layers: int) -> tuple[int, ...]:
    """Return the list that a variant recommends."""
    space = variant_space(name, variant, window, layers)
    found = space.dilations(space.recommended)
    if variant != "lines in MI" or space.geometry.law not in ("power", "broken_power"):
        return found
    return lines_in_mi(variant_analysis(name, variant), found[-1], len(found))


def lines_in_mi(analysis: DecayAnalysis, largest: int, n_layers: int) -> tuple[int, ...]:
    """Return where lines equidistant in MI, not in log MI, meet the fitted law.

    Example:
        >>> lags = np.arange(1, 200)
        >>> analysis = analyze_decay(DecayCurve(lags, 0.1 * lags**-1.0), law="power")
        >>> lines_in_mi(analysis, 100, 5)  # MI of 1, 3/4, 1/2, 1/4, 0 of the drop
        (1, 2, 3, 4, 100)
    """
    distance = np.geomspace(1, largest, 10_000)
    level = analysis.predict(distance)
    lines = np.linspace(level[0], level[-1], n_layers)
    return to_increasing_integers(np.interp(-lines, -level, distance), largest)
