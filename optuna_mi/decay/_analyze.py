"""From a decay curve to its law and the span of dependence."""

from __future__ import annotations

import itertools
from collections.abc import Sequence as SequenceABC
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import numpy.typing as npt

from optuna_mi.decay._bins import Bins, Noise, make_bins, measure_noise
from optuna_mi.decay._crossing import crossing, crossing_interval, last_above
from optuna_mi.decay._decay_analysis import DecayAnalysis, LawName
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay._fits import (
    Points,
    fit_broken,
    fit_exponential,
    fit_flat,
    fit_power,
    knot_intervals,
    knot_search,
    score,
)
from optuna_mi.decay._laws import Law, evaluate_log
from optuna_mi.decay._period import Period, describe_given, envelope, find_period
from optuna_mi.decay._verdict import resolution_sentence, span

Floats = npt.NDArray[np.float64]


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
        ValueError: If a setting is out of range, or settings contradict each other.

    Note:
        Source: [MK20] §3; the guide, "Decay curves", gives the choices and their reasons.

    Example:
        >>> lags = np.arange(1, 40)
        >>> analyze_decay(DecayCurve(lags, 0.3 * np.exp(-0.5 * lags))).law
        'exponential'
    """
    given = _check(curve, threshold, law, breakpoints, period)
    rng = np.random.default_rng(seed)
    y = curve.mi_corrected
    noise = measure_noise(curve)
    bins = make_bins(curve.lags, y, noise, curve.std_error)
    found = _period(curve, noise, given)
    if found is not None:
        bins = _envelope_bins(curve, noise, bins, found.period)
    fitted = _fit(curve, bins, noise, found, given, threshold, rng)
    end = crossing(bins, threshold)
    last = last_above(bins, threshold)
    effective = max(threshold, float(bins.floor[max(last, 0)]))
    interval = None
    if end is not None and last >= 0:
        interval = crossing_interval(
            bins, np.exp(evaluate_log(fitted.law, bins.lag)), threshold, rng
        )
    is_periodic = fitted.name == "periodic_power"
    shown = found if is_periodic else None
    reach, reason = span(curve, fitted.name, end, effective, shown, noise.estimated, fitted.law)
    resolved, sentence = resolution_sentence(curve, threshold, effective, noise.estimated)
    return DecayAnalysis(
        curve=curve,
        threshold=float(threshold),
        effective_threshold=effective,
        law=fitted.name,
        fit=fitted.law,
        max_dilation=reach,
        max_dilation_reason=reason,
        forced=given.names,
        scores=fitted.scores,
        breakpoints=fitted.law.knots if fitted.name == "broken_power" else (),
        breakpoint_intervals=fitted.intervals,
        crossing=end if last >= 0 else None,
        crossing_interval=interval,
        period=shown.period if shown else None,
        period_kind=shown.kind if shown else None,
        period_strength=shown.strength if shown else None,
        resolved=resolved,
        resolution=sentence,
    )


@dataclass(frozen=True)
class _Given:
    law: LawName | None
    breakpoints: tuple[float, ...] | None
    period: int | None
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Fitted:
    name: LawName
    law: Law
    scores: dict[str, float]
    intervals: tuple[tuple[float, float], ...] = ()


def _check(
    curve: DecayCurve,
    threshold: float,
    law: LawName | None,
    breakpoints: SequenceABC[float] | None,
    period: int | None,
) -> _Given:
    if not isinstance(curve, DecayCurve):
        raise TypeError(
            f"analyze_decay takes a DecayCurve, got {type(curve).__name__}; make one with "
            "decay_curve(x), or wrap a published one: DecayCurve(lags, mi)"
        )
    if not (np.isfinite(threshold) and threshold > 0):
        raise ValueError(f"threshold must be a positive number of nats, got {threshold!r}")
    allowed = get_args(LawName)
    if law is not None and law not in allowed:
        raise ValueError(f"law must be one of {allowed}, got {law!r}")
    values = None
    if breakpoints is not None:
        values = tuple(float(b) for b in np.atleast_1d(np.asarray(breakpoints, dtype=np.float64)))
        ordered = all(a < b for a, b in itertools.pairwise(values))
        if not values or not ordered or not values[0] > 1 or values[-1] >= curve.lags[-1]:
            raise ValueError(
                "breakpoints must be increasing distances between 1 and the last lag "
                f"{curve.lags[-1]}, got {breakpoints!r}"
            )
        if law not in (None, "broken_power"):
            raise ValueError(f"breakpoints belong to law='broken_power', got law={law!r}")
    if period is not None:
        whole = isinstance(period, int | np.integer) and not isinstance(period, bool)
        if not whole or not 2 <= period <= curve.lags[-1]:
            raise ValueError(
                f"period must be an integer from 2 to the last lag {curve.lags[-1]}, got {period!r}"
            )
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
        return describe_given(curve.lags, y, noise.scatter, noise.floor, given.period)
    if given.law not in (None, "periodic_power"):
        return None
    found = find_period(curve.lags, y, noise.scatter, noise.floor)
    if found is None and given.law == "periodic_power":
        raise ValueError(
            "law='periodic_power' was asked for, but no period was found; give it: period=..."
        )
    return found


def _envelope_bins(curve: DecayCurve, noise: Noise, bins: Bins, period: int) -> Bins:
    """Return bins of the peaks, whose floor is that of single lags: a maximum averages nothing."""
    top = envelope(curve.lags, curve.mi_corrected, period)
    single = make_bins(curve.lags, top, noise, curve.std_error)
    floor = make_bins(curve.lags, noise.floor, noise, curve.std_error).value
    return replace(single, floor=floor, common=bins.common)


def _points(bins: Bins, threshold: float) -> Points:
    """Return the bins above the noise, up to the last one; a few beyond if they are too few."""
    last = last_above(bins, threshold)
    # a weaker floor than for the crossing: points of a fit may err, but not be mere noise
    use = (bins.value > bins.floor) & (np.arange(bins.lag.size) <= last)
    value, error = bins.value, bins.error / np.maximum(bins.value, 1e-300)
    log_value = np.log(np.maximum(value, 1e-300))
    if use.sum() < 3:
        # what comes after a short decay is at most half the floor, within a factor of e
        after = np.arange(bins.lag.size)[last + 1 : last + 1 + (3 - int(use.sum()))]
        limit = 0.5 * np.maximum(bins.floor, min(threshold, float(value[0]) / 2))
        log_value[after] = np.log(limit[after])
        error = error.copy()
        error[after] = 1.0
        use = use.copy()
        use[after] = True
    return Points(bins.lag[use], log_value[use], error[use], np.ones(int(use.sum())))


def _fit(
    curve: DecayCurve,
    bins: Bins,
    noise: Noise,
    found: Period | None,
    given: _Given,
    threshold: float,
    rng: np.random.Generator,
) -> _Fitted:
    if given.law == "none" or (last_above(bins, threshold) < 0 and given.law is None):
        level = max(float(np.median(bins.floor)), threshold)
        return _Fitted("none", Law(float(np.log(level)), (0.0,)), {"none": 0.0})
    points = _points(bins, threshold)
    laws: dict[LawName, tuple[Law, int]] = {
        "flat": (fit_flat(points), 1),
        "power": (fit_power(points), 2),
        "exponential": (fit_exponential(points), 2),
    }
    scores: dict[str, float] = {
        name: score(law, points, n_parameters=k, flat=name == "flat")
        for name, (law, k) in laws.items()
    }
    searches = {k: knot_search(points, k) for k in (1, 2, 3)}
    broken: dict[int, Law] = {}
    for k, search in searches.items():
        if search is not None:
            broken[k] = fit_broken(points, search)
            scores[f"broken_power_{k}"] = score(broken[k], points, n_parameters=2 + 2 * k)
    if given.breakpoints is not None:
        law = fit_power(points.evenly_weighted(), given.breakpoints)
        scores["broken_power"] = score(law, points, n_parameters=2 + len(given.breakpoints))
        return _Fitted("broken_power", law, scores, tuple((b, b) for b in given.breakpoints))
    if found is not None:
        law = fit_power(_peaks(curve, noise, found.period))
        scores["periodic_power"] = min(scores.values())
        return _Fitted("periodic_power", law, scores)
    best_k = min(broken, key=lambda k: scores[f"broken_power_{k}"], default=None)
    name = given.law
    if name is None:
        # a curve that has come down to the threshold is not flat
        candidates: dict[LawName, float] = {n: scores[n] for n in laws}
        if crossing(bins, threshold) is not None:
            del candidates["flat"]
        if best_k is not None:
            candidates["broken_power"] = scores[f"broken_power_{best_k}"]
        name = min(candidates.items(), key=lambda item: item[1])[0]
    assert name is not None
    if name == "broken_power":
        if best_k is None:
            raise ValueError(
                f"law='broken_power' needs six averages above the noise, got {points.size}; give "
                "breakpoints=..., or measure more lags"
            )
        search = searches[best_k]
        assert search is not None
        intervals = knot_intervals(points, broken[best_k], search, rng)
        law = fit_power(points.evenly_weighted(), broken[best_k].knots)
        return _Fitted(name, law, scores, intervals)
    if name == "power":
        return _Fitted(name, fit_power(points.evenly_weighted()), scores)
    return _Fitted(name, laws[name][0], scores)


def _peaks(curve: DecayCurve, noise: Noise, period: int) -> Points:
    """Return lag 1 and the multiples of the period that stand above the noise."""
    y = curve.mi_corrected
    use = ((curve.lags % period == 0) | (curve.lags == curve.lags[0])) & (y > noise.floor) & (y > 0)
    use[0] = y[0] > 0
    lag = curve.lags[use].astype(np.float64)
    value = y[use]
    error = noise.scatter[use] if curve.std_error is None else curve.std_error[use]
    return Points(lag, np.log(value), np.minimum(error / value, 1e3), np.ones(lag.size))
