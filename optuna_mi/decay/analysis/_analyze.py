"""From a decay curve to its law and the span of dependence."""

from __future__ import annotations

import itertools
from collections.abc import Sequence as SequenceABC
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import instance, one_of, real, reals, whole
from optuna_mi.decay._decay_analysis import DecayAnalysis, LawName
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay.analysis._bins import Bins, Noise, make_bins, measure_noise
from optuna_mi.decay.analysis._crossing import crossing, crossing_interval, last_above
from optuna_mi.decay.analysis._period import Period, describe_given, envelope, find_period, judge
from optuna_mi.decay.analysis._verdict import resolution_sentence, span
from optuna_mi.decay.analysis.laws._choose import (
    Choice,
    choose_law,
    fit_periodic,
    points_above_noise,
)
from optuna_mi.decay.analysis.laws._law import Law, evaluate_log

Floats = npt.NDArray[np.float64]

# bins an octave of peaks that drown one by one
_POOLED_BINS = 2


def analyze_decay(
    curve: DecayCurve,
    *,
    threshold: float = 1e-5,
    law: LawName | None = None,
    breakpoints: SequenceABC[float] | None = None,
    period: int | None = None,
    seed: int = 0,
) -> DecayAnalysis:
    """Find the law of a decay curve, its inflections or period, and how far dependence reaches.

    Args:
        curve: The curve; its baseline is subtracted and its floor respected.
        threshold: MI in nats at which dependence counts as over; never taken below the noise
            floor of the smoothed curve.
        law: Take this law instead of the best.
        breakpoints: Take inflections at these distances; implies ``law="broken_power"``.
        period: Take this distance between peaks; implies ``law="periodic_power"``.
        seed: Seed of the bootstrap intervals.

    Returns:
        The analysis.

    Raises:
        TypeError: If curve is no DecayCurve.
        ValueError: If a setting is out of range, or settings contradict each other, or a period
            is given for a curve that is 0 everywhere.

    Note:
        Source: [MK20] §3; the explanation "Decay curves", gives the choices and their reasons.

    Example:
        >>> lags = np.arange(1, 40)
        >>> analyze_decay(DecayCurve(lags, 0.3 * np.exp(-0.5 * lags))).law
        'exponential'
    """
    given = _check(curve, threshold, law, breakpoints, period)
    rng = np.random.default_rng(whole("seed", seed))
    y = curve.mi_corrected
    noise = measure_noise(curve)
    bins = make_bins(curve.lags, y, noise)
    found = _period(curve, noise, given)
    if found is not None:
        bins = _envelope_bins(curve, noise, found)
    end = crossing(bins, threshold)
    last = last_above(bins, threshold)
    returns = None
    if found is not None:
        chosen = fit_periodic(curve, noise, found, points_above_noise(bins, threshold))
        returns = judge(curve.lags, y, found, end)
    elif given.law == "none" or (given.law is None and last < 0):
        level = max(float(np.median(bins.floor)), threshold)
        chosen = Choice("none", Law(float(np.log(level)), (0.0,)), {"none": 0.0})
    else:
        chosen = choose_law(
            points_above_noise(bins, threshold),
            crossed=end is not None,
            law=given.law,
            breakpoints=given.breakpoints,
            rng=rng,
        )
    effective = max(threshold, float(bins.floor[max(last, 0)]))
    interval = None
    if end is not None and last >= 0:
        interval = crossing_interval(
            bins, np.exp(evaluate_log(chosen.law, bins.lag)), threshold, rng
        )
    reach, reason = span(curve, chosen.name, end, effective, found, returns, chosen.law)
    resolved, sentence = resolution_sentence(curve, threshold, effective, noise.estimated)
    return DecayAnalysis(
        curve=curve,
        threshold=float(threshold),
        effective_threshold=effective,
        law=chosen.name,
        fit=chosen.law,
        max_dilation=reach,
        max_dilation_reason=reason,
        forced=given.names,
        scores=chosen.scores,
        breakpoints=chosen.law.knots if chosen.name == "broken_power" else (),
        breakpoint_intervals=chosen.intervals,
        crossing=end if last >= 0 else None,
        crossing_interval=interval,
        period=found.period if found else None,
        period_kind=returns.kind if returns else None,
        period_strength=found.strength if found else None,
        resolved=resolved,
        resolution=sentence,
    )


@dataclass(frozen=True)
class _Given:
    law: LawName | None
    breakpoints: tuple[float, ...] | None
    period: int | None
    names: tuple[str, ...]


def _check(
    curve: DecayCurve,
    threshold: float,
    law: LawName | None,
    breakpoints: SequenceABC[float] | None,
    period: int | None,
) -> _Given:
    instance(
        "curve",
        curve,
        DecayCurve,
        "a DecayCurve",
        "make one with decay_curve(x), or wrap a published one: DecayCurve(lags, mi)",
    )
    real("threshold", threshold, above=0)
    one_of("law", law, (*get_args(LawName), None))
    values = None
    if breakpoints is not None:
        values = tuple(float(b) for b in np.atleast_1d(reals("breakpoints", breakpoints)).ravel())
        ordered = all(a < b for a, b in itertools.pairwise(values))
        if not values or not ordered or not values[0] > 1 or values[-1] >= curve.lags[-1]:
            raise ValueError(
                "breakpoints must be increasing distances between 1 and the last lag "
                f"{curve.lags[-1]}, got {breakpoints!r}"
            )
        if law not in (None, "broken_power"):
            raise ValueError(f"breakpoints belong to law='broken_power', got law={law!r}")
    if period is not None:
        whole("period", period, 2, int(curve.lags[-1]))
        if law not in (None, "periodic_power") or values is not None:
            raise ValueError("period belongs to law='periodic_power', without breakpoints")
    pairs = (("law", law), ("breakpoints", values), ("period", period))
    names = tuple(name for name, value in pairs if value is not None)
    implied: LawName | None = law
    if values is not None:
        implied = "broken_power"
    elif period is not None:
        implied = "periodic_power"
    return _Given(implied, values, None if period is None else int(period), names)


def _period(curve: DecayCurve, noise: Noise, given: _Given) -> Period | None:
    y = curve.mi_corrected
    if given.period is not None:
        if not y.any():
            raise ValueError(
                f"period={given.period} was given, but the curve is 0 at all lags: there are no "
                "peaks to repeat; leave the period out"
            )
        return describe_given(curve.lags, y, noise.peaks, noise.floor, given.period)
    if given.law not in (None, "periodic_power"):
        return None
    found = find_period(curve.lags, y, noise.peaks, noise.floor, curve.correlation)
    if found is None and given.law == "periodic_power":
        raise ValueError(
            "law='periodic_power' was asked for, but no period was found; give it: period=..."
        )
    return found


def _envelope_bins(curve: DecayCurve, noise: Noise, period: Period) -> Bins:
    """Return bins of the peaks.

    Their floor is that of single lags, as a maximum averages nothing. Peaks that drown one by one
    are averaged instead, without the lags between them, over wide bins.
    """
    y = curve.mi_corrected
    if period.pooled:
        tooth = (curve.lags % period.period == 0) | (curve.lags == 1)
        return make_bins(curve.lags[tooth], y[tooth], noise.at(tooth), _POOLED_BINS)
    top = envelope(curve.lags, y, period.period)
    single = make_bins(curve.lags, top, noise)
    floor = make_bins(curve.lags, noise.floor, noise).value
    return replace(single, floor=floor)
