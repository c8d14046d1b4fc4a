"""The space with one of its parts changed or left out."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.worth._data import load
from optuna_mi import DilationSpace, analyze_decay, decay_curve
from optuna_mi.decay import DecayAnalysis, DecayCurve

# Keywords of the analysis. "floor only" asks for less than any curve can show.
_ANALYSES: Mapping[str, Mapping[str, Any]] = {
    "as it is": {},
    "threshold 1e-4": {"threshold": 1e-4},
    "floor only": {"threshold": 1e-12},
    "raw curve": {},
    "single power law": {"law": "power"},
}
# Keywords of the space.
_SPACES: Mapping[str, Mapping[str, Any]] = {
    "lines in log MI": {"line_exponent": 0.0},
    "lines in MI": {"line_exponent": 1.0},
}
VARIANTS = (*_ANALYSES, *_SPACES)


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
    return analyze_decay(curve, **_ANALYSES.get(variant, {}))


@functools.cache
def variant_space(name: str, variant: str, window: int | None, layers: int) -> DilationSpace:
    """Return the space of a data set under a variant."""
    analysis = variant_analysis(name, variant)
    options = _SPACES.get(variant, {})
    return DilationSpace.from_analysis(analysis, window=window, max_layers=layers, **options)


def recommended_list(name: str, variant: str, window: int | None, layers: int) -> tuple[int, ...]:
    """Return the list that a variant recommends."""
    space = variant_space(name, variant, window, layers)
    return space.dilations(space.recommended)
